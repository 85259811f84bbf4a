// The EventSource of a browser: it reads events by their types, and comes again by itself from where it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GATEWAY, withPage } from './browser.mjs';

const post = (path, body) =>
  fetch(GATEWAY + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const publish = (room, n) =>
  post('/api/v1/publish', { room, event_type: 'alert_triggered', data: { n } });

for (const rooms of ['k1', 'k1,k2']) {
  test(`it loses nothing of ${rooms} when it is sent away, and gets nothing twice`, async () => {
    await withPage({}, async (page) => {
      await page.evaluate((rooms) => {
        window.got = [];
        window.joined = [];
        const events = new EventSource(`/events?rooms=${rooms}&client_id=page`);
        events.addEventListener('alert_triggered', ({ data }) => window.got.push(JSON.parse(data).data.n));
        events.addEventListener('joined', ({ data }) => window.joined.push(JSON.parse(data)));
      }, rooms);
      const count = rooms.split(',').length;
      await page.waitForFunction((count) => window.joined.length === count, count);
      await publish('k1', 1);
      await page.waitForFunction(() => window.got.length === 1);
      assert.equal((await fetch(`${GATEWAY}/api/v1/sessions/page`, { method: 'DELETE' })).ok, true);
      await publish('k1', 2);
      await publish('k1', 3);
      await page.waitForFunction((count) => window.joined.length === 2 * count, count);
      await publish('k1', 4);
      await page.waitForFunction(() => window.got.length >= 4);
      assert.deepEqual(await page.evaluate(() => window.got), [1, 2, 3, 4]);
      const again = await page.evaluate((count) => window.joined.slice(count), count);
      assert.ok(again.every((room) => room.recovered === true));
    });
  });
}
