/** One WebSocket, told about in words. */

import { explain } from './closes.js';
import { parsed } from './exchange.js';

/** @typedef {'closed' | 'opening' | 'open' | 'closing'} State */

/**
 * @param {(kind: import('./framelog.js').Kind, text: string) => void} tell  a line of the log
 * @param {() => void} changed  the state is another
 */
export function connection(tell, changed) {
  /** @type {WebSocket | null} */
  let socket = null;
  /** @type {State} */
  let state = 'closed';
  const enter = (/** @type {State} */ next) => {
    state = next;
    changed();
  };

  /** @param {URL} url */
  function open(url) {
    const address = new URL(url);
    address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    tell('note', `Connecting to ${hideToken(address)}`);
    let isOpen = false;
    const own = new WebSocket(address);
    socket = own;
    own.binaryType = 'arraybuffer';
    enter('opening');
    own.addEventListener('open', () => {
      isOpen = true;
      tell('note', 'Connected');
      enter('open');
    });
    own.addEventListener('message', ({ data }) => tell('received', text(data)));
    own.addEventListener('close', async ({ code, reason }) => {
      socket = null;
      if (isOpen || state === 'closing') tell('note', explain(code, reason));
      else tell('note', await whyRefused(url));
      enter('closed');
    });
  }

  return {
    get state() {
      return state;
    },
    open,
    /** @param {string} frame */
    send(frame) {
      socket?.send(frame);
      tell('sent', frame);
    },
    close() {
      socket?.close(1000);
      if (socket) enter('closing');
    },
  };
}

/** @param {string | ArrayBuffer} data */
function text(data) {
  return typeof data === 'string' ? data : new TextDecoder().decode(data);
}

/** @param {URL} url */
function hideToken(url) {
  const shown = new URL(url);
  if (shown.searchParams.has('token')) shown.searchParams.set('token', '…');
  return shown.href;
}

/**
 * A browser does not tell a page why a handshake failed: the same address is asked once more by plain HTTP,
 * which an endpoint of WebSockets answers with 426 whoever asks.
 * @param {URL} url
 */
async function whyRefused(url) {
  try {
    const response = await fetch(url, { cache: 'no-store' });
    const detail = parsed(await response.text())?.detail;
    if (response.status === 426) {
      const guess = url.searchParams.has('token')
        ? 'the token may be wrong or expired'
        : 'it may want a token';
      return (
        'The gateway refused, and a browser does not tell a page why. ' +
        `There is an endpoint at this address: ${guess}.`
      );
    }
    return `The gateway refused: ${response.status}${detail ? `, ${detail}` : ''}.`;
  } catch {
    return 'Nothing answers at this address: the gateway may be down.';
  }
}
