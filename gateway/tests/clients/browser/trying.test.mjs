// The page as one tries things on it: requests by HTTP, and a WebSocket.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GATEWAY, makeAgent, open, SHOTS, withPage } from './browser.mjs';

const send = async (section) => {
  await section.getByRole('button', { name: 'Send', exact: true }).click();
  await section.locator('.outcome .status').waitFor();
};
const body = (section) => section.getByLabel('Body of the answer');
const curlLine = (section) => section.getByLabel('The request as a line of curl');

test('a POST and a GET show the real answers', () =>
  withPage({}, async (page) => {
    const post = await open(page, 'POST', '/agents/');
    await post
      .getByLabel('Body', { exact: true })
      .fill('{"agent_id": "from-the-page", "agent_type": "macrophage"}');
    assert.match(
      await curlLine(post).innerText(),
      /^curl -H 'content-type: application\/json' --data-raw '\{"agent_id": "from-the-page".*\/agents\/'$/,
    );
    await send(post);
    assert.match(await post.locator('.outcome').innerText(), /^201 Created in [\d.]+ ms, \d+ bytes$/);
    assert.match(await body(post).innerText(), /"agent_id": "from-the-page"/);
    await post.locator('.headers summary').click();
    assert.match(await post.locator('.headers dl').innerText(), /x-request-id/);
    await page.screenshot({ path: `${SHOTS}/try.png` });

    const get = await open(page, 'GET', '/agents/');
    await send(get);
    assert.match(await get.locator('.outcome').innerText(), /^200 OK/);
    assert.match(await body(get).innerText(), /"agent_id": "from-the-page"/);

    await send(post);
    assert.match(await post.locator('.outcome').innerText(), /^409 Conflict/);
    assert.match(await post.locator('.result .problem').innerText(), /Agent 'from-the-page' already exists/);
  }));

