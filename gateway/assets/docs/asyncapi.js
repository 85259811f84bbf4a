/** An AsyncAPI 3 document as what the page shows: channels, each with what clients send and what they get. */

import { deref, nameOf } from './pointer.js';
import { propertyNames, slug } from './names.js';

/**
 * @typedef {object} Message
 * @property {string} id           of its section, as `ws-agent_created`
 * @property {string} name         the event type, or the request's name
 * @property {string} summary
 * @property {string} description
 * @property {string} about        whose it is and which room it goes to, where the document says so
 * @property {any} schema          of the payload
 * @property {unknown[]} examples  payloads
 * @property {Message[]} replies   what answers it
 * @property {string[]} words      what a search looks in, best first
 */

/**
 * @typedef {object} Channel
 * @property {string} id           of its section, as `ws-rooms`
 * @property {string} address      a path, parameters in braces
 * @property {string} title
 * @property {string} description
 * @property {{ name: string, description: string, required: boolean, schema: any }[]} query
 * @property {{ name: string, description: string, values: string[] }[]} parameters  of the address
 * @property {boolean} isSocket    whether it is a WebSocket
 * @property {Message[]} requests  what clients send
 * @property {Message[]} events    what clients get by itself
 */

/**
 * The channels in the order of the document.
 * @param {any} doc
 * @returns {Channel[]}
 */
export function channels(doc) {
  return Object.entries(doc.channels ?? {}).map(([key, given]) => {
    const said = deref(doc, given);
    const operations = operationsOf(doc, key, said);
    const id = `ws-${slug(key)}`;
    const of = (/** @type {string} */ action) =>
      unique(
        operations
          .filter((operation) => operation.action === action)
          .flatMap((operation) => messagesOf(doc, id, operation, said)),
      );
    return {
      id,
      address: said.address ?? key,
      title: said.title ?? key,
      description: said.description ?? said.summary ?? '',
      query: queryOf(doc, said),
      parameters: parametersOf(doc, said),
      isSocket: isSocket(doc, said),
      // An action is the gateway's: what it receives is what clients send.
      requests: of('receive'),
      events: of('send'),
    };
  });
}

/**
 * The operations on a channel.
 * @param {any} doc
 * @param {string} key
 * @param {any} channel
 * @returns {any[]}
 */
function operationsOf(doc, key, channel) {
  const all = Object.values(doc.operations ?? {}).map((operation) => deref(doc, operation));
  return all.filter(
    ({ channel: where }) => where?.$ref === `#/channels/${key}` || deref(doc, where) === channel,
  );
}

/**
 * @param {any} doc
 * @param {string} prefix  of the sections' ids
 * @param {any} operation
 * @param {any} channel
 * @returns {Message[]}
 */
function messagesOf(doc, prefix, operation, channel) {
  const given = operation.messages ?? Object.values(channel.messages ?? {});
  const reply = operation.reply ? deref(doc, operation.reply) : {};
  const answers = (reply.messages ?? []).map((/** @type {any} */ answer) =>
    messageOf(doc, prefix, answer, []),
  );
  return given.map((/** @type {any} */ message) => messageOf(doc, prefix, message, answers, operation));
}

/**
 * @param {any} doc
 * @param {string} prefix
 * @param {any} given
 * @param {Message[]} replies
 * @param {any} [operation]
 * @returns {Message}
 */
function messageOf(doc, prefix, given, replies, operation = {}) {
  const said = deref(doc, given);
  const name = said.title ?? said.name ?? (given.$ref ? nameOf(given.$ref) : 'message');
  const key = given.$ref ? nameOf(given.$ref) : name;
  const schema = said.payload?.schemaFormat ? said.payload.schema : said.payload;
  const examples = (said.examples ?? []).map((/** @type {any} */ example) => example.payload);
  const { summary = operation.summary ?? '', description = operation.description ?? '' } = said;
  const tags = (said.tags ?? []).map((/** @type {any} */ tag) => deref(doc, tag).name);
  const about = [...tags, said['x-room'] && `room ${said['x-room']}`].filter(Boolean).join(' · ');
  return {
    id: `${prefix}-${slug(key)}`,
    name,
    summary,
    description,
    about,
    schema,
    replies,
    examples: examples.filter((/** @type {unknown} */ payload) => payload !== undefined),
    words: [name, said.name ?? '', key, summary, description, about, ...propertyNames(doc, schema)],
  };
}

/** @param {Message[]} messages */
const unique = (messages) => [...new Map(messages.map((message) => [message.id, message])).values()];

/**
 * @param {any} doc
 * @param {any} channel
 */
function queryOf(doc, channel) {
  const schema = deref(doc, deref(doc, channel.bindings).ws?.query);
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    description: property.description ?? '',
    required: required.has(name),
    schema: property,
  }));
}

/**
 * @param {any} doc
 * @param {any} channel
 */
function parametersOf(doc, channel) {
  return Object.entries(channel.parameters ?? {}).map(([name, given]) => {
    const { description = '', enum: values = [] } = deref(doc, given);
    return { name, description, values };
  });
}

/**
 * A channel without servers is on all of them.
 * @param {any} doc
 * @param {any} channel
 */
function isSocket(doc, channel) {
  const servers = (channel.servers ?? Object.values(doc.servers ?? {})).map((/** @type {any} */ server) =>
    deref(doc, server),
  );
  return servers.length === 0 || servers.some(({ protocol = '' }) => /^wss?$/.test(protocol));
}
