/** What the codes mean that a WebSocket closes with. */

/** @type {Record<number, string>} */
const CODES = {
  1000: 'one side was done',
  1001: 'the gateway is going away',
  1002: 'a frame broke the WebSocket protocol',
  1003: 'data of a kind that is not taken here',
  1005: 'the close frame had no code',
  1006: 'the connection broke without a close frame',
  1007: 'a text frame was not UTF-8',
  1008: 'policy: the origin, a permission, or a token that is revoked or expired',
  1009: 'a frame or message was longer than the limit',
  1011: 'a fault of the gateway, or its heartbeat was not answered',
  1012: 'the gateway restarts',
  1013: 'the gateway is at capacity, or this client was too slow; try again later',
};

/**
 * A close in one sentence.
 * @param {number} code
 * @param {string} reason  the gateway's, may be empty
 */
export function explain(code, reason) {
  const meaning =
    CODES[code] ?? (code >= 4000 ? 'a code of the application’s own' : 'a code without a known meaning');
  return `Closed with ${code}: ${meaning}.${reason ? ` The gateway says: ${reason}` : ''}`;
}
