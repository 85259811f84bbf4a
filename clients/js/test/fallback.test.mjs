// Server-sent events of a real gateway, where there is no WebSocket.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, KEEPING, changed, take } from './gateway.mjs';

const numbers = (events) => events.map(({ data }) => data.n);
const BLOCKED = { WebSocket: undefined, sse: {} };

test('without WebSocket a killed gateway loses nothing of a durable room, and nothing comes twice', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect(BLOCKED);
  const [a, b] = await Promise.all([client.join('disk:a'), client.join('disk:b')]);
  assert.equal(client.transport, 'sse');
  assert.equal((await client.publish('disk:a', 'alert_triggered', { n: 0 })).offset, 1);
  assert.deepEqual(numbers(await take(a, 1)), [0]);
  await gateway.count('disk:b', 0, 1);
  assert.deepEqual(numbers(await take(b, 1)), [0]);
  await gateway.kill();
  await gateway.start();
  await gateway.count('disk:a', 1, 30);
  await gateway.count('disk:b', 1, 30);
  const rest = Array.from({ length: 29 }, (_, n) => n + 1);
  assert.deepEqual(numbers(await take(a, 29)), rest);
  assert.deepEqual(numbers(await take(b, 29)), rest);
});

test('without WebSocket a room that has lost its events says so', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect(BLOCKED);
  const sub = await client.join('kept:a');
  await gateway.count('kept:a', 0, 1);
  await take(sub, 1);
  await gateway.kill();
  await gateway.start();
  assert.equal((await take(sub, 1))[0].event_type, 'gap');
  await gateway.count('kept:a', 7, 8);
  assert.deepEqual(numbers(await take(sub, 1)), [7]);
});

test('without WebSocket another room begins another stream, which goes on where the one before stopped', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect(BLOCKED);
  const a = await client.join('kept:a');
  await gateway.count('kept:a', 0, 1);
  await take(a, 1);
  const restarts = changed(client, 'connecting');
  const joining = client.join('kept:b');
  await restarts;
  await gateway.count('kept:a', 1, 20);
  await joining;
  assert.deepEqual(numbers(await take(a, 19)), Array.from({ length: 19 }, (_, n) => n + 1));
});
