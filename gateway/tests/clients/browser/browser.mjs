// A real Chromium, and pages of the gateway in it. The surroundings say where things are: GATEWAY is its URL, TOOLS
// the folder with playwright-core and axe-core, SHOTS the one that screenshots are kept in.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';

export const { GATEWAY, TOOLS, SHOTS } = process.env;
export const require = createRequire(`${TOOLS}/`);
const { chromium } = require('playwright-core');

/** Nothing of the browser's own goes out, and it asks for no graphics card and no second user. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
});
after(() => browser?.close());

/**
 * Opens `/docs`, or another page, in a browser profile of its own, has `look` look at it, and fails where the page complains, or
 * asks anything of another origin. Answers to what is tried are no complaints.
 */
export async function withPage(options, look) {
  const {
    gateway = GATEWAY,
    path = '/docs',
    hash = '',
    prepare,
    scripts = true,
    ...context
  } = { viewport: { width: 1280, height: 900 }, ...options };
  const profile = await browser.newContext({ javaScriptEnabled: scripts, ...context });
  const page = await profile.newPage();
  page.setDefaultTimeout(45_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const isAnswer =
      message.text().startsWith('Failed to load resource') ||
      message.text().startsWith('WebSocket connection');
    if (['error', 'warning'].includes(message.type()) && !isAnswer) complaints.push(message.text());
  });
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('websocket', (socket) => asked.push(socket.url()));
  try {
    await prepare?.(page);
    await page.goto(`${gateway}${path}${hash}`);
    if (scripts) await page.locator('main:not([aria-busy])').waitFor();
    await look(page, complaints);
  } finally {
    await profile.close();
  }
  assert.deepEqual(complaints, []);
  const host = new URL(options.gateway ?? GATEWAY).host;
  assert.deepEqual(
    asked.filter((url) => new URL(url).host !== host),
    [],
    'nothing is asked of anybody else',
  );
}

/** The section of an operation. */
export const operation = (page, method, path) =>
  page
    .locator('#http .entry')
    .filter({ has: page.locator('.call', { hasText: new RegExp(`^${method}\\s+${escaped(path)}Try it`) }) });

const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Opens an operation's form. */
export async function open(page, method, path) {
  const section = operation(page, method, path);
  await section.getByRole('button', { name: `Try it ${method} ${path}` }).click();
  return section;
}

/** A document of the gateway. */
export const document = async (name) => (await fetch(`${GATEWAY}/${name}.json`)).json();

/** Makes an agent, as anybody may: an event in the room `agents`. */
export async function makeAgent(id) {
  const answer = await fetch(`${GATEWAY}/agents/`, {
    method: 'POST',
    body: JSON.stringify({ agent_id: id, agent_type: 'macrophage' }),
  });
  assert.equal(answer.status, 201);
}
