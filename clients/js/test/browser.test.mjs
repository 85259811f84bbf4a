// The client in a real Chromium: its own WebSocket, fetch and timers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Events } from './events.mjs';
import { Gateway, KEEPING, SECRET, alert, token } from './gateway.mjs';

const NEWS = 'room=[{prefix="news:",history={size=100,ttl="1h"}}]';
const { chromium } = createRequire(`${process.env.TOOLS}/browser/`)('playwright-core');
/** Nothing of the browser's own goes out, and it asks for no graphics card and no second user. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
});
after(() => browser?.close());

/** A page that has the client's `connect` and a helper, and the server that it is from. */
async function page(t) {
  const server = await Events.start(t);
  const context = await browser.newContext();
  t.after(() => context.close());
  const tab = await context.newPage();
  await tab.goto(server.origin);
  await tab.evaluate(async () => {
    Object.assign(globalThis, await import('/tidegate.js'));
    globalThis.take = async (sub, count) => {
      const events = [];
      for (; events.length < count; ) events.push((await sub.next()).value);
      return events.map(({ data }) => data);
    };
  });
  return { tab, server, context };
}

test('a page joins, publishes, calls, and outlives a killed gateway', async (t) => {
  const { tab, server } = await page(t);
  const origins = `endpoint.0.origins=["${server.origin}"]`;
  const gateway = await Gateway.start(t, KEEPING, origins, 'plugins.echo.enabled=true');
  const first = await tab.evaluate(async (url) => {
    globalThis.client = connect(url, { sse: false, backoff: { base: 20, cap: 100 } });
    globalThis.sub = await client.join('disk:a');
    await client.publish('disk:a', 'alert_triggered', { n: 0 });
    const parts = [];
    for await (const part of client.callStream('echo_stream', { data: 'é', pieces: 0, every_ms: 1 })) {
      if (parts.push(part) === 3) break;
    }
    return [await take(sub, 1), parts, await client.call('echo', [1])];
  }, gateway.url);
  assert.deepEqual(first, [[{ n: 0 }], ['é', 'é', 'é'], [1]]);
  await gateway.kill();
  await gateway.start();
  await gateway.count('disk:a', 1, 40);
  const rest = await tab.evaluate(() => take(sub, 39));
  assert.deepEqual(rest.map(({ n }) => n), Array.from({ length: 39 }, (_, n) => n + 1));
  await gateway.kill('SIGTERM');
  await gateway.start();
  await gateway.count('disk:a', 40, 41);
  assert.deepEqual(await tab.evaluate(() => take(sub, 1)), [{ n: 40 }]);
});

test('a page shows its token by subprotocol, and is told why it is closed for good', async (t) => {
  const { tab, server } = await page(t);
  const access = [`auth.default.secret="${SECRET}"`, 'auth.default.anonymous=false', 'auth.default.leeway="0s"'];
  const gateway = await Gateway.start(t, ...access, `endpoint.0.origins=["${server.origin}"]`);
  const told = await tab.evaluate(
    async ([url, token]) => {
      const client = connect(url, { token, sse: false });
      await client.ready();
      const { userId } = client;
      const change = await new Promise((resolve) => client.on('state', resolve));
      return [userId, change.state, change.error.code, change.error.message];
    },
    [gateway.url, token('ada', 2)],
  );
  assert.deepEqual(told, ['ada', 'closed', 'policy', 'token expired']);
});

test('a page that comes back to its network looks at once', async (t) => {
  const { tab, server, context } = await page(t);
  const gateway = await Gateway.start(t, `endpoint.0.origins=["${server.origin}"]`);
  await tab.evaluate((url) => {
    globalThis.client = connect(url, { sse: false, backoff: { base: 1e6, cap: 1e6 }, random: () => 1 });
    globalThis.waiting = new Promise((resolve) => client.on('state', (change) => change.delay && resolve(change)));
    return client.ready();
  }, gateway.url);
  await gateway.kill();
  assert.equal((await tab.evaluate(() => waiting)).delay, 1e6);
  await gateway.start();
  await context.setOffline(true);
  await context.setOffline(false);
  await tab.evaluate(() => client.ready());
  assert.equal(await tab.evaluate(() => client.state), 'open');
});

test('the page of README.md shows what happens', async (t) => {
  const { tab, server } = await page(t);
  const gateway = await Gateway.start(t, NEWS, `endpoint.0.origins=["${server.origin}"]`);
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, html] = /^```html\n([^]*?)^```/m.exec(readme);
  server.pages['/example'] = html.replace('ws://127.0.0.1:8080/ws', gateway.url);
  await gateway.publish([alert('news:sport', { goal: 1 })]);
  await tab.goto(`${server.origin}/example`);
  await tab.getByText('{"goal":1}').waitFor();
});

test('a page whose WebSocket is blocked goes on by server-sent events', async (t) => {
  const { tab, server } = await page(t);
  await tab.evaluate(async () => {
    globalThis.client = connect('/ws', { sse: { after: 2 }, backoff: { base: 10, cap: 50 } });
    globalThis.sub = await client.join('a');
    await client.publish('a', 'alert_triggered', 1);
  });
  assert.deepEqual(await tab.evaluate(() => take(sub, 1)), [1]);
  server.cut();
  server.publish('a', 2);
  assert.deepEqual(await tab.evaluate(() => take(sub, 1)), [2]);
  assert.equal(await tab.evaluate(() => client.transport), 'sse');
});
