/** A channel on the page: what clients send to it, and what they get from it. */

import { figure, h, heading } from './dom.js';
import { pathParts } from './http-view.js';
import { prose } from './prose-view.js';
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
  const { id, title, address, description, requests, events } = channel;
  return h('section', { id, class: 'group' },
    heading('h3', id, title),
    h('p', { class: 'call' }, h('span', { class: 'method' }, channel.isSocket ? 'WS' : 'SUB'), ' ', h('code', { class: 'path' }, pathParts(address))),
    prose(description),
    requests.map((message) => messageSection(doc, message, 'Sent by the client', use)),
    events.map((message) => messageSection(doc, message, 'Sent by the gateway', null)));
}

/**
 * @param {unknown} doc
 * @param {Message} message
 * @param {string} direction
 * @param {((message: Message) => void) | null} use
 */
function messageSection(doc, message, direction, use) {
  const { id, name, summary, description, schema, replies } = message;
  const button = use && h('button', { type: 'button', class: 'primary', onclick: () => use(message) }, 'Try it',
    h('span', { class: 'unseen' }, ` ${name}`));
  return h('article', { id, class: 'entry', 'aria-labelledby': `${id}-title` },
    heading('h4', id, name),
    h('p', { class: 'call' }, h('span', { class: `method ${use ? 'out' : 'in'}` }, use ? '↑' : '↓'), ' ', h('span', { class: 'direction' }, direction), button),
    prose(summary), prose(description),
    schema !== undefined && h('h5', {}, use ? 'Request' : 'Event'),
    schema !== undefined && schemaTree(doc, schema, `Schema of ${name}`),
    examples(doc, message),
    replies.length > 0 && h('h5', {}, replies.length > 1 ? 'Replies' : 'Reply'),
    replies.map((reply) => h('div', {}, prose(reply.summary),
      reply.schema !== undefined && schemaTree(doc, reply.schema, `Schema of the reply to ${name}`),
      reply.examples.map((payload) => figure('Example of the reply', JSON.stringify(payload, null, 2))))));
}

/**
 * The examples, or one that is made up.
 * @param {unknown} doc
 * @param {Message} message
 */
function examples(doc, { examples, schema, name }) {
  const all = examples.length || schema === undefined ? examples : [sample(doc, schema)];
  return all.map((payload) => figure(`Example of ${name}`, JSON.stringify(payload, null, 2)));
}
