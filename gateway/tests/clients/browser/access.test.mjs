// The page without a mouse, and without seeing it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { open, operation, require, SHOTS, withPage } from './browser.mjs';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, a line each. */
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

for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of [
    [1280, 900],
    [390, 844],
  ]) {
    test(`axe finds nothing: ${colorScheme}, ${width} pixels wide`, () =>
      withPage({ viewport: { width, height }, colorScheme }, async (page) => {
        assert.deepEqual(await violations(page), [], 'as it is opened');
        const post = await open(page, 'POST', '/agents/');
        await post.getByLabel('Body', { exact: true }).fill('{"agent_type": 7}');
        await post.getByRole('button', { name: 'Send', exact: true }).click();
        await post.locator('.result .problem').waitFor();
        await post.getByLabel('Body', { exact: true }).fill('{');
        const show = await open(page, 'GET', '/agents/{id}');
        await show.locator('input[data-name="id"]').fill('x');
        for (const summary of await operation(page, 'GET', '/agents/').locator('summary').all()) {
          if (await summary.isVisible()) await summary.click();
        }
        const console = page.locator('#console');
        await console.getByRole('button', { name: 'Connect', exact: true }).click();
        const greeting = console.locator('.frames li.received');
        await greeting.waitFor();
        await greeting.locator('summary').click();
        assert.deepEqual(await violations(page), [], 'with everything open');
        await page.screenshot({ path: `${SHOTS}/${colorScheme}-${width}.png` });
        if (width === 390) {
          await page.locator('#menu').click();
          assert.deepEqual(await violations(page), [], 'with the contents open');
        }
      }));
  }
}

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

/** Presses Tab until `found` says so; each stop on the way must be seen. */
async function tabTo(page, found, most = 40) {
  for (let stop = 0; stop < most; stop += 1) {
    await page.keyboard.press('Tab');
    const now = await focused(page);
    assert.ok(now.isSeen, `one does not see that ${JSON.stringify(now)} has the focus`);
    if (found(now)) return now;
  }
  throw new assert.AssertionError({ message: `not found within ${most} stops` });
}

test('everything works by the keyboard alone', () =>
  withPage({}, async (page) => {
    await page.keyboard.press('Tab');
    assert.equal((await focused(page)).text, 'Skip to the content');
    assert.equal(
      await page.locator('.skip').evaluate((link) => link.getBoundingClientRect().top >= 0),
      true,
      'it is seen now',
    );
    await page.keyboard.press('Enter');
    await tabTo(page, ({ text }) => text === 'OpenAPI', 3);

    await page.keyboard.press('/');
    await page.keyboard.type('post /agents/ make');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.matches('h4'));
    await tabTo(page, ({ text }) => text.startsWith('Try it'), 4);
    await page.keyboard.press('Enter');
    const section = operation(page, 'POST', '/agents/');
    assert.equal(await section.getByRole('button', { name: 'Try it' }).getAttribute('aria-expanded'), 'true');
    await page.waitForFunction(() => document.querySelector('form.try textarea'));
    await tabTo(page, ({ id }) => id.startsWith('json'), 5);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('{"agent_id": "by-keyboard", "agent_type": "macrophage"}');
    await tabTo(page, ({ text }) => text === 'Send', 3);
    await page.keyboard.press('Enter');
    await section.locator('.outcome', { hasText: '201' }).waitFor();
    assert.equal(await section.locator('.outcome').getAttribute('role'), 'status', 'a screen reader says it');

    await page.keyboard.press('/');
    await page.keyboard.press('Escape');
    await tabTo(page, ({ text }) => text.startsWith('plugin: agents'), 60);
    await page.keyboard.press('Space');
    assert.equal(
      await page.locator('button.chapter', { hasText: 'plugin: agents' }).getAttribute('aria-expanded'),
      'false',
    );
  }));

test('a request is tried over a WebSocket by the keyboard alone', () =>
  withPage({ hash: '#console' }, async (page) => {
    const console = page.locator('#console');
    await tabTo(page, ({ text }) => text === 'Connect', 8);
    await page.keyboard.press('Enter');
    await console.locator('[data-state="open"]').waitFor();
    assert.equal(
      (await focused(page)).text,
      'Disconnect',
      'the focus is not lost with the button that had it',
    );
    await tabTo(page, ({ id }) => id.startsWith('json'), 5);
    await page.keyboard.press('Control+A');
    await page.keyboard.type('{"action": "ping"}');
    await page.keyboard.press('Control+Enter');
    await console.locator('.frames li', { hasText: 'pong' }).waitFor();
    await tabTo(page, ({ text }) => text.includes('"pong"') && !text.includes('note'), 12); // not the whole list
  }));

test('headings are in order, and each entry has a name', () =>
  withPage({}, async (page) => {
    const levels = await page
      .locator('h1, h2, h3, h4, h5')
      .evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
    assert.equal(levels.filter((level) => level === 1).length, 1);
    levels.reduce((before, level, index) => {
      assert.ok(level <= before + 1, `heading ${index} goes from h${before} to h${level}`);
      return level;
    }, 0);
    const nameless = await page
      .locator('article')
      .evaluateAll(
        (all) =>
          all.filter((entry) => !document.getElementById(entry.getAttribute('aria-labelledby'))).length,
      );
    assert.equal(nameless, 0);
  }));
