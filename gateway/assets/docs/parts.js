/** The two halves of the page, each with its entries in the contents. */

import { channels as channelsOf } from './asyncapi.js';
import { fresh, h, heading } from './dom.js';
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

/** @typedef {import('./asyncapi.js').Message} Message */
/** @typedef {{ view: HTMLElement, part: import('./contents.js').Part }} Shown */

/**
 * @param {Context} context
 * @returns {Shown}
 */
export function httpPart(context) {
  const groups = groupsOf(context.doc).map((group) => ({ ...group, id: fresh('tag') }));
  const view = h(
    'section',
    { 'aria-labelledby': 'http-title', id: 'http' },
    heading('h2', 'http', 'HTTP API'),
    prose(context.doc.info?.description ?? ''),
    groups.map(({ id, name, description, operations }) =>
      h(
        'section',
        { id, class: 'group' },
        heading('h3', id, name),
        prose(description),
        operations.map((operation) => operationSection(context, operation)),
      ),
    ),
  );
  const chapters = groups.map(({ id, name, operations }) => ({
    title: name,
    link: id,
    items: operations.map(({ id, method, path, words }) => ({
      id,
      words,
      label: [methodLabel(method), h('span', { class: 'path' }, pathParts(path))],
    })),
  }));
  return { view, part: { title: 'HTTP API', chapters } };
}

/**
 * @param {Context} context
 * @returns {Shown}
 */
export function socketPart(context) {
  const channels = channelsOf(context.doc);
  const sockets = channels.filter(({ isSocket }) => isSocket);
  const live = sockets.length ? socketConsole(context, sockets) : null;
  const view = h(
    'section',
    { 'aria-labelledby': 'socket-title', id: 'socket' },
    heading('h2', 'socket', 'WebSocket'),
    prose(context.doc.info?.description ?? ''),
    live?.section,
    channels.map((channel) => channelSection(context.doc, channel, (message) => live?.use(channel, message))),
  );
  const item =
    (/** @type {string} */ sign, /** @type {string} */ word) =>
    (/** @type {import('./asyncapi.js').Message} */ { id, name, words }) => ({
      id,
      words,
      label: [
        h(
          'span',
          { class: `method ${word === 'request' ? 'out' : 'in'}` },
          h('span', { 'aria-hidden': 'true' }, sign),
          h('span', { class: 'unseen' }, word),
        ),
        h('span', { class: 'path' }, name),
      ],
    });
  const chapters = channels.map(({ id, title, requests, events }) => ({
    title,
    link: id,
    items: [...requests.map(item('↑', 'request')), ...events.map(item('↓', 'event'))],
  }));
  if (live) chapters.unshift({ title: 'Try a WebSocket', link: 'console', items: [] });
  return { view, part: { title: 'WebSocket', chapters } };
}
