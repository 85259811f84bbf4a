// What the page makes of schemas and of the two documents.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { channels } from '../../../assets/docs/asyncapi.js';
import { propertyNames } from '../../../assets/docs/names.js';
import { groups } from '../../../assets/docs/openapi.js';
import { deref, follow } from '../../../assets/docs/pointer.js';
import { sample } from '../../../assets/docs/sample.js';
import { shape } from '../../../assets/docs/schema.js';

const doc = {
  components: {
    schemas: {
      Tree: {
        type: 'object',
        required: ['value'],
        properties: {
          value: { type: 'string', maxLength: 5 },
          left: { $ref: '#/components/schemas/Tree' },
          right: { anyOf: [{ $ref: '#/components/schemas/Tree' }, { type: 'null' }] },
          all: { type: 'array', items: { $ref: '#/components/schemas/Tree' } },
        },
      },
      Loop: { $ref: '#/components/schemas/Loop' },
      'a/b~c': { type: 'integer', minimum: 1 },
      Base: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    },
  },
};
const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const named = (shapes) => Object.fromEntries(shapes.map((one) => [one.name, one]));
const below = (schema) => named(shape(doc, schema).children());

test('references are followed, escaped ones too, and those that lead nowhere are told of', () => {
  assert.equal(follow(doc, '#/components/schemas/a~1b~0c').minimum, 1);
  assert.equal(follow(doc, '#'), doc);
  assert.equal(follow(doc, 'other.json#/a'), undefined);
  assert.equal(follow(doc, '#/components/constructor'), undefined, 'nothing that all objects have');
  assert.deepEqual(deref(doc, ref('Loop')), {});
  assert.equal(
    shape(doc, ref('Nowhere')).description,
    '#/components/schemas/Nowhere is not in this document',
  );
});

test('a schema that holds itself is shown once on each branch', () => {
  const tree = shape(doc, ref('Tree'));
  assert.equal(tree.type, 'Tree');
  const { value, left, right, all } = named(tree.children());
  assert.deepEqual([value.required, left.required], [true, false]);
  assert.deepEqual(value.notes, ['at most 5 characters']);
  for (const again of [left, right]) {
    assert.deepEqual(again.notes, ['as Tree above']);
    assert.equal(again.branch, false);
    assert.deepEqual(again.children(), []);
  }
  assert.equal(right.type, 'Tree or null');
  assert.equal(all.type, 'array of Tree');
  assert.equal(shape(doc, ref('Loop')).branch, false);
});

test('allOf is put together, and what cannot be is shown beside it', () => {
  const both = below({
    allOf: [
      ref('Base'),
      { properties: { size: { type: 'number' }, id: { minLength: 3 } }, required: ['size'] },
    ],
  });
  assert.deepEqual(Object.keys(both), ['id', 'size']);
  assert.deepEqual(
    [both.id.type, both.id.notes, both.id.required],
    ['string', ['at least 3 characters'], true],
  );
  assert.equal(shape(doc, { allOf: [ref('Base')], description: 'mine' }).type, 'Base');
  const apart = below({
    allOf: [{ oneOf: [{ const: 1 }, { const: 2 }] }, { oneOf: [{ const: 2 }, { const: 3 }] }],
  });
  assert.deepEqual(Object.keys(apart), ['option 1', 'option 2', 'and also']);
});

test('types, choices and constraints are told in words', () => {
  const words = (schema) => {
    const { type, notes, values } = shape(doc, schema);
    return [type, ...notes, ...values].join('; ');
  };
  for (const [schema, expected] of [
    [ref('a~1b~0c'), 'a/b~c: integer; at least 1'],
    [{}, 'anything'],
    [true, 'anything'],
    [false, 'nothing'],
    [{ type: 'string', format: 'date-time' }, 'string (date-time)'],
    [
      { type: ['string', 'null'], minLength: 1, maxLength: 128, pattern: '^a' },
      'string or null; 1 to 128 characters; matches ^a',
    ],
    [{ type: 'number', minimum: 0, maximum: 1, default: 0 }, 'number; 0 to 1; default 0'],
    [{ type: 'integer', exclusiveMinimum: 0 }, 'integer; more than 0'],
    [{ enum: ['a', null] }, 'string or null; "a"; null'],
    [{ const: true }, 'boolean; true'],
    [
      { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 1 },
      'array of string; exactly 1 item',
    ],
    [{ type: 'object', additionalProperties: false }, 'object; no other properties'],
    [{ oneOf: [{ type: 'string' }, { type: 'integer' }] }, 'one of 2'],
    [{ oneOf: [{ type: 'string', maxLength: 2 }, { type: 'null' }] }, 'string or null; at most 2 characters'],
  ])
    assert.equal(words(schema), expected, JSON.stringify(schema));
});

test('lists show what their items hold, and tuples, maps and options are branches', () => {
  assert.deepEqual(Object.keys(below({ type: 'array', items: ref('Base') })), ['id']);
  assert.deepEqual(Object.keys(below({ type: 'array', items: { enum: [1] } })), ['each']);
  const told = { type: 'array', items: { description: 'Told', properties: { a: {} } } };
  assert.deepEqual([shape(doc, told).description, Object.keys(below(told))], ['Told', ['a']]);
  assert.equal(shape(doc, { type: 'array', items: { type: 'string' } }).branch, false);
  assert.deepEqual(Object.keys(below({ prefixItems: [{}, {}], items: false })), ['[0]', '[1]']);
  assert.deepEqual(
    Object.keys(below({ additionalProperties: { type: 'integer' }, not: { required: ['x'] } })),
    ['any other', 'but not'],
  );
});

