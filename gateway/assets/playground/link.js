/**
 * Connections to endpoints. A target is where to and how; hooks are told what happens; a link is what is held of it.
 *
 * @typedef {{ path: string, transport: string, dialect: string, anonymous: boolean, tokens: string[], namespaces: string[] }} Endpoint
 * @typedef {{ endpoint: Endpoint, url: URL, token: string, by: string, namespace: string }} Target
 * @typedef {object} Hooks
 * @property {(kind: 'sent' | 'received' | 'note', text: string, more?: { type?: string, bytes?: number }) => void} tell
 * @property {() => void} opened
 * @property {(why: string, isGood: boolean) => void} closed
 * @property {(field: string, value: string) => void} place  where to go on from, for the form
 * @typedef {{ ack: boolean, hex: boolean }} How
 * @typedef {{ send: (frame: string, how: How) => string | void, close: () => void }} Link  `send` answers what is wrong
 */

import { explain } from '/docs/closes.js';
import { sendBytes, tellMessage } from './bytes.js';
import { eventStream, poll, reason, shown } from './polling.js';
import { engine } from './socketio.js';
import { flaw } from './token.js';

/** @param {Target} target @param {Hooks} hooks @returns {Link} */
export function open(target, hooks) {
  switch (target.endpoint.transport) {
    case 'sse':
      return eventStream(target, hooks);
    case 'poll':
      return poll(target, hooks);
    case 'engineio':
      return webSocket(target, hooks, engine(target, hooks));
    default:
      return webSocket(target, hooks, frames(target, hooks));
  }
}

/**
 * What is said over a WebSocket. `rejected`: why the other side, that has taken the connection, does not go on.
 * @typedef {object} Wire
 * @property {(socket: WebSocket) => void} opened
 * @property {(data: string | ArrayBuffer) => void} received
 * @property {(frame: string, how: How) => string | void} send
 * @property {() => string} rejected
 */

/** @param {Target} target @param {Hooks} hooks @param {Wire} wire @returns {Link} */
function webSocket(target, hooks, wire) {
  const url = new URL(target.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  hooks.tell('note', `Connecting to ${shown(url)}`);
  /** @type {WebSocket} */
  let socket;
  try {
    socket = new WebSocket(url, target.token && target.by === 'subprotocol' ? ['bearer', target.token] : []);
  } catch (error) {
    // A token with signs that no subprotocol may have.
    queueMicrotask(() => hooks.closed(`The browser does not connect so: ${error}`, false));
    return { send: () => 'not connected', close: () => {} };
  }
  let [isOpen, isLeft] = [false, false];
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    isOpen = true;
    wire.opened(socket);
  };
  socket.onmessage = ({ data }) => wire.received(data);
  socket.onclose = async ({ code, reason }) => {
    if (isLeft) hooks.closed(isOpen ? explain(code, reason) : 'Given up before it was connected.', true);
    else if (wire.rejected()) hooks.closed(wire.rejected(), false);
    else if (isOpen) hooks.closed(explain(code, reason), code === 1000);
    else hooks.closed(await whyRefused(target), false);
  };
  return {
    send: wire.send,
    close() {
      isLeft = true;
      socket.close(1000);
    },
  };
}

/** Frames as they are. @param {Target} target @param {Hooks} hooks @returns {Wire} */
function frames({ endpoint, token, by }, { tell, opened }) {
  /** @type {WebSocket} */
  let socket;
  const send = (/** @type {string} */ text) => {
    socket.send(text);
    tell('sent', text);
  };
  return {
    opened(given) {
      socket = given;
      opened();
      if (token && by === 'first_frame') {
        const said = endpoint.dialect === 'envelope' ? { token } : { action: 'auth', data: { token } };
        send(JSON.stringify(said));
      }
    },
    received: (data) => tellMessage(tell, 'received', data),
    send: (frame, { hex }) => (hex ? sendBytes(socket, frame, tell) : send(frame)),
    rejected: () => '',
  };
}

/**
 * A browser does not tell a page why a handshake failed: the same address is asked once more by plain HTTP, which an
 * endpoint of WebSockets answers with 426 whoever asks.
 * @param {Target} target
 */
async function whyRefused({ url, token, endpoint }) {
  try {
    const response = await fetch(url, { cache: 'no-store' });
    if (response.status !== 426) return `The gateway refused: ${await reason(response)}.`;
  } catch {
    return 'Nothing answers at this address: the gateway may be down.';
  }
  const refused = 'The gateway refused the connection; a browser does not tell a page why. ';
  if (!token)
    return `${refused}${endpoint.anonymous ? 'It may be at a limit, or not let this page in.' : 'The endpoint wants a token.'}`;
  return (
    refused +
    (flaw(token) ||
      'The token is wrong for this endpoint: its signature, issuer, audience or claims, or it was revoked.')
  );
}
