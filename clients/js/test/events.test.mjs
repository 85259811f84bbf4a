// Server-sent events, where WebSocket is blocked: by a server that serves events and lets no upgrade through.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../src/links.js';
import { Events } from './events.mjs';
import { changed, take } from './gateway.mjs';

test('where WebSocket is blocked events come all the same, none lost and none twice', async (t) => {
  const server = await Events.start(t);
  const client = server.connect(t, { token: 'shown', types: ['alert_*'] });
  const [a, b] = await Promise.all([client.join('a'), client.join('b')]);
  assert.equal(client.transport, 'sse');
  assert.equal((await client.publish('a', 'alert_triggered', { n: 1 })).offset, 1);
  server.publish('b', 2);
  assert.deepEqual((await take(a, 1))[0].data, { n: 1 });
  assert.deepEqual((await take(b, 1))[0].data, 2);
  const waiting = changed(client, 'waiting');
  server.cut();
  await waiting;
  server.publish('a', 3);
  assert.deepEqual((await take(a, 1))[0].data, 3);
  assert.equal(a.cursor.offset, 2);
  const streams = server.asked.filter(({ path }) => path === '/events');
  assert.deepEqual(streams[0], { path: '/events', rooms: 'a,b', types: 'alert_*', token: 'shown', last: undefined });
  const [room] = streams.at(-1).last.split(',');
  assert.equal(room, '31e9b05e9ae4b9c6:1@c1d04330', 'as the gateway writes it');
  await assert.rejects(client.call('echo'), { code: 'refused', message: "'echo' needs a WebSocket" });
});

test('rooms come and go with another stream, which begins where the one before has stopped', async (t) => {
  const server = await Events.start(t);
  const client = server.connect(t);
  const a = await client.join('a');
  server.publish('a', 1);
  await take(a, 1);
  const joining = client.join('b');
  const waiting = changed(client, 'connecting');
  await waiting;
  server.publish('a', 5);
  const b = await joining;
  assert.deepEqual((await take(a, 1))[0].data, 5);
  server.publish('b', 2);
  assert.deepEqual((await take(b, 1))[0].data, 2);
  const open = changed(client, 'open');
  await a.leave();
  await open;
  assert.equal(server.asked.at(-1).rooms, 'b');
});

test('an event stream is read whatever its pieces are', () => {
  const stream = ': hi\r\n\r\nid: 7\nevent: x\ndata: {"n":\ndata:1}\n\nretry: 5\ndata\n\nid: 8\n\n'.replace('data\n', '');
  for (let at = 0; at <= stream.length; at++) {
    const [frames, ids] = [[], []];
    const parse = parser({ alive() {}, frame: (frame) => frames.push(frame), id: (id) => ids.push(id) });
    parse(stream.slice(0, at));
    parse(stream.slice(at));
    assert.deepEqual([frames, ids.filter(Boolean)], [[{ n: 1 }], ['7', '7', '8']], `split at ${at}`);
  }
});
