// The page `/playground`: every kind of endpoint, by mouse and by keyboard.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { GATEWAY, require, SHOTS } from './browser.mjs';
import {
  button,
  choose,
  connect,
  editor,
  ended,
  playground,
  request,
  rows,
  showToken,
  state,
} from './playground.mjs';

const { GOOD, EXPIRED } = process.env;
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      resultTypes: ['violations'],
    }),
  );
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target} ${failureSummary}`),
  );
}

test('rooms: forms fill the frames; a join, a publish, and its event are seen', () =>
  playground({ endpoint: '/ws' }, async (page) => {
    await connect(page);
    await rows(page, 'connected').first().waitFor();
    await request(page, 'join');
    await page.getByLabel('Room').fill('lobby');
    await page.getByLabel('Since').fill('start');
    assert.deepEqual(JSON.parse(await editor(page).inputValue()), {
      action: 'join',
      room: 'lobby',
      data: { since: 'start' },
    });
    await page.getByLabel('Since').fill('');
    assert.deepEqual(JSON.parse(await editor(page).inputValue()), { action: 'join', room: 'lobby' });
    await button(page, 'Send').click();
    await rows(page, "Joined room 'lobby'").waitFor();
    await request(page, 'publish');
    await page.getByLabel('Room').fill('lobby');
    await page.getByLabel('Data', { exact: true }).fill('{"n": 7}');
    await editor(page).press('Control+Enter');
    const event = rows(page, '"source"', '"n": 7');
    await event.waitFor();
    assert.match(await event.locator('.type').innerText(), /^alert_triggered$/);
    await rows(page, '↓', 'Published').waitFor();
    await event.locator('summary').click();
    assert.match(await event.locator('pre').innerText(), /"data": \{\n +"n": 7\n/);
    await page.locator('#counts').filter({ hasText: /↑ 2 sent, \d+ B, .* ↓ 4 received/ }).waitFor();
    await button(page, 'Disconnect').click();
    await ended(page).filter({ hasText: /^Closed with 1000/ }).waitFor();
  }));

test('each request of rooms has a form, and its frame is taken', () =>
  playground({ endpoint: '/ws' }, async (page) => {
    await connect(page);
    const names = await page.getByLabel('Request', { exact: true }).locator('option').allInnerTexts();
    for (const name of [
      'join',
      'subscribe',
      'publish',
      'presence',
      'history',
      'state',
      'info',
      'leave',
      'unsubscribe',
      'ping',
    ]) {
      assert.ok(names.includes(name), `${name} is not among ${names}`);
      await request(page, name);
      await button(page, 'Send').click();
    }
    await rows(page, '"pong"').waitFor();
    assert.equal(await rows(page, 'error reply').count(), 0);
    assert.equal(await rows(page, 'reply').count(), 10);
  }));

test('a token that is wrong is told of, by what is wrong with it', () =>
  playground({ endpoint: '/closed' }, async (page) => {
    const refused = async (token, way, what) => {
      await showToken(page, token, way);
      await button(page, 'Connect').click();
      await ended(page).filter({ hasText: what }).waitFor();
      assert.equal(await state(page).innerText(), 'Not connected');
    };
    await refused('nonsense', 'query', 'The token is not a JWT');
    await refused(EXPIRED, 'query', 'The token has expired, at ');
    await refused(`${GOOD}x`, 'subprotocol', 'The token is wrong for this endpoint');
    await refused('no subprotocol', 'subprotocol', 'The browser does not connect so');
    for (const way of ['query', 'subprotocol', 'first_frame']) {
      await showToken(page, GOOD, way);
      await connect(page);
      await request(page, 'info');
      await button(page, 'Send').click();
      await rows(page, '"user_id":"u1"').first().waitFor();
      await button(page, 'Disconnect').click();
      await button(page, 'Clear').click();
    }
    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]),
    );
    assert.ok(!kept.includes(GOOD) && !kept.includes('nonsense'), 'a token is kept nowhere');
    assert.equal(await page.getByText(GOOD.slice(0, 40)).count(), 0, 'nor shown');
  }));

test('Socket.IO: CONNECT with a token, an acknowledgement, an event, and who may not enter', () =>
  playground({ endpoint: '/socket.io/' }, async (page) => {
    await button(page, 'Connect').click();
    await ended(page).filter({ hasText: 'does not let this client into /ws' }).waitFor();
    assert.match(await ended(page).innerText(), /AUTH_MISSING/);
    await page.getByLabel('Token, if it needs one').fill(GOOD);
    await connect(page);
    await rows(page, 'connection_established').waitFor();
    await request(page, 'ping');
    await button(page, 'Send').click();
    await rows(page, 'ACK 0', '{"status":"pong"}').waitFor();
    await request(page, 'subscribe');
    await page.getByLabel('Room').fill('global');
    await button(page, 'Send').click();
    await rows(page, 'ACK 1', '"success"').waitFor();
    await editor(page).fill('{"no": "event"}');
    await button(page, 'Send').click();
    assert.match(await page.locator('#editor-error').innerText(), /^An event is a JSON array/);
    const event = { room: 'global', event_type: 'alert_triggered', data: { n: 1 } };
    await fetch(`${GATEWAY}/api/v1/publish`, { method: 'POST', body: JSON.stringify(event) });
    const seen = rows(page, '↓', 'alert_triggered');
    await seen.locator('summary').click();
    assert.match(await seen.locator('pre').first().innerText(), /^\[\n  "alert_triggered",\n  \{/);
  }));

test('Socket.IO: another namespace, and answers of plugins', () =>
  playground({ endpoint: '/open/' }, async (page) => {
    await page.getByLabel('Namespace').selectOption('/custom');
    await connect(page);
    await rows(page, '42/custom,["auth"').waitFor();
    await editor(page).fill('["echo", {"a": [1, "b"]}]');
    await button(page, 'Send').click();
    await rows(page, 'ACK 0', '"b"').waitFor();
  }));

test('echo: text and bytes come back, over WebSocket and over Engine.IO', async () => {
  for (const endpoint of ['/echo', '/engine.io/']) {
    await playground({ endpoint }, async (page) => {
      await connect(page);
      await editor(page).fill('Grüße');
      await button(page, 'Send').click();
      await rows(page, '↓', 'Grüße').waitFor();
      await page.getByLabel('as bytes, in hex').check();
      await button(page, 'Send').click();
      assert.match(await page.locator('#editor-error').innerText(), /^Bytes are pairs/);
      await editor(page).fill('00 FF 7b');
      await button(page, 'Send').click();
      await rows(page, '↓', '00 ff 7b').filter({ hasText: '3 B' }).waitFor();
    });
  }
});

test('what the gateway sends is never markup', () =>
  playground({ endpoint: '/echo' }, async (page) => {
    await connect(page);
    const markup = '<img src=x onerror="document.title=1"><b id="injected">';
    await editor(page).fill(markup);
    await button(page, 'Send').click();
    const seen = rows(page, '↓', markup);
    await seen.locator('summary').click();
    assert.equal(await seen.locator('pre').innerText(), markup);
    assert.equal(await page.locator('#injected, img[src="x"]').count(), 0);
  }));

test('the log is bounded, filtered, paused, cleared, copied and taken along', () =>
  playground({ endpoint: '/echo', permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    await connect(page);
    for (let number = 0; number < 3; number += 1) {
      await editor(page).fill(`{"n": ${number}}`);
      await button(page, 'Send').click();
    }
    await rows(page, '↓', '"n": 2').waitFor();
    await page.getByPlaceholder('Filter').fill('"N": 1');
    assert.equal(await rows(page).count(), 2, 'sent and received');
    await button(page, 'Copy what is shown, as JSON lines').click();
    await page.getByText('Copied', { exact: true }).waitFor();
    const lines = (await page.evaluate(() => navigator.clipboard.readText()))
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ kind, text, bytes }) => [kind, text, bytes]),
      [
        ['sent', '{"n": 1}', 8],
        ['received', '{"n": 1}', 8],
      ],
    );
    const download = page.waitForEvent('download');
    await button(page, 'Download what is shown, as JSON lines').click();
    const file = await download;
    assert.match(file.suggestedFilename(), /^frames-.*\.jsonl$/);
    assert.equal(
      readFileSync(await file.path(), 'utf8')
        .trim()
        .split('\n').length,
      2,
    );
    await page.getByPlaceholder('Filter').fill('');
    await button(page, 'Pause').click();
    await editor(page).fill('later');
    await button(page, 'Send').click();
    await page.locator('#shown', { hasText: '2 more since the pause' }).waitFor();
    assert.equal(await rows(page, 'later').count(), 0);
    await button(page, 'Pause').click();
    assert.equal(await rows(page, 'later').count(), 2);
    await button(page, 'Clear').click();
    assert.equal(await rows(page).count(), 0);
    await page.evaluate(() => {
      for (let number = 0; number < 600; number += 1) document.getElementById('send').click();
    });
    await page.locator('#counts', { hasText: '604 received' }).waitFor();
    assert.equal(await rows(page).count(), 1000);
    const isAtEnd = () =>
      page.locator('#frames').evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 24);
    assert.equal(await isAtEnd(), true, 'it follows');
    await page.locator('#frames').evaluate((box) => (box.scrollTop = 40));
    await button(page, 'Send').click();
    await page.locator('#counts', { hasText: '605 received' }).waitFor();
    assert.equal(await isAtEnd(), false, 'unless one has scrolled up');
  }));

test('the endpoint and the draft are there again after a reload', () =>
  playground({ endpoint: '/echo' }, async (page) => {
    await editor(page).fill('half a thought');
    await page.getByLabel('Token, if it needs one').fill('secret');
    await page.reload();
    await page.locator('main:not([aria-busy])').waitFor();
    assert.match(await page.locator('#endpoint option:checked').innerText(), /^\/echo /);
    assert.equal(await editor(page).inputValue(), 'half a thought');
    assert.equal(await page.getByLabel('Token, if it needs one').inputValue(), '');
  }));

test('an end that the gateway decides is told in words', () =>
  playground({ endpoint: '/ws' }, async (page) => {
    await connect(page);
    await rows(page, 'connected').first().waitFor();
    const { sessions } = await (await fetch(`${GATEWAY}/api/v1/sessions`)).json();
    await fetch(`${GATEWAY}/api/v1/sessions/${sessions.at(-1).connection_id}`, { method: 'DELETE' });
    await ended(page)
      .filter({ hasText: /^Closed with 10\d\d: / })
      .waitFor();
    assert.equal(await button(page, 'Connect').isEnabled(), true);
  }));

/** What has the focus, and whether one sees that. */
const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(at);
    return {
      id: at.id,
      text: at.textContent.trim(),
      isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
    };
  });

/** Presses Tab until the focus is there; each stop on the way must be seen. */
async function tabTo(page, id, most = 12) {
  for (let stop = 0; stop < most; stop += 1) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    assert.ok(now.isSeen, `one does not see that ${JSON.stringify(now)} has the focus`);
    if (now.id === id) return;
  }
  throw new assert.AssertionError({ message: `${id} was not found within ${most} stops` });
}

test('everything works by the keyboard alone', () =>
  playground({}, async (page) => {
    await page.keyboard.press('Tab');
    assert.equal((await focused(page)).text, 'Skip to the editor');
    await tabTo(page, 'endpoint');
    await tabTo(page, 'connect');
    await page.keyboard.press('Enter');
    await page.locator('#state[data-state="open"]').waitFor();
    assert.equal((await focused(page)).id, 'disconnect', 'the focus is not lost with the button that had it');
    await page.keyboard.press('e');
    for (const frame of [
      '{"action": "join", "room": "keys"}',
      '{"action": "publish", "room": "keys", "data": {"event_type": "alert_triggered", "data": {"by": "keys"}}}',
    ]) {
      await page.keyboard.press('Control+A');
      await page.keyboard.type(frame);
      await page.keyboard.press('Control+Enter');
    }
    await rows(page, '"source"', '"by": "keys"').waitFor();
    await page.keyboard.press('Escape');
    assert.equal((await focused(page)).id, 'frames', 'Escape leaves the editor');
    await page.keyboard.press('End');
    assert.match((await focused(page)).text, /"by": "keys"|Published/);
    const last = (await focused(page)).text;
    await page.keyboard.press('ArrowUp');
    const before = await focused(page);
    assert.ok(before.isSeen && before.text !== last);
    await page.keyboard.press('Enter');
    await page.locator('#rows details[open] pre').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    assert.equal((await focused(page)).text, before.text, 'Escape leaves the frame');
    await page.keyboard.press('ArrowDown');
    assert.equal((await focused(page)).text, last);
    await page.keyboard.press('/');
    assert.equal((await focused(page)).id, 'filter');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('dialog').count(), 0);
    for (const role of ['status', 'alert']) assert.ok((await page.locator(`[role="${role}"]`).count()) > 0);
  }));

for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of [
    [1440, 900],
    [768, 1024],
    [320, 640],
  ]) {
    test(`axe finds nothing, and nothing is too wide: ${colorScheme}, ${width} pixels`, () =>
      playground({ viewport: { width, height }, colorScheme, endpoint: '/ws' }, async (page) => {
        const looks = async (name) => {
          const tooWide = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.equal(tooWide, 0, name);
          await page.evaluate(() => window.scrollTo(0, 0));
          assert.deepEqual(await violations(page), [], name);
          await page.screenshot({ path: `${SHOTS}/${colorScheme}-${width}-${name}.png`, fullPage: true });
        };
        await looks('opened');
        await connect(page);
        for (const name of ['join', 'subscribe', 'history', 'publish']) {
          await request(page, name);
          await button(page, 'Send').click();
        }
        await editor(page).fill('{');
        await button(page, 'Format').click();
        await rows(page, 'Published').locator('summary').click();
        await looks('used');
        await choose(page, '/closed');
        await page.getByLabel('Token, if it needs one').fill('nonsense');
        await button(page, 'Connect').click();
        await ended(page).filter({ hasText: 'JWT' }).waitFor();
        await looks('refused');
        await page.keyboard.press('Escape');
        await button(page, 'Keys').click();
        await looks('keys');
      }));
  }
}