test('property names are found at any depth, and not in examples', () => {
  assert.deepEqual(
    [...propertyNames(doc, { items: ref('Tree'), examples: [{ properties: { no: 1 } }] })].sort(),
    ['all', 'left', 'right', 'value'],
  );
});

test('a sample is an example where there is one, and allowed where it is made up', () => {
  assert.deepEqual(sample(doc, { ...ref('Tree'), examples: [{ value: 'x' }] }), { value: 'x' });
  assert.deepEqual(sample(doc, ref('Tree')), { value: 'text' });
  assert.deepEqual(
    sample(doc, { properties: { a: { type: 'integer', minimum: 3 }, b: { enum: ['z'] }, c: ref('Loop') } }),
    { a: 3, b: 'z', c: {} },
  );
  assert.deepEqual(sample(doc, { type: 'array', items: ref('Base'), minItems: 1 }), [{ id: 'text' }]);
  assert.equal(sample(doc, { type: 'string', minLength: 6, maxLength: 8 }).length, 6);
  assert.equal(sample(doc, { oneOf: [{ type: 'null' }, { type: 'string' }] }), null);
});

test('operations are grouped by tag, with what their path has in common', () => {
  const openapi = {
    ...doc,
    tags: [{ name: 'second' }, { name: 'first', description: 'About it' }, { name: 'unused' }],
    security: [{ bearer: [] }],
    paths: {
      '/a/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        get: {
          tags: ['first'],
          operationId: 'show',
          summary: 'Show',
          responses: { 200: { description: 'It' }, 404: { $ref: '#/components/responses/Gone' } },
        },
        delete: {
          tags: ['first'],
          security: [],
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
        },
      },
      '/b': {
        post: {
          tags: ['second'],
          security: [{}, { bearer: ['publish'] }],
          requestBody: { content: { 'application/json': { schema: ref('Base'), example: { id: 'x' } } } },
        },
      },
    },
    components: { ...doc.components, responses: { Gone: { description: 'There is none' } } },
  };
  const [second, first] = groups(openapi);
  assert.deepEqual([second.name, first.name, first.description], ['second', 'first', 'About it']);
  const [show, remove] = first.operations;
  assert.deepEqual(
    [show.id, show.method, show.access, remove.id, remove.access],
    ['op-show', 'GET', 'Needs a token: bearer', 'op-delete--a-id-', null],
  );
  assert.equal(remove.parameters[0].schema.type, 'integer');
  assert.deepEqual(
    show.answers.map(({ status, isShared, description }) => [status, isShared, description]),
    [
      ['200', false, 'It'],
      ['404', true, 'There is none'],
    ],
  );
  const [post] = second.operations;
  assert.deepEqual(post.body.media[0].examples[0].value, { id: 'x' });
  assert.ok(post.words.includes('id'));
  assert.equal(post.access, 'No token is needed here; if one is sent: bearer with the scope `publish`');
});

test('channels tell requests with their replies from events', () => {
  const asyncapi = {
    servers: { main: { host: 'x', protocol: 'ws' }, other: { host: 'x', protocol: 'mqtt' } },
    channels: {
      ws: {
        address: '/ws',
        messages: {
          ask: { $ref: '#/components/messages/ask' },
          told: { $ref: '#/components/messages/told' },
          reply: { payload: {} },
        },
        bindings: { ws: { query: { properties: { token: { type: 'string' } }, required: ['token'] } } },
      },
      queue: { address: 'q', servers: [{ $ref: '#/servers/other' }] },
    },
    operations: {
      ask: {
        action: 'receive',
        channel: { $ref: '#/channels/ws' },
        messages: [{ $ref: '#/channels/ws/messages/ask' }],
        reply: { messages: [{ $ref: '#/channels/ws/messages/reply' }] },
      },
      tell: {
        action: 'send',
        channel: { $ref: '#/channels/ws' },
        messages: [{ $ref: '#/channels/ws/messages/told' }],
      },
    },
    components: {
      messages: {
        ask: {
          name: 'ask',
          summary: 'Ask',
          payload: { properties: { action: { const: 'ask' } } },
          examples: [{ payload: { action: 'ask' } }],
        },
        told: {
          name: 'told',
          payload: { schemaFormat: 'application/schema+json', schema: { properties: { what: {} } } },
        },
      },
    },
  };
  const [ws, queue] = channels(asyncapi);
  assert.deepEqual([ws.id, ws.address, ws.isSocket, queue.isSocket], ['ws-ws', '/ws', true, false]);
  assert.deepEqual(
    ws.query.map(({ name, required }) => [name, required]),
    [['token', true]],
  );
  assert.deepEqual(
    ws.requests.map(({ id, name, examples, replies }) => [id, name, examples, replies.length]),
    [['ws-ws-ask', 'ask', [{ action: 'ask' }], 1]],
  );
  assert.deepEqual(
    ws.events.map(({ id, schema }) => [id, Object.keys(schema.properties)]),
    [['ws-ws-told', ['what']]],
  );
});
