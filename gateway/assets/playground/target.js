/** The form that says where to connect, and as whom. */

import { fresh, h } from '/docs/dom.js';

/** How a page may show a token, by the configuration's word, the best first. @type {Record<string, string>} */
const WAYS = {
  payload: 'in CONNECT',
  header: 'in a header',
  query: 'in the query',
  subprotocol: 'as a subprotocol',
  first_frame: 'in the first frame',
};

/** What may stand in the query: name, label, hint. @type {Record<string, string[][]>} */
const QUERY = {
  'websocket rooms': [['client_id', 'Client id', 'made, if left out']],
  'websocket stream': [['subscriptions', 'Event types', 'cytokine, hormone']],
  sse: [
    ['rooms', 'Rooms', 'agents, system'],
    ['types', 'Event types', 'agent_*'],
    ['last_event_id', 'Last event’s id', 'where to go on'],
  ],
  poll: [
    ['rooms', 'Rooms', 'agents'],
    ['types', 'Event types', 'agent_*'],
    ['cursor', 'Cursor', 'where to go on'],
    ['timeout', 'Seconds to wait', '25'],
  ],
};

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));
const [select, token, by, options] = ['endpoint', 'token', 'by', 'options'].map(byId);

/**
 * @param {import('./link.js').Endpoint[]} endpoints  at least one
 * @param {Record<string, string>} kept  of the fields, by their names
 * @param {(endpoint: import('./link.js').Endpoint) => void} chosen  another one
 */
export function targetForm(endpoints, kept, chosen) {
  const endpoint = () => endpoints[select.selectedIndex];
  /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
  const inputs = new Map();
  select.append(
    ...endpoints.map((one) => h('option', {}, `${one.path} · ${one.dialect} · ${one.transport}`)),
  );
  select.selectedIndex = Math.max(
    0,
    endpoints.findIndex(({ path }) => path === kept.endpoint),
  );
  select.addEventListener('change', show);

  /** @param {string} name @param {string} label @param {HTMLInputElement | HTMLSelectElement} input */
  function add(name, label, input) {
    input.id = fresh(name);
    if (kept[name] !== undefined && input instanceof HTMLInputElement) input.value = kept[name];
    inputs.set(name, input);
    options.append(h('div', { class: 'field' }, h('label', { for: input.id }, label), input));
  }

  function show() {
    const { transport, dialect, tokens, namespaces } = endpoint();
    const isAsked = transport === 'sse' || transport === 'poll'; // its headers are the page's to say
    const isPossible = {
      query: true,
      header: isAsked,
      subprotocol: !isAsked,
      first_frame: dialect === 'rooms' || dialect === 'envelope',
      payload: dialect === 'socketio',
    };
    const ways = Object.keys(WAYS).filter(
      (way) => tokens.includes(way) && isPossible[/** @type {keyof typeof isPossible} */ (way)],
    );
    by.replaceChildren(...ways.map((way) => h('option', { value: way }, WAYS[way])));
    byId('token-row').hidden = !ways.length;
    byId('token-about').hidden = !ways.length;
    inputs.clear();
    options.replaceChildren();
    for (const [name, label, hint] of QUERY[transport] ?? QUERY[`${transport} ${dialect}`] ?? []) {
      add(name, label, h('input', { placeholder: hint, spellcheck: 'false', autocomplete: 'off' }));
    }
    if (namespaces.length)
      add('namespace', 'Namespace', h('select', {}, ...namespaces.map((name) => h('option', {}, name))));
    chosen(endpoint());
  }

  /** @returns {import('./link.js').Target} */
  function target() {
    const url = new URL(endpoint().path, location.origin);
    for (const [name, { value }] of inputs) {
      if (name === 'namespace' || !value.trim()) continue;
      const isList = ['rooms', 'types', 'subscriptions'].includes(name);
      url.searchParams.set(name, isList ? value.replaceAll(/\s*,\s*/g, ',').trim() : value.trim());
    }
    const secret = token.value.trim();
    if (secret && by.value === 'query') url.searchParams.set('token', secret);
    return {
      endpoint: endpoint(),
      url,
      token: secret,
      by: by.value,
      namespace: inputs.get('namespace')?.value ?? '/',
    };
  }

  /** Says in a field where to go on. @param {string} name @param {string} value */
  function place(name, value) {
    const input = inputs.get(name);
    if (input) input.value = value;
  }

  /** What is worth keeping: not the token. */
  const worth = () => ({
    endpoint: endpoint().path,
    ...Object.fromEntries([...inputs].map(([name, { value }]) => [name, value])),
  });
  return { show, target, place, worth };
}
