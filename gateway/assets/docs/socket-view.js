/** A channel on the page: what clients send to it, and what they get from it. */

import { figure, h, heading } from './dom.js';
import { pathParts } from './http-view.js';
import { line, prose } from './prose-view.js';
import { sample } from './sample.js';
import { schemaTree } from './schema-view.js';

/** @typedef {import('./asyncapi.js').Channel} Channel */
/** @typedef {import('./asyncapi.js').Message} Message */

/**
 * @param {unknown} doc
 * @param {Channel} channel
 * @param {(message: Message) => void} use  takes a request to the console
 */
export function channelSection(doc, channel, use) {
  const { id, title, address, description, isSocket, requests, events } = channel;
  return h(
    'section',
    { id, class: 'group' },
    heading('h3', id, title),
    h(
      'p',
      { class: 'call' },
      h('code', { class: 'path' }, pathParts(isSocket ? `${origin()}${address}` : address)),
    ),
    prose(description),
    requests.map((message) => messageSection(doc, message, 'Sent by the client', use)),
    events.map((message) => messageSection(doc, message, 'Sent by the gateway', null)),
  );
}

const origin = () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;

/**
 * @param {unknown} doc
 * @param {Message} message
 * @param {string} direction
 * @param {((message: Message) => void) | null} use
 */
function messageSection(doc, message, direction, use) {
  const { id, name, summary, description, about, schema, replies } = message;
  const button =
    use &&
    h(
      'button',
      { type: 'button', class: 'primary', onclick: () => use(message) },
      'Try it',
      h('span', { class: 'unseen' }, ` ${name}`),
    );
  return h(
    'article',
    { id, class: 'entry', 'aria-labelledby': `${id}-title` },
    heading('h4', id, name),
    h(
      'p',
      { class: 'call' },
      h('span', { class: `method ${use ? 'out' : 'in'}` }, use ? '↑' : '↓'),
      ' ',
      h('span', { class: 'direction' }, [direction, about].filter(Boolean).join(' · ')),
      button,
    ),
    prose(summary),
    description !== summary && prose(description),
    schema !== undefined && h('h5', {}, use ? 'Request' : 'Event'),
    schema !== undefined && schemaTree(doc, schema, `Schema of ${name}`),
    examples(doc, message),
    replies.length > 0 && h('h5', {}, replies.length > 1 ? 'Replies' : 'Reply'),
    replies.map((reply) => replyRow(doc, reply)),
  );
}

/**
 * @param {unknown} doc
 * @param {Message} reply
 */
function replyRow(doc, { name, summary, schema, examples }) {
  const title = summary || name;
  const details = h('details', { class: 'answer' }, h('summary', {}, line(title)));
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return;
    details.append(
      ...(schema === undefined ? [] : [schemaTree(doc, schema, `Schema of the reply: ${title}`)]),
      ...examples.map((payload) => figure('Example of the reply', JSON.stringify(payload, null, 2))),
    );
  });
  return details;
}

/**
 * The examples, or one that is made up.
 * @param {unknown} doc
 * @param {Message} message
 */
function examples(doc, { examples, schema, name }) {
  const isMade = examples.length === 0 && schema !== undefined;
  const caption = `Example of ${name}${isMade ? ', made from the schema' : ''}`;
  const all = isMade ? [sample(doc, schema)] : examples;
  return all.map((payload) => figure(caption, JSON.stringify(payload, null, 2)));
}
