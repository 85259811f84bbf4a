/** Requests to begin from: the examples of `/asyncapi.json`, with fields for what people change in them. */

/**
 * A place in a frame, with the field's label. Kinds: a text; a list with commas between; JSON, else a text.
 * @typedef {{ at: string, label: string, kind: 'text' | 'list' | 'any', hint?: string }} Field
 * @typedef {{ name: string, about: string, text: string, fields: Field[] }} Template
 */

/** @param {string} at @param {string} label @param {Field['kind']} [kind] @param {string} [hint] @returns {Field} */
const field = (at, label, kind = 'text', hint) => ({ at, label, kind, hint });

const ROOM = field('room', 'Room');
const TYPES = field('data.event_types', 'Event types', 'list', 'agent_*, gap');
const SINCE = field('data.since', 'Since', 'any', 'start, or {"epoch": …, "offset": …}');
const ANY = [field('data', 'Data', 'any'), field('id', 'Id', 'any')];
const TOPICS = [field('data.events', 'Topics', 'list')];
const SOCKET_ROOM = [field('1.room', 'Room')];

/** By dialect and name. @type {Record<string, Record<string, Field[]>>} */
const FIELDS = {
  rooms: {
    join: [
      ROOM,
      SINCE,
      field('data.last', 'Last events', 'any', '10'),
      field('data.info', 'About me', 'any', '{"name": "Ada"}'),
    ],
    leave: [ROOM],
    subscribe: [TYPES, field('data.where', 'Where', 'text', 'data.severity == "high"')],
    unsubscribe: [TYPES],
    publish: [
      ROOM,
      field('data.event_type', 'Event type'),
      field('data.data', 'Data', 'any', '{}'),
      field('data.key', 'Key'),
    ],
    presence: [ROOM],
    history: [
      ROOM,
      SINCE,
      field('data.limit', 'Limit', 'any', '100'),
      field('data.reverse', 'Newest first', 'any', 'true'),
    ],
    state: [ROOM],
    ack: [ROOM, field('data.epoch', 'Epoch'), field('data.offset', 'Offset', 'any')],
    cancel: [field('id', 'Id', 'any')],
    auth: [],
    info: [],
    ping: [],
  },
  topics: { subscribe: TOPICS, unsubscribe: TOPICS },
  envelope: {
    chat_message: [
      field('payload.content', 'Content'),
      field('payload.metadata', 'Metadata', 'any', '{"stream": true}'),
    ],
    system_event: [field('payload.event_name', 'Event', 'text', 'ping, or status')],
  },
  socketio: { subscribe: SOCKET_ROOM, unsubscribe: SOCKET_ROOM },
};

/**
 * What may be sent to an endpoint, at least one.
 * @param {any} doc  `/asyncapi.json`
 * @param {import('./link.js').Endpoint} endpoint
 * @returns {Template[]}
 */
export function templates(doc, { path, dialect }) {
  if (dialect === 'socketio') return socketio(doc);
  const known = FIELDS[dialect] ?? {};
  const order = Object.keys(known);
  const told = requests(doc, path).map(({ payload, ...message }) => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(short(dialect, payload), null, 2);
    return { ...message, text, fields: known[message.name] ?? (dialect === 'rooms' ? ANY : []) };
  });
  told.sort((a, b) => rank(order, a.name) - rank(order, b.name));
  return told.length ? told : [{ name: 'text', about: 'A frame, as it is', text: 'Hello', fields: [] }];
}

/**
 * What a frame needs, as a person writes it: of an envelope the gateway fills in the rest.
 * @param {string} dialect
 * @param {any} frame
 */
function short(dialect, { action, room, type, payload, ...rest }) {
  return dialect === 'envelope' ? { type, payload } : { action, room, type, payload, ...rest };
}

/** Those that are known come first. @param {string[]} order @param {string} name */
const rank = (order, name) => (order.includes(name) ? order.indexOf(name) : order.length);

/** @param {any} doc */
function socketio(doc) {
  const calls = Object.entries(doc.components?.messages ?? {}).filter(([, { examples, tags }]) => {
    const payload = examples?.[0]?.payload;
    return payload?.action && tags?.some((/** @type {any} */ tag) => tag.name !== 'requests');
  });
  return [
    ['subscribe', 'Joins a room', { room: 'global' }],
    ['unsubscribe', 'Leaves a room', { room: 'global' }],
    ['ping', 'Asks whether the gateway is there'],
    ...calls.map(([, { examples, summary }]) => [
      examples[0].payload.action,
      summary,
      examples[0].payload.data ?? {},
    ]),
  ].map(([name, about, data]) => ({
    name,
    about,
    text: JSON.stringify(data ? [name, data] : [name], null, 2),
    fields: FIELDS.socketio[name] ?? (data ? [field('1', 'Data', 'any')] : []),
  }));
}

/**
 * The requests of the channel at this path, each with an example.
 * @param {any} doc
 * @param {string} path
 * @returns {{ name: string, about: string, payload: any }[]}
 */
function requests(doc, path) {
  const [channel] = Object.entries(doc.channels ?? {}).find(([, { address }]) => address === path) ?? [];
  const own = Object.values(doc.operations ?? {}).filter(
    (operation) => operation.action === 'receive' && operation.channel.$ref === `#/channels/${channel}`,
  );
  return own.flatMap((operation) =>
    operation.messages.flatMap((/** @type {{ $ref: string }} */ { $ref }) => {
      const message = doc.components.messages[$ref.slice($ref.lastIndexOf('/') + 1)];
      const payload = message?.examples?.[0]?.payload;
      if (payload === undefined) return [];
      const name = message.name.slice(message.name.lastIndexOf('.') + 1);
      return [{ name, about: message.summary ?? '', payload }];
    }),
  );
}

/** What stands at a place, as its field shows it. @param {any} frame @param {Field} field */
export function read(frame, { at, kind }) {
  const value = at.split('.').reduce((inner, key) => inner?.[key], frame);
  if (value === undefined) return '';
  if (kind === 'list' && Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * Puts there what a field says; takes it away where that is nothing, with what was around it alone.
 * @param {any} frame @param {Field} field @param {string} said
 */
export function write(frame, { at, kind }, said) {
  const keys = at.split('.');
  const last = keys.pop() ?? '';
  if (said) {
    const inner = keys.reduce((outer, key) => (outer[key] = holds(outer[key]) ? outer[key] : {}), frame);
    inner[last] = valueOf(kind, said);
    return;
  }
  const inner = keys.reduce((outer, key) => outer?.[key], frame);
  if (holds(inner)) delete inner[last];
  if (keys.length && holds(inner) && !Object.keys(inner).length)
    write(frame, { at: keys.join('.'), kind, label: '' }, '');
}

/** @param {unknown} value */
const holds = (value) => typeof value === 'object' && value !== null;

/** @param {Field['kind']} kind @param {string} said */
function valueOf(kind, said) {
  if (kind === 'list')
    return said
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
  if (kind === 'text') return said;
  try {
    return JSON.parse(said);
  } catch {
    return said;
  }
}
