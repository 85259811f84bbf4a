/** Engine.IO 4 over WebSocket, and Socket.IO 5 on it: as much as a person needs to try an endpoint. */

import { inHex, sendBytes, tellMessage } from './bytes.js';

const ENGINE = ['open', 'close', 'ping', 'pong', 'message', 'upgrade', 'noop'];
const KINDS = ['CONNECT', 'DISCONNECT', 'EVENT', 'ACK', 'CONNECT_ERROR', 'EVENT', 'ACK'];

/** @typedef {{ kind: number, missing: number, namespace: string, id: string, payload: string }} Packet */

/**
 * Reads a packet of Socket.IO; null where it is none.
 * @param {string} text
 * @returns {Packet | null}
 */
export function parse(text) {
  const found = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),?)?(\d*)(.*)$/s.exec(text);
  if (!found) return null;
  const [, kind, missing = '0', namespace = '/', id, payload] = found;
  return { kind: Number(kind), missing: Number(missing), namespace, id, payload };
}

/**
 * @param {import('./link.js').Target} target
 * @param {import('./link.js').Hooks} hooks
 * @returns {import('./link.js').Wire}
 */
export function engine(target, { tell, opened }) {
  const { endpoint, url, namespace } = target;
  const isSocketIo = endpoint.dialect === 'socketio';
  const prefix = namespace === '/' ? '' : `${namespace},`;
  /** @type {WebSocket} */
  let socket;
  /** A packet whose attachments are on their way. @type {{ text: string, packet: Packet, parts: ArrayBuffer[] } | null} */
  let half = null;
  let acks = 0;
  let rejected = '';
  url.searchParams.set('EIO', '4');
  url.searchParams.set('transport', 'websocket');

  const send = (/** @type {string} */ text, /** @type {string} */ type) => {
    socket.send(text);
    tell('sent', text, { type });
  };

  /** @param {string} text */
  function received(text) {
    const kind = Number(text[0]);
    if (kind !== 4 || !isSocketIo) tell('received', text, kind === 4 ? {} : { type: ENGINE[kind] });
    if (kind === 2) send('3', 'pong');
    else if (kind === 0 && !isSocketIo) opened();
    else if (kind === 0) {
      const { token, by } = target;
      send(`40${prefix}${token && by === 'payload' ? JSON.stringify({ token }) : ''}`, 'CONNECT');
    } else if (kind === 4 && isSocketIo) {
      const packet = parse(text.slice(1));
      if (packet?.missing) half = { text, packet, parts: [] };
      else show(text, packet);
    }
  }

  /** @param {string} text @param {Packet | null} packet */
  function show(text, packet) {
    if (!packet) return tell('received', text, { type: 'no packet' });
    const { kind, id, payload } = packet;
    const name = KINDS[kind] === 'EVENT' && /^\["((?:[^"\\]|\\.)*)"/.exec(payload)?.[1];
    tell('received', text, { type: name || `${KINDS[kind]} ${id}`.trim() });
    if (KINDS[kind] === 'CONNECT') opened();
    if (KINDS[kind] !== 'CONNECT_ERROR') return;
    rejected = `The gateway does not let this client into ${namespace}: ${payload}`;
    socket.close(1000);
  }

  /** @param {ArrayBuffer} part */
  function attached(part) {
    if (!half) return tellMessage(tell, 'received', part);
    half.parts.push(part);
    const { text, packet, parts } = half;
    if (parts.length < packet.missing) return;
    half = null;
    const fill = (/** @type {string} */ whole) =>
      whole.replaceAll(
        /\{"_placeholder":true,"num":(\d+)\}/g,
        (_, number) => `"bytes ${inHex(parts[number])}"`,
      );
    show(fill(text), { ...packet, payload: fill(packet.payload) });
  }

  return {
    opened: (given) => (socket = given),
    received: (data) => (typeof data === 'string' ? received(data) : attached(data)),
    send(frame, { ack, hex }) {
      if (isSocketIo) {
        if (!isEvent(frame)) return 'An event is a JSON array that begins with its name, as ["ping", {}].';
        return send(
          `42${prefix}${ack ? acks++ : ''}${JSON.stringify(JSON.parse(frame))}`,
          JSON.parse(frame)[0],
        );
      }
      return hex ? sendBytes(socket, frame, tell) : send(`4${frame}`, 'message');
    },
    rejected: () => rejected,
  };
}

/** @param {string} frame */
function isEvent(frame) {
  try {
    const said = JSON.parse(frame);
    return Array.isArray(said) && typeof said[0] === 'string';
  } catch {
    return false;
  }
}
