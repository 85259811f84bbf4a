// The page as one reads it: what is on it, the search, its addresses, what it says when something is missing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { document, operation, SHOTS, withPage } from './browser.mjs';

test('all operations, requests and events are on the page, and nothing comes from elsewhere', () =>
  withPage({}, async (page) => {
    const openapi = await document('openapi');
    const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'];
    const operations = Object.values(openapi.paths).flatMap((item) =>
      Object.keys(item).filter((key) => methods.includes(key)),
    );
    assert.ok(operations.length > 20);
    assert.equal(await page.locator('#http .entry').count(), operations.length);
    const titles = await page.locator('#socket h4').allTextContents();
    for (const name of ['join', 'subscribe', 'publish', 'connected', 'agent_created', 'agent_deleted']) {
      assert.ok(titles.includes(name), `${name} is not among ${titles}`);
    }
    const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
    assert.equal(new Set(ids).size, ids.length, 'no id twice');
    await page.screenshot({ path: `${SHOTS}/light.png` });
  }));

test('the policy holds: no inline script, no other origin, no text read as markup', () =>
  withPage({}, async (page, complaints) => {
    const broken = await page.evaluate(async () => {
      const violations = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
        violations.push(effectiveDirective),
      );
      const script = document.createElement('script');
      try {
        script.textContent = 'window.ran = true';
        document.body.append(script);
      } catch {
        /* trusted types */
      }
      try {
        document.body.insertAdjacentHTML('beforeend', '<b>x</b>');
      } catch {
        /* trusted types */
      }
      await fetch('http://127.0.0.2:9/').catch(() => {});
      await new Promise(requestAnimationFrame);
      return { violations, ran: 'ran' in window };
    });
    assert.equal(broken.ran, false);
    for (const directive of ['require-trusted-types-for', 'connect-src'])
      assert.ok(broken.violations.includes(directive), directive);
    assert.ok(complaints.length > 0, 'the browser said so');
    complaints.length = 0; // they were asked for
  }));

test('a schema opens to its last level, and says when it begins again', () =>
  withPage({}, async (page) => {
    const section = operation(page, 'GET', '/agents/');
    const list = section
      .locator('li', { has: page.locator('summary .name', { hasText: /^agents$/ }) })
      .first();
    await list.locator('summary').first().click();
    await list.locator('.tree .name', { hasText: /^energia$/ }).waitFor();
    assert.match(
      await list.locator('.tree li', { hasText: 'energia' }).first().innerText(),
      /energia\s+number.*0 to 100/s,
    );
  }));

test('the search narrows by path, event type and property, and says how many there are', () =>
  withPage({}, async (page) => {
    await page.keyboard.press('/');
    const query = page.locator('#query');
    assert.equal(await query.evaluate((input) => input === document.activeElement), true);
    const all = await page.locator('#count').textContent();
    const shown = () => page.locator('main .entry:visible').count();
    const total = await shown();
    await query.fill('lymphnode clone');
    assert.match(await page.locator('#count').textContent(), /^\d+ of \d+ entries$/);
    const few = await shown();
    assert.ok(few > 0 && few < 8, `${few} of ${total}`);
    assert.equal(await operation(page, 'POST', '/lymphnode/clone').isVisible(), true);
    assert.equal(await operation(page, 'GET', '/agents/').isVisible(), false);
    await query.fill('AGENT_CREATED');
    assert.equal(await page.locator('#links a:visible', { hasText: /agent_created/ }).count(), 1);
    await query.fill('temperatura_regional');
    assert.equal(
      await page.locator('#links a:visible', { hasText: 'homeostatic_state_changed' }).count(),
      1,
      'by a property',
    );
    await query.fill('no such thing');
    assert.equal(await page.locator('#count').textContent(), 'Nothing matches “no such thing”');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#count').textContent(), all);
    assert.equal(await shown(), total);
  }));

test('an address leads to its section: when it is opened, by a link, and back and forward', async () => {
  let hash;
  await withPage({}, async (page) => {
    await page.locator('#links a', { hasText: '/agents/{id}/actions' }).click();
    hash = new URL(page.url()).hash;
    assert.match(hash, /^#op-/);
    await isThere(page, hash);
    await page.locator('#links a', { hasText: 'agent_deleted' }).click();
    await isThere(page, new URL(page.url()).hash);
    await page.goBack();
    await isThere(page, hash);
    await page.goForward();
    await isThere(page, new URL(page.url()).hash);
  });
  await withPage({ hash }, async (page) => {
    await isThere(page, hash);
    await page.keyboard.press('/');
    await page.keyboard.type('agent_deleted');
    await page.keyboard.press('Enter');
    await isThere(page, new URL(page.url()).hash);
    await page.goBack();
    await isThere(page, hash);
    assert.equal(
      await page.locator('#query').inputValue(),
      '',
      'what the search hides is shown when it is gone to',
    );
  });
});

/** Waits until the section is at the top of the window, marked in the contents, and its title has the focus. */
async function isThere(page, hash) {
  await page.waitForFunction((hash) => {
    const section = document.querySelector(hash);
    const { top } = section.getBoundingClientRect();
    const isMarked = document.querySelector(`#links [href="${hash}"]`).hasAttribute('aria-current');
    return top > 0 && top < 200 && isMarked && document.activeElement?.id === `${section.id}-title`;
  }, hash);
}

test('without JavaScript the documents are two links', () =>
  withPage({ scripts: false }, async (page) => {
    assert.equal(await page.getByRole('searchbox').count(), 0, 'nothing that would not work');
    for (const name of ['OpenAPI', 'AsyncAPI'])
      assert.equal(await page.getByRole('link', { name: new RegExp(name) }).isVisible(), true);
  }));

test('a document that cannot be loaded is said to be missing, and the other one is shown', () =>
  withPage(
    {
      prepare: (page) =>
        page.route('**/openapi.json', (route) =>
          route.fulfill({
            status: 503,
            contentType: 'application/problem+json',
            body: '{"title":"Service Unavailable","detail":"not yet"}',
          }),
        ),
    },
    async (page) => {
      const alert = page.getByRole('alert');
      assert.match(
        await alert.innerText(),
        /\/openapi\.json cannot be shown: the gateway answered 503: not yet\./,
      );
      assert.ok((await page.locator('#socket .entry').count()) > 5);
      await page.unroute('**/openapi.json');
      await alert.getByRole('button', { name: 'Try again' }).click();
      await page.locator('#http .entry').first().waitFor();
    },
  ));

test('on a phone nothing is wider than the window, and the contents open over the page', () =>
  withPage(
    {
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
      hasTouch: true,
    },
    async (page) => {
      const tooWide = () =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(await tooWide(), 0);
      await page.screenshot({ path: `${SHOTS}/phone-dark.png` });
      const menu = page.getByRole('button', { name: 'Contents' });
      await menu.tap();
      assert.equal(await menu.getAttribute('aria-expanded'), 'true');
      assert.equal(
        await page.locator('main').evaluate((main) => main.inert),
        true,
        'what lies behind cannot be reached',
      );
      await page.screenshot({ path: `${SHOTS}/phone-contents.png` });
      await page.locator('#links a', { hasText: '/agents/{id}/heartbeat' }).tap();
      assert.equal(await menu.getAttribute('aria-expanded'), 'false');
      await isThere(page, new URL(page.url()).hash);
      assert.equal(await tooWide(), 0);
    },
  ));