test('parameters of the query go where they belong, and a wrong one is explained', () =>
  withPage({}, async (page) => {
    const rooms = await open(page, 'GET', '/api/v1/rooms');
    await rooms.locator('[data-name="limit"]').fill('none');
    assert.match(await curlLine(rooms).innerText(), /\/api\/v1\/rooms\?limit=none'$/);
    await send(rooms);
    assert.match(await rooms.locator('.outcome').innerText(), /^422/);
    assert.match(await rooms.locator('.result .problem li').innerText(), /^query\.limit /);
  }));

test('a body that is no JSON is told of where it is wrong, and may be sent to see what comes', () =>
  withPage({}, async (page) => {
    const post = await open(page, 'POST', '/agents/');
    const text = post.getByLabel('Body', { exact: true });
    await text.fill('{\n  "agent_type": "x",\n}');
    assert.match(
      await post.locator('.error').innerText(),
      /^Not JSON: line 3, column 1: a key in double quotes is expected/,
    );
    assert.equal(await text.getAttribute('aria-invalid'), 'true');
    await text.fill('{"agent_type":7}');
    assert.equal(await post.locator('.error').innerText(), '');
    await post.getByRole('button', { name: 'Format' }).click();
    assert.equal(await text.inputValue(), '{\n  "agent_type": 7\n}');
    await text.press('Control+Enter');
    await post.locator('.outcome .status').waitFor();
    assert.match(await post.locator('.outcome').innerText(), /^422/);
    assert.match(await post.locator('.result .problem li').first().innerText(), /^body\.agent_type /);
  }));

test('a required parameter that is empty is asked for, and nothing is sent', () =>
  withPage({}, async (page) => {
    const show = await open(page, 'GET', '/agents/{id}');
    const id = show.locator('input[data-name="id"]');
    await id.fill('');
    await show.getByRole('button', { name: 'Send', exact: true }).click();
    assert.equal(
      await id.evaluate((input) => input === document.activeElement && !input.validity.valid),
      true,
    );
    assert.equal(await show.locator('.outcome').innerText(), '');
    await id.fill('no/such agent');
    await send(show);
    assert.match(await show.locator('.outcome').innerText(), /^404 Not Found/);
    assert.match(await curlLine(show).innerText(), /\/agents\/no%2Fsuch%20agent'$/);
  }));

test('the token goes with what is sent and is kept nowhere', () =>
  withPage({}, async (page) => {
    await page.getByLabel('Bearer token, optional').fill('not-a-token');
    const rooms = await open(page, 'GET', '/api/v1/rooms');
    assert.match(await curlLine(rooms).innerText(), /-H "authorization: Bearer \$TOKEN"/);
    await send(rooms);
    assert.match(await rooms.locator('.outcome').innerText(), /^401 Unauthorized/);
    await page.getByLabel('Bearer token, optional').fill('');
    await send(rooms);
    assert.match(await rooms.locator('.outcome').innerText(), /^200 OK/);
    const kept = await page.evaluate(() => [
      localStorage.length,
      sessionStorage.length,
      document.cookie,
      location.href.includes('not-a-token'),
    ]);
    assert.deepEqual(kept, [0, 0, '', false]);
  }));

test('copying puts the text on the clipboard', () =>
  withPage({ permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    const stats = await open(page, 'GET', '/ws/stats');
    await stats.getByRole('button', { name: 'Copy the line of curl' }).click();
    await stats.getByText('Copied', { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `curl '${GATEWAY}/ws/stats'`);
    assert.equal(await page.locator('#voice').textContent(), 'Copied the line of curl');
  }));

/** The console, connected to the first endpoint. */
async function connected(page) {
  const console = page.locator('#console');
  await console.getByRole('button', { name: 'Connect', exact: true }).click();
  await console.locator('[data-state="open"]').waitFor();
  return console;
}

/** Sends a request that is begun from its template. */
async function request(page, name) {
  await page
    .getByRole('button', { name: `Try it ${name}`, exact: true })
    .first()
    .click();
  const console = page.locator('#console');
  assert.match(
    await console.getByLabel('Frame', { exact: true }).inputValue(),
    new RegExp(`"action": "${name}"`),
  );
  return console;
}

test('a WebSocket connects, joins a room, and shows the event of a POST', () =>
  withPage({}, async (page) => {
    const console = await connected(page);
    const frames = console.locator('.frames li');
    await frames.filter({ hasText: '"event_type":"connected"' }).waitFor();
    await request(page, 'join');
    await console.getByLabel('Frame', { exact: true }).fill('{"action": "join", "room": "agents"}');
    await console.getByRole('button', { name: 'Send', exact: true }).click();
    await frames.filter({ hasText: "Joined room 'agents'" }).waitFor();
    await makeAgent('seen-on-the-page');
    const event = frames.filter({ hasText: '"agent_created"' });
    await event.waitFor();
    assert.match(await event.innerText(), /\d\d:\d\d:\d\d\.\d{3} . ?received/);
    await event.locator('summary').click();
    await event.getByLabel('Frame').waitFor();
    assert.match(await event.getByLabel('Frame').innerText(), /\n {4}"agent_id": "seen-on-the-page",\n/);
    await console.screenshot({ path: `${SHOTS}/console.png` });

    await console.getByLabel('Show only frames').fill('AGENT_CREATED');
    assert.equal(await frames.count(), 1);
    await console.getByLabel('Show only frames').fill('');
    const pause = console.getByRole('button', { name: 'Pause' });
    await pause.click();
    await makeAgent('while-it-waits');
    await console.getByText('1 more since the pause').waitFor();
    assert.equal(await frames.filter({ hasText: 'while-it-waits' }).count(), 0);
    await pause.click();
    await frames.filter({ hasText: 'while-it-waits' }).waitFor();
    await console.getByRole('button', { name: 'Clear' }).click();
    assert.equal(await frames.count(), 0);
    await console.getByRole('button', { name: 'Disconnect' }).click();
    await frames.filter({ hasText: /Closed with 1000/ }).waitFor();
    assert.equal(await console.getByRole('button', { name: 'Send', exact: true }).isDisabled(), true);
  }));

test('the log stays within its bound', () =>
  withPage({}, async (page) => {
    const console = await connected(page);
    await request(page, 'join');
    await console.getByLabel('Frame', { exact: true }).fill('{"action": "join", "room": "flood"}');
    await console.getByRole('button', { name: 'Send', exact: true }).click();
    const frames = console.locator('.frames li');
    await frames.filter({ hasText: "Joined room 'flood'" }).waitFor();
    for (let batch = 0; batch < 12; batch += 1) {
      const events = Array.from({ length: 100 }, (_, number) => ({
        room: 'flood',
        event_type: 'alert_triggered',
        data: { number: batch * 100 + number },
      }));
      const answer = await fetch(`${GATEWAY}/api/v1/publish`, {
        method: 'POST',
        body: JSON.stringify(events),
      });
      assert.equal(answer.status, 200, await answer.text());
    }
    await frames.filter({ hasText: '"number":1199}' }).waitFor();
    assert.equal(await frames.count(), 1000);
    await console.getByText('the last 1,000 entries').waitFor();
  }));

test('a refusal says why', () =>
  withPage({}, async (page) => {
    await page.getByLabel('Bearer token, optional').fill('not-a-token');
    const console = page.locator('#console');
    await console.getByRole('button', { name: 'Connect', exact: true }).click();
    await console
      .locator('.frames li', { hasText: /There is an endpoint at this address: the token may be wrong/ })
      .waitFor();
    assert.equal(await console.getByText('not-a-token').count(), 0, 'the token is not shown');
    await console.locator('[data-state="closed"]').waitFor();
  }));

test('another endpoint is another connection, with templates of its own', () =>
  withPage(
    {
      prepare: (page) =>
        page.route('**/asyncapi.json', async (route) => {
          const doc = await (await route.fetch()).json();
          doc.channels.other = { ...doc.channels.ws, address: '/other', title: 'Other' };
          doc.operations = {
            ...doc.operations,
            shout: {
              action: 'receive',
              channel: { $ref: '#/channels/other' },
              messages: [{ name: 'shout', examples: [{ payload: { action: 'shout' } }] }],
            },
          };
          await route.fulfill({ json: doc });
        }),
    },
    async (page) => {
      const console = await connected(page);
      await console.getByLabel('Endpoint').selectOption('/other (Other)');
      await console.locator('.frames li', { hasText: /Closed with 1000/ }).waitFor();
      assert.match(await console.getByLabel('Frame', { exact: true }).inputValue(), /"shout"/);
      await console.getByRole('button', { name: 'Connect', exact: true }).click();
      await console.locator('.frames li', { hasText: 'The gateway refused: 404' }).waitFor();
      await request(page, 'ping');
      assert.match(await console.getByLabel('Endpoint').locator('option:checked').innerText(), /^\/ws/);
    },
  ));
