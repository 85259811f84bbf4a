/** The page: loads both documents and puts them on it. */

import { channels as channelsOf } from './asyncapi.js';
import { contents } from './contents.js';
import { fresh, h, heading } from './dom.js';
import { parsed } from './exchange.js';
import { methodLabel, operationSection, pathParts } from './http-view.js';
import { groups as groupsOf } from './openapi.js';
import { prose } from './prose-view.js';
import { channelSection } from './socket-view.js';
import { socketConsole } from './socket-try.js';

/**
 * What the parts of the page share.
 * @typedef {object} Context
 * @property {any} doc                             the document that references are looked up in
 * @property {string} base                         where requests go, without a slash at its end
 * @property {() => string} token                  empty: none
 * @property {(changed: () => void) => void} onToken
 */

/** @typedef {{ view: HTMLElement, part: import('./contents.js').Part }} Shown */

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
    if (!response.ok) return { error: `the gateway answered ${response.status}${doc?.detail ? `: ${doc.detail}` : ''}` };
    return typeof doc === 'object' && doc !== null ? { doc } : { error: 'what the gateway answered is not a JSON object' };
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
  const input = h('input', { id, type: 'password', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'token-about' });
  const row = h('div', { class: 'token field' },
    h('label', { for: id }, 'Bearer token, optional'), input,
    h('p', { id: 'token-about', class: 'about' }, 'Goes with all that is sent from here. It is kept in this page’s memory and is gone with it.'));
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
  return h('section', { class: 'problem', role: 'alert' },
    h('h2', {}, title),
    h('p', {}, h('code', {}, path), ` cannot be shown: ${error}.`),
    h('button', { type: 'button', onclick: () => location.reload() }, 'Try again'));
}

/**
 * @param {Context} context
 * @returns {Shown}
 */
function httpPart(context) {
  const groups = groupsOf(context.doc).map((group) => ({ ...group, id: fresh('tag') }));
  const view = h('section', { 'aria-labelledby': 'http-title', id: 'http' }, heading('h2', 'http', 'HTTP API'),
    groups.map(({ id, name, description, operations }) => h('section', { id, class: 'group' },
      heading('h3', id, name), prose(description),
      operations.map((operation) => operationSection(context, operation)))));
  const chapters = groups.map(({ id, name, operations }) => ({
    title: name, link: id,
    items: operations.map(({ id, method, path, words }) => (
      { id, words, label: [methodLabel(method), h('span', { class: 'path' }, pathParts(path))] })),
  }));
  return { view, part: { title: 'HTTP API', chapters } };
}

/**
 * @param {Context} context
 * @returns {Shown}
 */
function socketPart(context) {
  const channels = channelsOf(context.doc);
  const sockets = channels.filter(({ isSocket }) => isSocket);
  const live = sockets.length ? socketConsole(context, sockets) : null;
  const view = h('section', { 'aria-labelledby': 'socket-title', id: 'socket' }, heading('h2', 'socket', 'WebSocket'),
    prose(context.doc.info?.description ?? ''), live?.section,
    channels.map((channel) => channelSection(context.doc, channel, (message) => live?.use(channel, message))));
  const item = (/** @type {string} */ sign, /** @type {string} */ word) => (/** @type {import('./asyncapi.js').Message} */ { id, name, words }) => (
    { id, words, label: [h('span', { class: `method ${word === 'request' ? 'out' : 'in'}` }, h('span', { 'aria-hidden': 'true' }, sign), h('span', { class: 'unseen' }, word)), h('span', { class: 'path' }, name)] });
  const chapters = channels.map(({ id, title, requests, events }) => (
    { title, link: id, items: [...requests.map(item('↑', 'request')), ...events.map(item('↓', 'event'))] }));
  if (live) chapters.unshift({ title: 'Try a WebSocket', link: 'console', items: [] });
  return { view, part: { title: 'WebSocket', chapters } };
}

/**
 * Goes to what the address names, so that the keyboard and a screen reader go on from there, too.
 * @param {{ clear: () => void }} sidebar
 */
function arrive(sidebar) {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  if (!target) return;
  if (target.closest('[hidden]')) sidebar.clear();
  toggleMenu(false);
  const title = document.getElementById(`${id}-title`);
  title?.focus({ preventScroll: true });
  target.scrollIntoView();
}

/** @param {boolean} [open] */
function toggleMenu(open) {
  const menu = document.getElementById('menu');
  const isOpen = open ?? menu?.getAttribute('aria-expanded') !== 'true';
  menu?.setAttribute('aria-expanded', String(isOpen));
  document.body.classList.toggle('menu', isOpen);
  // On a phone the contents cover the page, which must not be reached behind them.
  content.inert = isOpen;
}

/** Marks in the contents what is at the top of the window. @param {(id: string) => void} mark */
function follow(mark) {
  const seen = new Set();
  const watch = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
    }
    const top = [...seen].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[0];
    if (top) mark(top.id);
  }, { rootMargin: '-10% 0px -75% 0px' });
  for (const entry of document.querySelectorAll('.entry')) watch.observe(entry);
}

/** Keys and the menu of narrow windows. */
function listen() {
  const menu = document.getElementById('menu');
  const query = document.getElementById('query');
  menu?.addEventListener('click', () => toggleMenu());
  document.addEventListener('keydown', (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    const isTyping = at.matches('input, textarea, select');
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      if (menu?.checkVisibility()) toggleMenu(true);
      query?.focus();
    } else if (event.key === 'Escape' && document.body.classList.contains('menu') && at !== query) {
      toggleMenu(false);
      menu?.focus();
    }
  });
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
    h('div', { class: 'intro' },
      h('h1', { id: 'top' }, title, ' ', info.version && h('span', { class: 'version' }, info.version)),
      prose(info.description ?? ''),
      h('p', { class: 'sources' }, 'As documents for tools: ',
        h('a', { href: '/openapi.json' }, 'OpenAPI'), ' and ', h('a', { href: '/asyncapi.json' }, 'AsyncAPI')),
      row),
    ...(http.error ? [failure('HTTP API', '/openapi.json', http.error)] : []),
    ...(socket.error ? [failure('WebSocket', '/asyncapi.json', socket.error)] : []),
    ...shown.map(({ view }) => view));
  const sidebar = contents(shown.map(({ part }) => part));
  content.removeAttribute('aria-busy');
  listen();
  window.addEventListener('hashchange', () => arrive(sidebar));
  arrive(sidebar);
  follow(sidebar.mark);
}

await main();
