// The playground's parts that need no browser: tokens, packets, bytes, requests to begin from.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytes, inHex } from '../../../assets/playground/bytes.js';
import { parse } from '../../../assets/playground/socketio.js';
import { read, templates, write } from '../../../assets/playground/templates.js';
import { flaw } from '../../../assets/playground/token.js';

const jwt = (claims) =>
  `${[{ alg: 'HS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.sig`;

test('what is wrong with a token is said where it can be seen', () => {
  const now = 1_800_000_000_000;
  for (const [token, expected] of [
    ['nonsense', /^The token is not a JWT: it has not three parts/],
    ['a.b.c', /^The token is not a JWT: its first two parts/],
    [jwt({ exp: now / 1000 }), /^The token has expired, at /],
    [jwt({ nbf: now / 1000 + 60 }), /^The token does not hold yet, but from /],
    [jwt({ exp: now / 1000 + 1, sub: '\u00fc\u00ff\u00fe' }), /^$/],
    [jwt({}), /^$/],
  ]) {
    assert.match(flaw(token, now), expected, token);
  }
});

test('packets of Socket.IO are read with and without namespace, id and attachments', () => {
  for (const [text, kind, missing, namespace, id, payload] of [
    ['0{"sid":"a"}', 0, 0, '/', '', '{"sid":"a"}'],
    ['0/ws,', 0, 0, '/ws', '', ''],
    ['1/ws', 1, 0, '/ws', '', ''],
    ['2["a/b",1]', 2, 0, '/', '', '["a/b",1]'],
    ['2/ws,12["a"]', 2, 0, '/ws', '12', '["a"]'],
    ['3/ws,0[]', 3, 0, '/ws', '0', '[]'],
    ['52-/ws,7["a",{"_placeholder":true,"num":0}]', 5, 2, '/ws', '7', '["a",{"_placeholder":true,"num":0}]'],
  ]) {
    assert.deepEqual(parse(text), { kind, missing, namespace, id, payload }, text);
  }
  assert.equal(parse('9'), null);
});

test('bytes are written and read in hex', () => {
  assert.deepEqual([...bytes('00 fF\n7b')], [0, 255, 123]);
  assert.equal(bytes('0'), null);
  assert.equal(bytes('0g'), null);
  assert.equal(inHex(Uint8Array.of(0, 255, 123).buffer), '00 ff 7b');
  assert.match(inHex(new ArrayBuffer(5000)), /00 …$/);
});

test('a field shows its place in a frame, and changes nothing else', () => {
  const frame = { action: 'join', room: 'a' };
  const since = { at: 'data.since', label: '', kind: 'any' };
  for (const [said, expected] of [
    ['start', { since: 'start' }],
    ['{"epoch":"e","offset":3}', { since: { epoch: 'e', offset: 3 } }],
    ['7', { since: 7 }],
    ['', undefined],
  ]) {
    write(frame, since, said);
    assert.deepEqual(frame.data, expected);
    assert.equal(read(frame, since), said);
  }
  assert.deepEqual(frame, { action: 'join', room: 'a' }, 'what held nothing else is gone');
  const types = { at: 'data.event_types', label: '', kind: 'list' };
  write(frame, types, 'a_*, , b');
  assert.deepEqual(frame.data, { event_types: ['a_*', 'b'] });
  assert.equal(read(frame, types), 'a_*, b');
  const event = ['subscribe', { room: 'a' }];
  write(event, { at: '1.room', label: '', kind: 'text' }, '12');
  assert.deepEqual(event, ['subscribe', { room: '12' }], 'a text stays a text');
});

test('requests come from the document, those that are known first; other dialects get a text', () => {
  const message = (name, payload) => ({
    name,
    summary: `About ${name}`,
    tags: [{ name: 'requests' }],
    examples: [{ payload }],
  });
  const messages = {
    'request.chat': {
      ...message('request.chat', { action: 'chat', id: 7, data: { n: 1 } }),
      tags: [{ name: 'plugin: a' }],
    },
    'request.leave': message('leave', { action: 'leave', room: 'a' }),
    'request.join': message('join', { room: 'a', action: 'join' }),
  };
  const operations = Object.keys(messages).map((name) => ({
    action: 'receive',
    channel: { $ref: '#/channels/ws' },
    messages: [{ $ref: `#/channels/ws/messages/${name}` }],
  }));
  const doc = {
    channels: { ws: { address: '/ws' } },
    operations: { ...operations },
    components: { messages },
  };
  const found = templates(doc, { path: '/ws', dialect: 'rooms' });
  assert.deepEqual(
    found.map(({ name, fields }) => [name, fields.map(({ at }) => at)]),
    [
      ['join', ['room', 'data.since', 'data.last', 'data.info']],
      ['leave', ['room']],
      ['chat', ['data', 'id']],
    ],
  );
  assert.equal(found[0].text, '{\n  "action": "join",\n  "room": "a"\n}');
  assert.deepEqual(
    templates(doc, { path: '/socket.io/', dialect: 'socketio' }).map(({ name }) => name),
    ['subscribe', 'unsubscribe', 'ping', 'chat'],
  );
  assert.deepEqual(templates({}, { path: '/x', dialect: 'unheard of' }), [
    { name: 'text', about: 'A frame, as it is', text: 'Hello', fields: [] },
  ]);
});
