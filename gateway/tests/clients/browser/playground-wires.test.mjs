// The page `/playground`: endpoints of the further dialects.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GATEWAY } from './browser.mjs';
import { button, connect, editor, playground, request, rows } from './playground.mjs';

const publish = (event) =>
  fetch(`${GATEWAY}/api/v1/publish`, { method: 'POST', body: JSON.stringify(event) });
const alert = { event_type: 'alert_triggered', data: { n: 1 } };

test('topics: a subscription, and its event', () =>
  playground({ endpoint: '/ws/connect' }, async (page) => {
    await connect(page);
    await rows(page, '↓', 'connection_ack').waitFor();
    await request(page, 'subscribe');
    await page.getByLabel('Topics').fill('news, sport');
    assert.deepEqual(JSON.parse(await editor(page).inputValue()).data, { events: ['news', 'sport'] });
    await button(page, 'Send').click();
    await rows(page, 'Suscrito a 2 tipos de eventos').waitFor();
    await publish({ ...alert, room: 'news' });
    await rows(page, '↓', 'alert_triggered', '"topic":"news"').waitFor();
  }));

test('stream: the types at first, and others by a text', () =>
  playground({ endpoint: '/ws/events' }, async (page) => {
    await page.getByLabel('Event types').fill('alert_triggered, hormone');
    await connect(page);
    await rows(page, '↓', 'connected', '["alert_triggered","hormone"]').waitFor();
    assert.match(await editor(page).inputValue(), /^subscribe:/);
    await editor(page).fill('subscribe:cytokine');
    await button(page, 'Send').click();
    await rows(page, '↓', 'subscription_updated', '["cytokine"]').waitFor();
  }));
