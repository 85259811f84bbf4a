/** Bytes, as people write and read them. */

/** Bytes that are shown of one message. */
const SHOWN = 4096;

/** What is said where a text is none. */
export const NO_HEX = 'Bytes are pairs of hexadecimal digits, as 00 ff 7b.';

/**
 * Null where the text is no hexadecimal digits.
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer> | null}
 */
export function bytes(text) {
  const digits = text.replaceAll(/\s/g, '');
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {ArrayBuffer} buffer */
export function inHex(buffer) {
  const shown = new Uint8Array(buffer, 0, Math.min(SHOWN, buffer.byteLength));
  const digits = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return buffer.byteLength > SHOWN ? `${digits} …` : digits;
}

/**
 * Tells of a message as it came or went.
 * @param {import('./link.js').Hooks['tell']} tell
 * @param {'sent' | 'received'} kind
 * @param {string | ArrayBuffer} data
 */
export function tellMessage(tell, kind, data) {
  if (typeof data === 'string') tell(kind, data);
  else tell(kind, inHex(data), { type: 'bytes', bytes: data.byteLength });
}

/**
 * Sends digits as what they stand for; answers what is wrong with them.
 * @param {WebSocket} socket
 * @param {string} digits
 * @param {import('./link.js').Hooks['tell']} tell
 */
export function sendBytes(socket, digits, tell) {
  const given = bytes(digits);
  if (!given) return NO_HEX;
  socket.send(given);
  tellMessage(tell, 'sent', given.buffer);
}
