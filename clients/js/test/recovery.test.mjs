// What a lost connection, a killed gateway and a slow application cost: nothing, or a gap that says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, KEEPING, Way, alert, changed, take } from './gateway.mjs';

const numbers = (events) => events.map(({ data }) => data.n);
const upTo = (end) => Array.from({ length: end }, (_, n) => n);

test('a gateway that is killed loses nothing of a durable room, and nothing comes twice', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect();
  const sub = await client.join('disk:a');
  await gateway.count('disk:a', 0, 50);
  assert.deepEqual(numbers(await take(sub, 20)), upTo(20));
  await gateway.kill();
  await gateway.start();
  await gateway.count('disk:a', 50, 100);
  assert.deepEqual(numbers(await take(sub, 80)), upTo(100).slice(20));
  assert.deepEqual([sub.recovered, sub.cursor.offset], [true, 100]);
  const other = gateway.connect();
  const later = await other.join('disk:a', { since: { ...sub.cursor, offset: 97 } });
  assert.deepEqual(numbers(await take(later, 3)), [97, 98, 99], 'a cursor that was kept will do for another client');
});

test('a room that was in memory begins a new life, and its members are told', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect();
  const sub = await client.join('kept:a', { since: 'start' });
  await gateway.count('kept:a', 0, 2);
  const [, last] = await take(sub, 2);
  await gateway.kill();
  await gateway.start();
  const [gap] = await take(sub, 1);
  const { reason, from, to, count } = gap.data;
  assert.deepEqual([gap.event_type, reason, count, sub.recovered], ['gap', 'history', null, false]);
  assert.deepEqual(from, { epoch: last.epoch, offset: last.offset });
  assert.ok(to.epoch !== from.epoch, 'another life of the room');
  await gateway.count('kept:a', 7, 8);
  assert.deepEqual(numbers(await take(sub, 1)), [7]);
});

test('connections that are cut under load leave the whole sequence', async (t) => {
  const gateway = await Gateway.start(t, KEEPING, 'shards=2');
  const way = await Way.to(t, gateway);
  const subs = [];
  for (const room of ['kept:a', 'kept:b', 'kept:c']) {
    const client = gateway.connect({ url: way.url, queue: 5000 });
    subs.push([room, await client.join(room), await client.join('kept:all')]);
  }
  for (let n = 0; n < 2000; n += 25) {
    const events = upTo(25).flatMap((i) => [...subs.map(([room]) => room), 'kept:all'].map((room) => alert(room, { n: n + i })));
    await gateway.publish(events);
    if (n % 200 === 100) way.cut();
  }
  for (const [, own, all] of subs) {
    for (const sub of [own, all]) assert.deepEqual(numbers(await take(sub, 2000)), upTo(2000));
  }
});

test('what a short history no longer has is a gap, and what comes behind it follows', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const way = await Way.to(t, gateway);
  const client = gateway.connect({ url: way.url });
  const sub = await client.join('short:a');
  await gateway.count('short:a', 0, 1);
  await take(sub, 1);
  const open = changed(client, 'open');
  way.pause();
  way.cut();
  await gateway.count('short:a', 1, 6);
  way.resume();
  await open;
  const [gap] = await take(sub, 1);
  assert.deepEqual([gap.event_type, gap.data.from.offset, gap.data.to.offset], ['gap', 1, 6]);
  await gateway.count('short:a', 6, 7);
  assert.deepEqual(numbers(await take(sub, 1)), [6]);
});

test('an application that does not take its events in time has a gap in their place', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect();
  const sub = await client.join('kept:a', { queue: 10 });
  await gateway.count('kept:a', 0, 25);
  while (sub.cursor.offset < 25) await client.info();
  // The eleventh that waits takes the others with it; ten more are the gap and nine events, and so on.
  const waiting = await take(sub, 5);
  const { reason, count, from, to } = waiting[0].data;
  assert.deepEqual([reason, count, from.offset, to.offset], ['queue', 21, 0, 21]);
  assert.deepEqual(numbers(waiting.slice(1)), [21, 22, 23, 24], 'and what came behind it');
});

test('who is too slow for the gateway gets its gap, or is closed and comes back without loss', async (t) => {
  const rules = 'room=[{prefix="kept:",history={size=5000,ttl="1h"},slow_choice=["drop_oldest"]}]';
  const gateway = await Gateway.start(t, rules, 'limits.backlog_per_session="64 KiB"');
  const way = await Way.to(t, gateway);
  const text = 'x'.repeat(20_000);
  const publish = async (count) => {
    for (let n = 0; n < count; n++) await gateway.publish(upTo(40).map((i) => alert('kept:a', { n: n * 40 + i, text })));
  };
  const client = gateway.connect({ url: way.url, queue: 5000 });
  const sub = await client.join('kept:a', { slow: 'drop_oldest' });
  const all = gateway.connect({ url: way.url, queue: 5000 });
  const complete = await all.join('kept:a');
  await all.info();
  const closed = changed(all, 'waiting');
  way.pause();
  await publish(30);
  way.resume();
  assert.deepEqual(numbers(await take(complete, 1200)), upTo(1200));
  const { code, reason } = await closed;
  assert.deepEqual([code, reason], [1013, 'slow consumer']);
  let next = 0;
  let gaps = 0;
  while (next < 1200) {
    const [event] = await take(sub, 1);
    if (event.event_type !== 'gap') assert.equal(event.data.n, next++);
    else {
      gaps++;
      assert.equal(event.data.from.offset, next);
      next += event.data.count;
      assert.equal(event.data.to.offset, next);
    }
  }
  assert.ok(gaps > 0, 'the gateway drops, and says so');
});
