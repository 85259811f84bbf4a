// When a client connects again, and how it notices that it must.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, KEEPING, Way, changed, take } from './gateway.mjs';

/** The delays that a client tells, until there are so many. */
const delays = (client, count) =>
  new Promise((resolve) => {
    const all = [];
    client.on('state', ({ state, delay }) => state === 'waiting' && all.push(delay) === count && resolve(all));
  });

test('attempts are jittered over the whole of a time that doubles up to its cap', async (t) => {
  const gateway = await Gateway.start(t);
  await gateway.kill();
  const backoff = { base: 4, cap: 50 };
  const most = await delays(gateway.connect({ backoff, random: () => 1 }), 7);
  assert.deepEqual(most, [4, 8, 16, 32, 50, 50, 50]);
  assert.deepEqual(await delays(gateway.connect({ backoff, random: () => 0 }), 3), [0, 0, 0]);
  const real = await delays(gateway.connect({ backoff }), 9);
  assert.ok(real.every((delay, n) => delay >= 0 && delay <= Math.min(50, 4 * 2 ** n)));
  assert.ok(new Set(real).size > 5, 'no two are alike');
});

test('a connection that held begins the times anew, one that did not goes on with them', async (t) => {
  const gateway = await Gateway.start(t);
  const way = await Way.to(t, gateway);
  for (const [stable, expected] of [[0, [4, 4, 4]], [60_000, [4, 8, 16]]]) {
    const client = gateway.connect({ url: way.url, backoff: { base: 4, cap: 50, stable }, random: () => 1 });
    const told = delays(client, 3);
    for (let n = 0; n < 3; n++) {
      await client.ready();
      const waiting = changed(client, 'waiting');
      way.cut();
      await waiting;
    }
    assert.deepEqual(await told, expected);
    client.close();
  }
});

test('a client may be closed by whoever is told of its state', async (t) => {
  const gateway = await Gateway.start(t);
  for (const when of ['open', 'waiting', 'connecting']) {
    if (when === 'waiting') await gateway.kill();
    const client = gateway.connect();
    const answer = client.info();
    client.on('state', ({ state }) => state === when && client.close());
    if (when === 'open') await assert.rejects(answer, { code: 'closed' });
    else await assert.rejects(client.join('a'), { code: 'closed' });
    await assert.rejects(answer, { code: 'closed' });
    assert.equal(client.state, 'closed');
  }
});

test('a gateway that drains says when to come back', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const clients = [1, 2].map(() => gateway.connect({ random: () => 0 }));
  const subs = await Promise.all(clients.map((client) => client.join('disk:a')));
  const waiting = clients.map((client) => changed(client, 'waiting'));
  await gateway.kill('SIGTERM');
  for (const told of waiting) {
    const { code, reason, delay } = await told;
    assert.deepEqual([code, delay], [1012, JSON.parse(reason).retry_after_ms]);
  }
  const back = clients.map((client) => changed(client, 'open')); // before anybody knows that it is ready, they may be
  await gateway.start();
  await Promise.all(back);
  await gateway.count('disk:a', 0, 1);
  for (const sub of subs) assert.equal((await take(sub, 1))[0].data.n, 0);
});

test('a gateway that is busy is asked again after its time, for what may be done twice', async (t) => {
  const limits = ['limits.exempt=[]', 'limits.requests.per_session="10/s"', 'limits.requests.burst=3'];
  const gateway = await Gateway.start(t, ...limits);
  const client = gateway.connect();
  const all = await Promise.all(Array.from({ length: 8 }, () => client.info()));
  assert.equal(all.length, 8);
  assert.equal((await Promise.all(['a', 'b', 'c', 'd'].map((room) => client.join(room)))).length, 4);
  const publishes = Array.from({ length: 6 }, () => client.publish('a', 'alert_triggered', 1));
  const refused = (await Promise.allSettled(publishes)).filter(({ status }) => status === 'rejected');
  assert.ok(refused.length > 0);
  for (const { reason } of refused) {
    assert.deepEqual([reason.code, reason.message], ['busy', 'Rate limit exceeded']);
    assert.ok(reason.retryAfter > 0);
  }
});

test('a gateway that stands still is noticed', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect({ heartbeat: 250, timeout: 500 });
  const sub = await client.join('kept:a');
  const lost = changed(client, 'waiting');
  gateway.pause();
  assert.equal((await lost).reason, 'the gateway is silent');
  const open = changed(client, 'open');
  gateway.resume();
  await open;
  await gateway.count('kept:a', 0, 1);
  assert.equal((await take(sub, 1))[0].data.n, 0);
  const waits = changed(client, 'waiting').then(() => 'lost');
  const holds = new Promise((resolve) => setTimeout(resolve, 900, 'held'));
  assert.equal(await Promise.race([waits, holds]), 'held', 'a quiet gateway that answers is none');
});

test('a room that does not let the client in again ends its subscription, and nothing else', async (t) => {
  const gateway = await Gateway.start(t, 'room=[{prefix="one:",max_members=1}]');
  const way = await Way.to(t, gateway);
  const client = gateway.connect({ url: way.url });
  const [sub, other] = [await client.join('one:a'), await client.join('b')];
  const failed = new Promise((resolve) => client.on('error', resolve));
  way.pause();
  way.cut();
  const thief = gateway.connect();
  for (;;) {
    const taken = await thief.join('one:a').catch(() => null);
    if (taken) break;
  }
  way.resume();
  assert.equal((await failed).code, 'refused');
  await assert.rejects(sub.next(), { code: 'refused' });
  await gateway.count('b', 0, 1);
  const [first] = await take(other, 1);
  assert.ok(first, 'the other room goes on');
});
