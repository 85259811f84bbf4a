// Calls to plugins, whole and in parts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, take } from './gateway.mjs';

const start = async (t, ...more) => (await Gateway.start(t, 'plugins.echo.enabled=true', ...more)).connect();

test('a call is a promise, and many are open at once', async (t) => {
  const client = await start(t);
  const slow = client.call('echo_stream', { data: 'slow', pieces: 2, every_ms: 30 });
  const quick = await Promise.all([1, 2, 3].map((n) => client.call('echo', { n })));
  assert.deepEqual(quick, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assert.equal(await slow, 'slow');
});

test('a stream is an async iterator over its parts, and has its result in the end', async (t) => {
  const client = await start(t);
  const stream = client.callStream('echo_stream', { data: [1], pieces: 5 });
  const parts = [];
  for await (const part of stream) parts.push(part);
  assert.deepEqual(parts, [[1], [1], [1], [1], [1]]);
  assert.deepEqual(stream.result, [1]);
  await assert.rejects(take(client.callStream('echo_stream', { pieces: -1 }), 1), { code: 'refused' });
});

test('who breaks out of the loop has the call cancelled', async (t) => {
  const client = await start(t, 'limits.calls_per_session=1');
  for (let n = 0; n < 3; n++) {
    for await (const part of client.callStream('echo_stream', { data: n, pieces: 0, every_ms: 1 })) {
      assert.equal(part, n);
      break;
    }
  }
  assert.equal(await client.call('echo', 'there is a place again'), 'there is a place again');
});

test('a call that takes too long is cancelled; each part begins its time anew', async (t) => {
  const client = await start(t, 'limits.calls_per_session=1');
  const slow = { data: 1, pieces: 1, every_ms: 60_000 };
  await assert.rejects(client.call('echo_stream', slow, { timeout: 100 }), { code: 'timeout' });
  const stream = client.callStream('echo_stream', { data: 1, pieces: 6, every_ms: 150 }, { timeout: 600 });
  assert.equal((await take(stream, 10)).length, 6, 'longer than its time, though no part is');
});

test('parts that nobody takes are bounded', async (t) => {
  const gateway = await Gateway.start(t, 'plugins.echo.enabled=true');
  const client = gateway.connect({ queue: 10 });
  const stream = client.callStream('echo_stream', { data: 1, pieces: 0 });
  await client.call('echo_stream', { pieces: 50 });
  await assert.rejects(take(stream, 12), { code: 'overflow' });
});

test('calls on their way when the connection is lost reject, as nobody knows whether they were done', async (t) => {
  const gateway = await Gateway.start(t, 'plugins.echo.enabled=true');
  const client = gateway.connect();
  const stream = client.callStream('echo_stream', { data: 1, pieces: 0, every_ms: 5 });
  await take(stream, 1);
  const call = client.call('echo_stream', { pieces: 1, every_ms: 60_000 });
  const lost = assert.rejects(call, { code: 'disconnected' });
  await gateway.kill();
  await lost;
  await assert.rejects(take(stream, 1e9), { code: 'disconnected' });
  await gateway.start();
  assert.equal(await client.call('echo', 1), 1);
});
