// What tests of the page `/playground` have in common.

import { withPage } from './browser.mjs';

/** Opens the page, at an endpoint. */
export const playground = ({ endpoint, ...options }, look) =>
  withPage({ path: '/playground', ...options }, async (page, complaints) => {
    if (endpoint) await choose(page, endpoint);
    await look(page, complaints);
  });

export async function choose(page, path) {
  const select = page.getByLabel('Endpoint', { exact: true });
  await select.selectOption({
    index: (await select.locator('option').allInnerTexts()).findIndex((text) => text.startsWith(`${path} `)),
  });
}

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const editor = (page) => page.getByLabel('Frame', { exact: true });
export const rows = (page, ...texts) =>
  texts.reduce((found, hasText) => found.filter({ hasText }), page.locator('#rows > li'));
export const state = (page) => page.locator('#state');
export const ended = (page) => page.locator('#ended');

export async function connect(page) {
  await button(page, 'Connect').click();
  await page.locator('#state[data-state="open"]').waitFor();
}

/** Begins a request from its template. */
export const request = (page, name) => page.getByLabel('Request', { exact: true }).selectOption(name);

/** Fills in a token, and how it is shown. */
export async function showToken(page, token, way) {
  await page.getByLabel('Token, if it needs one').fill(token);
  await page.getByLabel('shown', { exact: true }).selectOption(way);
}
