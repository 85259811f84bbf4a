// Rooms, requests and their errors, against a real gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, KEEPING, SECRET, alert, changed, take, token } from './gateway.mjs';

test('events of a room come to the iterator, or to a handler, in order', async (t) => {
  const gateway = await Gateway.start(t);
  const client = gateway.connect({ clientId: 'ada' });
  const sub = await client.join('room');
  const handled = [];
  const all = [];
  client.on('event', (event) => all.push(event.event_type));
  await client.join('other', { handler: (event) => handled.push(event.data) });
  assert.equal(client.connectionId, 'ada');
  await client.publish('other', 'alert_triggered', 1);
  const placed = await client.publish('room', 'alert_triggered', { disk: '97 %' }, { key: 'disk' });
  const [event] = await take(sub, 1);
  assert.deepEqual([event.data, event.key, event.room, placed.room], [{ disk: '97 %' }, 'disk', 'room', 'room']);
  assert.deepEqual(handled, [1]);
  assert.deepEqual(all, ['alert_triggered', 'alert_triggered']);
  await sub.leave();
  assert.deepEqual(await sub.next(), { done: true, value: undefined });
  assert.deepEqual((await client.info()).rooms, ['other']);
  const again = await client.join('room');
  await client.publish('room', 'alert_triggered', 2);
  for await (const { data } of again) {
    assert.equal(data, 2);
    break;
  }
  await client.publish('room', 'alert_triggered', 3);
  for await (const { data } of again) {
    assert.equal(data, 3, 'who breaks out of a loop stays in the room');
    break;
  }
});

test('every request has its answer, and an error is the gateway’s', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect();
  const refused = (promise, message) => assert.rejects(promise, { name: 'TidegateError', code: 'refused', message });
  await client.join('seen:it', { info: { name: 'Ada' } });
  await client.publish('seen:it', 'alert_triggered', 1, { key: 'a' });
  await client.publish('seen:it', 'alert_triggered', 2, { key: 'a' });
  assert.deepEqual((await client.presence('seen:it')).members[0].info, { name: 'Ada' });
  const page = await client.history('seen:it', { limit: 1, reverse: true });
  assert.deepEqual([page.events.map(({ data }) => data), page.offset], [[2], 2]);
  assert.deepEqual((await client.roomState('seen:it')).events.map(({ data }) => data), [2]);
  const late = await gateway.connect().join('seen:it');
  assert.equal((await take(late, 1))[0].data, 2, 'who joins a room with a cache gets what it shows');
  await refused(client.join('closed:room'), 'Not allowed to join this room');
  await refused(client.join('seen:it'), "Room 'seen:it' is joined already");
  await refused(client.publish('room', 'alert_trigered', 1), "Invalid event type: 'alert_trigered' is not a known event type");
  await refused(client.call('nobody'), 'Unknown action: nobody');
  await refused(client.ack('room', { epoch: '0', offset: 1 }), /./);
});

test('subscriptions let through what they say, also behind a new connection', async (t) => {
  const gateway = await Gateway.start(t, KEEPING);
  const client = gateway.connect({ types: ['alert_*'], where: 'data.n > 1' });
  const sub = await client.join('kept:a');
  await gateway.count('kept:a', 0, 3);
  assert.equal((await take(sub, 1))[0].data.n, 2);
  assert.deepEqual(await client.subscribe(['health_changed'], { where: 'data.n > 3' }), {
    event_types: ['health_changed'],
    where: 'data.n > 3',
  });
  await client.unsubscribe(['health_changed']);
  const open = changed(client, 'open');
  await gateway.kill();
  await gateway.start();
  await open;
  assert.deepEqual((await client.info()).subscriptions, ['alert_*']);
  assert.equal((await take(sub, 1))[0].event_type, 'gap', 'what was in memory is gone');
  await gateway.count('kept:a', 3, 6);
  assert.equal((await take(sub, 1))[0].data.n, 4);
  await client.subscribe([], { where: null });
  await gateway.count('kept:a', 0, 1);
  assert.deepEqual((await take(sub, 2)).map(({ data }) => data.n), [5, 0]);
});

test('an inbox goes on behind what was acknowledged', async (t) => {
  const access = [`auth.default.secret="${SECRET}"`, 'auth.default.anonymous=false'];
  const gateway = await Gateway.start(t, KEEPING, ...access, 'endpoint.0.auto_join=["user:{user_id}"]');
  const shown = token('ada', 60, { permissions: ['publish'] });
  await gateway.publish([1, 2, 3].map((n) => alert('user:ada', { n })), shown);
  const first = gateway.connect({ token: shown });
  const inbox = await first.join('user:ada', { since: 'start' });
  const events = await take(inbox, 2);
  assert.equal((await first.ack('user:ada', events[1])).offset, 2);
  first.close();
  const second = gateway.connect({ token: () => token('ada') });
  const [event] = await new Promise((resolve) => second.on('event', (event) => event.room && resolve([event])));
  assert.equal(event.data.n, 3, 'the gateway has put the session into its room');
});

test('what cannot be done in time rejects, and what waits for a connection is done then', async (t) => {
  const gateway = await Gateway.start(t, 'plugins.echo.enabled=true');
  const { port } = gateway;
  await gateway.kill();
  const client = gateway.connect({ timeout: 300 });
  await assert.rejects(client.join('room'), { code: 'timeout', message: "No answer to 'join' within 300 ms" });
  await assert.rejects(client.call('echo'), { code: 'timeout' });
  const patient = gateway.connect();
  const answer = patient.call('echo', 'waited');
  await gateway.start();
  assert.equal(gateway.port, port);
  assert.equal(await answer, 'waited');
  patient.close();
  await assert.rejects(patient.info(), { code: 'closed' });
  await assert.rejects(patient.join('room'), { code: 'closed' });
  await assert.rejects(patient.ready(), { code: 'closed' });
});
