/** Descriptions on the page. */

import { h } from './dom.js';
import { blocks, spans } from './prose.js';

/** @typedef {import('./prose.js').Span} Span */

/**
 * @param {string} text
 * @returns {HTMLElement | null}
 */
export function prose(text) {
  if (!text.trim()) return null;
  return h(
    'div',
    { class: 'prose' },
    blocks(text).map((block) => {
      if (block.kind === 'code') return h('pre', {}, h('code', {}, block.text));
      if (block.kind === 'list')
        return h(
          'ul',
          {},
          block.items.map((item) => h('li', {}, item.map(span))),
        );
      if (block.kind === 'table') return table(block);
      return h('p', {}, block.spans.map(span));
    }),
  );
}

/** @param {{ head: Span[][], rows: Span[][][] }} table */
function table({ head, rows }) {
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        head.map((cell) => h('th', { scope: 'col' }, cell.map(span))),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((row) =>
        h(
          'tr',
          {},
          row.map((cell) => h('td', {}, cell.map(span))),
        ),
      ),
    ),
  );
}

/**
 * One line of it, without blocks.
 * @param {string} text
 */
export const line = (text) => spans(text.trim().replaceAll(/\s+/g, ' ')).map(span);

/** @param {Span} span */
function span(span) {
  if (span.kind === 'text') return span.text;
  if (span.kind === 'link') return h('a', { href: span.url, rel: 'noreferrer' }, span.text);
  return h(span.kind, {}, span.text);
}
