/** The page: what it has to know, what is connected, and the keys that work everywhere. */

import { composeForm } from './compose.js';
import { framesView } from './frames.js';
import { open } from './link.js';
import { targetForm } from './target.js';

/** Characters of a draft that are kept. */
const LONGEST = 64 * 1024;
const KEPT = 'playground';

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));
const [state, ended, connect, disconnect, editor, frames] = [
  'state',
  'ended',
  'connect',
  'disconnect',
  'editor',
  'frames',
].map(byId);

/** @param {string} path */
async function load(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
  return response.json();
}

/** What was kept of this tab. @returns {any} */
function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? '{}');
  } catch {
    return {}; // a browser may keep a page from it
  }
}

/** @param {object} what */
function keep(what) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(what));
  } catch {
    // then it is not kept
  }
}

/** @param {{ name: string, endpoints: import('./link.js').Endpoint[] }} told @param {any} doc */
function start({ name, endpoints }, doc) {
  const before = recall();
  /** @type {import('./link.js').Link | null} */
  let link = null;
  const log = framesView();
  const compose = composeForm(doc, (frame, how) => link?.send(frame, how), remember);
  const form = targetForm(endpoints, before.fields ?? {}, (endpoint) => {
    link?.close(); // it was to another one
    const isSame = endpoint.path === before.fields?.endpoint;
    compose.show(endpoint, isSame ? before : {});
    before.fields = undefined;
  });

  function remember() {
    if (!form) return;
    const draft = editor.value;
    const isFit = draft.length <= LONGEST && !draft.includes('"token"');
    keep({ fields: form.worth(), template: compose.template(), draft: isFit ? draft : undefined });
  }

  /** @param {'closed' | 'opening' | 'open'} next @param {string} words */
  function enter(next, words) {
    const held = document.activeElement;
    state.dataset.state = next;
    state.textContent = words;
    connect.disabled = next !== 'closed';
    disconnect.disabled = next === 'closed';
    compose.enable(next === 'open');
    // A button that is disabled loses the focus to nowhere.
    if (held === connect && connect.disabled) disconnect.focus();
    if (held === disconnect && disconnect.disabled) connect.focus();
  }

  function begin() {
    const target = form.target();
    const hide = (/** @type {string} */ text) => (target.token ? text.replaceAll(target.token, '…') : text);
    remember();
    ended.hidden = true;
    enter('opening', 'Connecting …');
    const own = (link = open(target, {
      tell: (kind, text, more) => log.add(kind, hide(text), more),
      opened() {
        log.add('note', 'Connected');
        if (link === own) enter('open', 'Connected');
      },
      closed(why, isGood) {
        log.add('note', why);
        if (link !== own) return;
        link = null;
        ended.textContent = why;
        ended.toggleAttribute('data-good', isGood);
        ended.hidden = false;
        enter('closed', 'Not connected');
      },
      place: form.place,
    }));
  }

  byId('name').textContent = name;
  document.title = `${name}: playground`;
  byId('target').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!link) begin();
  });
  byId('target').addEventListener('change', remember);
  disconnect.addEventListener('click', () => link?.close());
  form.show();
}

function keys() {
  const dialog = byId('keys');
  byId('help').addEventListener('click', () => dialog.showModal());
  byId('keys-close').addEventListener('click', () => dialog.close());
  document.addEventListener('keydown', (event) => {
    const at = event.target instanceof HTMLElement ? event.target : document.body;
    if (event.key === 'Escape' && at.matches('textarea, input')) frames.focus();
    if (
      at.matches('textarea, input, select') ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      dialog.open
    )
      return;
    /** @type {Record<string, () => void>} */
    const what = {
      '?': () => dialog.showModal(),
      '/': () => byId('filter').focus(),
      e: () => editor.focus(),
    };
    if (!what[event.key]) return;
    event.preventDefault();
    what[event.key]();
  });
}

async function main() {
  const fault = byId('fault');
  try {
    const [told, doc] = await Promise.all([load('/playground/endpoints'), load('/asyncapi.json')]);
    if (!told.endpoints.length)
      throw new Error('no endpoint is configured that a page of this listener can reach');
    for (const id of ['left', 'log']) byId(id).hidden = false;
    start(told, doc);
    keys();
  } catch (error) {
    fault.textContent = `There is nothing to try: ${error instanceof Error ? error.message : error}.`;
    fault.hidden = false;
  }
  byId('content').removeAttribute('aria-busy');
}

await main();
