/** The console: a WebSocket to one of the endpoints, requests to send, and a log of all frames. */

import { announce, fresh, h, heading } from './dom.js';
import { choice, field, jsonField } from './fields.js';
import { logView } from './log-view.js';
import { sample } from './sample.js';
import { connection } from './connection.js';

/** @typedef {import('./asyncapi.js').Channel} Channel */
/** @typedef {import('./asyncapi.js').Message} Message */
/** @typedef {import('./parts.js').Context} Context */

/**
 * @param {Context} context
 * @param {Channel[]} channels  at least one
 */
export function socketConsole(context, channels) {
  const log = logView();
  const link = connection(log.add, () => showState());
  const status = h('p', { role: 'status', class: 'state' });
  const connect = h('button', { type: 'submit', class: 'primary' }, 'Connect');
  const disconnect = h('button', { type: 'button', onclick: () => link.close() }, 'Disconnect');
  const sending = sendForm(context.doc, (text) => link.send(text));
  const target = targetForm(context, channels, (channel) => {
    link.close(); // it was to another endpoint
    sending.show(channel);
  });
  const form = h(
    'form',
    {
      class: 'try',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        link.open(target.url());
      },
    },
    target.rows,
    h('div', { class: 'buttons' }, connect, disconnect, status),
  );

  function showState() {
    const { state } = link;
    const held = document.activeElement;
    connect.disabled = state !== 'closed';
    disconnect.disabled = state === 'closed';
    // A button that is disabled loses the focus to nowhere.
    if (held === connect && connect.disabled) disconnect.focus();
    if (held === disconnect && disconnect.disabled) connect.focus();
    sending.enable(state === 'open');
    status.dataset.state = state;
    status.textContent = {
      closed: 'Not connected',
      opening: 'Connecting …',
      open: 'Connected',
      closing: 'Closing …',
    }[state];
  }
  showState();

  const id = 'console';
  const section = h(
    'article',
    { id, class: 'entry', 'aria-labelledby': `${id}-title` },
    heading('h3', id, 'Try a WebSocket'),
    h(
      'p',
      { class: 'prose' },
      'Connect to an endpoint, send requests, see every frame. The token above goes along, if there is one.',
    ),
    h('div', { class: 'panel' }, form, sending.form, log.view),
  );

  /** Brings a request here. @param {Channel} channel @param {Message} message */
  function use(channel, message) {
    if (channel.isSocket && channel !== target.channel()) target.choose(channel);
    sending.show(channel, message);
    sending.input.focus();
    section.scrollIntoView();
    announce(
      `The request ${message.name} is in the console${link.state === 'open' ? '' : '; connect to send it'}`,
    );
  }
  return { section, use };
}

/**
 * The endpoint and what its address needs.
 * @param {Context} context
 * @param {Channel[]} channels
 * @param {(channel: Channel) => void} changed
 */
function targetForm({ doc, token }, channels, changed) {
  const place = h('div', { class: 'fields' });
  /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
  let inputs = new Map();
  const endpoint = choice(
    'Endpoint',
    channels.map(({ title, address }) => (title === address ? address : `${address} (${title})`)),
    show,
  );
  const channel = () => channels[endpoint.select.selectedIndex];

  function show() {
    inputs = new Map();
    const rows = [
      ...channel().parameters.map(({ name, description, values }) => ({
        name,
        where: 'in path',
        required: true,
        description,
        schema: values.length ? { enum: values } : { type: 'string' },
      })),
      // The token has a field of its own, at the top.
      ...channel()
        .query.filter(({ name }) => name !== 'token')
        .map((query) => ({ ...query, where: 'in query' })),
    ];
    place.replaceChildren(
      ...rows.map((given) => {
        const { row, input } = field(doc, given);
        inputs.set(`${given.where} ${given.name}`, input);
        return row;
      }),
    );
    changed(channel());
  }

  function url() {
    const address = channel().address.replaceAll(/\{([^}]+)\}/g, (_, name) =>
      encodeURIComponent(inputs.get(`in path ${name}`)?.value ?? ''),
    );
    const found = new URL(address, location.origin);
    for (const [key, input] of inputs) {
      if (key.startsWith('in query ') && input.value)
        found.searchParams.set(key.slice('in query '.length), input.value);
    }
    if (token()) found.searchParams.set('token', token());
    return found;
  }

  /** @param {Channel} wanted */
  function choose(wanted) {
    endpoint.select.selectedIndex = channels.indexOf(wanted);
    show();
  }
  show();
  return { rows: [endpoint.row, place], channel, url, choose };
}

/**
 * The frame to send, begun from a template.
 * @param {unknown} doc
 * @param {(text: string) => void} send
 */
function sendForm(doc, send) {
  const frame = jsonField('Frame', { required: true });
  const id = fresh('template');
  const select = h('select', { id });
  const submit = h('button', { type: 'submit', class: 'primary' }, 'Send');
  /** @type {{ message: Message, text: string }[]} */
  let templates = [];
  select.addEventListener('change', () => frame.set(templates[select.selectedIndex]?.text ?? ''));

  /** @param {Channel} channel @param {Message} [message] */
  function show(channel, message) {
    templates = channel.requests.flatMap((request) => {
      const payloads = request.examples.length ? request.examples : [sample(doc, request.schema)];
      return payloads.map((payload) => ({ message: request, text: JSON.stringify(payload, null, 2) }));
    });
    select.replaceChildren(
      ...templates.map(({ message: { name, summary } }) =>
        h('option', {}, summary ? `${name}: ${summary}` : name),
      ),
    );
    const index = templates.findIndex((template) => template.message === message);
    select.selectedIndex = Math.max(0, index);
    frame.set(templates[select.selectedIndex]?.text ?? '');
  }
  const form = h(
    'form',
    {
      class: 'try',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (!submit.disabled) send(frame.input.value);
      },
    },
    h('div', { class: 'field' }, h('label', { for: id }, 'Template'), select),
    frame.row,
    h('div', { class: 'buttons' }, submit),
  );
  return { form, show, input: frame.input, enable: (/** @type {boolean} */ on) => (submit.disabled = !on) };
}
