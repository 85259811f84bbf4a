// How tokens are shown, renewed and refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, KEEPING, SECRET, changed, take, token } from './gateway.mjs';

const ACCESS = [KEEPING, `auth.default.secret="${SECRET}"`, 'auth.default.anonymous=false', 'auth.default.leeway="0s"'];
const FIRST = 'auth.default.take_from=["first_frame"]';

test('a token is shown by subprotocol, by query, or by the first frame', async (t) => {
  const gateway = await Gateway.start(t, ...ACCESS);
  for (const tokenIn of [undefined, 'subprotocol', 'query']) {
    const client = gateway.connect({ token: token('ada'), ...(tokenIn && { tokenIn }) });
    await client.ready();
    assert.equal(client.userId, 'ada');
  }
  const first = await Gateway.start(t, ...ACCESS, FIRST);
  const client = first.connect({ token: async () => token('ada'), tokenIn: 'frame' });
  const sub = await client.join('user:ada');
  assert.deepEqual([client.userId, sub.room], ['ada', 'user:ada']);
  const stranger = first.connect({ token: 'nonsense', tokenIn: 'frame' });
  await assert.rejects(stranger.ready(), { code: 'policy', closeCode: 1008 });
});

test('the provider gives a new token when the gateway warns, and the session goes on', async (t) => {
  const gateway = await Gateway.start(t, ...ACCESS);
  let given = 0;
  const client = gateway.connect({ token: () => token('ada', given++ ? 3600 : 3) });
  const states = [];
  client.on('state', ({ state }) => states.push(state));
  await client.join('user:ada');
  const { connectionId } = client;
  const warning = await new Promise((resolve) =>
    client.on('event', (event) => event.event_type === 'disconnected' && resolve(event)),
  );
  await new Promise((resolve) => setTimeout(resolve, warning.data.expires_in_ms + 200)); // longer than the first one holds
  await client.info();
  assert.deepEqual([given, client.connectionId, states], [2, connectionId, ['open']]);
});

test('a client that is refused connects again with a fresh token only', async (t) => {
  const gateway = await Gateway.start(t, ...ACCESS);
  const same = token('ada', 2);
  const once = gateway.connect({ token: same });
  const stubborn = gateway.connect({ token: () => same });
  const refused = changed(stubborn, 'closed');
  const sub = await once.join('user:ada');
  await assert.rejects(take(sub, 10), { code: 'policy', closeCode: 1008, message: 'token expired' });
  assert.deepEqual([once.state, once.error.code], ['closed', 'policy']);

  assert.equal((await refused).error.message, 'token expired');

  let given = 0;
  const fresh = gateway.connect({ token: () => token('ada', 3600, { jti: String(given++) }) });
  const again = await fresh.join('user:ada');
  const admin = token('root', 60, { permissions: ['admin', 'publish'] });
  const headers = { authorization: `Bearer ${admin}` };
  const open = changed(fresh, 'open');
  await fetch(gateway.http(`/api/v1/sessions/${fresh.connectionId}`), { method: 'DELETE', headers });
  await open;
  await gateway.publish([{ room: 'user:ada', event_type: 'alert_triggered', data: 1 }], admin);
  assert.equal((await take(again, 1))[0].data, 1);
});
