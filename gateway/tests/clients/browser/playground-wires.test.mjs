// The page `/playground`: endpoints of the further dialects and transports.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GATEWAY } from './browser.mjs';
import { button, connect, editor, ended, playground, request, rows, showToken } from './playground.mjs';

const { GOOD } = process.env;
const publish = (event) =>
  fetch(`${GATEWAY}/api/v1/publish`, { method: 'POST', body: JSON.stringify(event) });
const alert = { event_type: 'alert_triggered', data: { n: 1 } };

test('sse: events as they come, who is refused, and where to go on', () =>
  playground({ endpoint: '/events' }, async (page) => {
    await page.getByLabel('Rooms').fill('a, b');
    await button(page, 'Connect').click();
    await ended(page)
      .filter({ hasText: /^The gateway refused: 401, / })
      .waitFor();
    await showToken(page, GOOD, 'header');
    await connect(page);
    await rows(page, 'connected').first().waitFor();
    assert.equal(await editor(page).isVisible(), false, 'there is nothing to send');
    await publish({ ...alert, room: 'b' });
    const event = rows(page, '↓', 'alert_triggered');
    await event.locator('summary').click();
    assert.match(await event.locator('pre').first().innerText(), /"n": 1/);
    await button(page, 'Disconnect').click();
    await ended(page).filter({ hasText: 'Disconnected.' }).waitFor();
    assert.notEqual(await page.getByLabel('Last event’s id').inputValue(), '');
    await publish({ ...alert, room: 'a', data: { n: 2 } });
    await connect(page);
    await rows(page, '"n":2').waitFor();
  }));

test('poll: one answer after the other, and a mistake told of', () =>
  playground({ endpoint: '/poll' }, async (page) => {
    await button(page, 'Connect').click();
    await ended(page)
      .filter({ hasText: /^The gateway refused: 400, / })
      .waitFor();
    await page.getByLabel('Rooms').fill('polled');
    await connect(page);
    await rows(page, '0 events').waitFor();
    await publish({ ...alert, room: 'polled' });
    await rows(page, '1 event', '"n":1').waitFor();
    await button(page, 'Disconnect').click();
    await ended(page).filter({ hasText: 'Disconnected.' }).waitFor();
  }));

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

test('envelope: a token in the first frame, a chat, and a ping', () =>
  playground({ endpoint: '/ws/chat' }, async (page) => {
    await showToken(page, GOOD, 'first_frame');
    await connect(page);
    await rows(page, 'connection_established').waitFor();
    await request(page, 'chat_message');
    await page.getByLabel('Content').fill('Is anybody there?');
    await button(page, 'Send').click();
    await rows(page, '↓', 'agent_response').filter({ hasText: 'Is anybody there?' }).waitFor();
    await request(page, 'system_event');
    await page.getByLabel('Event', { exact: true }).fill('ping');
    await button(page, 'Send').click();
    await rows(page, '↓', 'health_check', 'pong').waitFor();
  }));
