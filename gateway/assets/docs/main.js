/** The page: loads both documents and puts them on it. */

import { contents } from './contents.js';
import { h } from './dom.js';
import { parsed } from './exchange.js';
import { arrive, follow, listen } from './moves.js';
import { httpPart, socketPart } from './parts.js';

const content = document.getElementById('content') ?? document.body;

/**
 * @param {string} path
 * @returns {Promise<{ doc?: any, error?: string }>}
 */
async function load(path) {
  try {
    const response = await fetch(path, { headers: { accept: 'application/json' } });
    const text = await response.text();
    const doc = parsed(text);
    if (!response.ok)
      return { error: `the gateway answered ${response.status}${doc?.detail ? `: ${doc.detail}` : ''}` };
    return typeof doc === 'object' && doc !== null
      ? { doc }
      : { error: 'what the gateway answered is not a JSON object' };
  } catch (error) {
    return { error: `the gateway did not answer (${error instanceof Error ? error.message : error})` };
  }
}

/**
 * The path of the document's server, on this page's own origin: no other may be asked from here.
 * @param {any} doc
 */
function baseOf(doc) {
  const { pathname } = new URL(doc?.servers?.[0]?.url ?? '/', location.origin);
  return location.origin + pathname.replace(/\/$/, '');
}

/** The token's field. It is held by the page alone: nothing is stored. */
function tokenField() {
  const id = 'token';
  const input = h('input', {
    id,
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'token-about',
  });
  const row = h(
    'div',
    { class: 'token field' },
    h('label', { for: id }, 'Bearer token, optional'),
    input,
    h(
      'p',
      { id: 'token-about', class: 'about' },
      'Goes with all that is sent from here. It is kept in this page’s memory and is gone with it.',
    ),
  );
  return {
    row,
    token: () => input.value.trim(),
    onToken: (/** @type {() => void} */ changed) => input.addEventListener('input', changed),
  };
}

/**
 * @param {string} title
 * @param {string} path
 * @param {string} error
 */
function failure(title, path, error) {
  return h(
    'section',
    { class: 'problem', role: 'alert' },
    h('h2', {}, title),
    h('p', {}, h('code', {}, path), ` cannot be shown: ${error}.`),
    h('button', { type: 'button', onclick: () => location.reload() }, 'Try again'),
  );
}

async function main() {
  // What needs this script is not there without it.
  for (const part of document.querySelectorAll('#menu, #side')) part.removeAttribute('hidden');
  content.replaceChildren(h('p', {}, 'The documents are being loaded …'));
  const [http, socket] = await Promise.all([load('/openapi.json'), load('/asyncapi.json')]);
  const info = http.doc?.info ?? socket.doc?.info ?? {};
  const title = info.title ?? 'API documents';
  document.title = `${title}: documents`;
  (document.getElementById('brand') ?? content).textContent = title;
  const { row, token, onToken } = tokenField();
  const context = { base: baseOf(http.doc), token, onToken };
  const shown = [
    http.doc && httpPart({ ...context, doc: http.doc }),
    socket.doc && socketPart({ ...context, doc: socket.doc }),
  ].filter((part) => part !== undefined);
  content.replaceChildren(
    h(
      'div',
      { class: 'intro' },
      h('h1', { id: 'top' }, title, ' ', info.version && h('span', { class: 'version' }, info.version)),
      h(
        'p',
        {},
        'What is served here over HTTP, and what clients send and get over WebSocket: to read and to try.',
      ),
      h(
        'p',
        { class: 'sources' },
        'For tools: ',
        h('a', { href: '/openapi.json' }, 'OpenAPI'),
        ' and ',
        h('a', { href: '/asyncapi.json' }, 'AsyncAPI'),
      ),
      row,
    ),
    ...(http.error ? [failure('HTTP API', '/openapi.json', http.error)] : []),
    ...(socket.error ? [failure('WebSocket', '/asyncapi.json', socket.error)] : []),
    ...shown.map(({ view }) => view),
  );
  const sidebar = contents(shown.map(({ part }) => part));
  content.removeAttribute('aria-busy');
  listen();
  window.addEventListener('hashchange', () => arrive(sidebar));
  arrive(sidebar);
  follow(sidebar.mark);
}

await main();
