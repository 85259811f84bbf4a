/** A schema on the page: a tree of rows that open. */

import { h } from './dom.js';
import { line } from './prose-view.js';
import { shape } from './schema.js';

/** @typedef {import('./schema.js').Shape} Shape */

/**
 * @param {unknown} root   the document
 * @param {any} schema
 * @param {string} label   what it is the schema of
 */
export function schemaTree(root, schema, label) {
  const top = shape(root, schema);
  const about = h('p', { class: 'row' }, ...row(top));
  if (!top.branch) return h('div', { class: 'schema' }, about);
  return h('div', { class: 'schema' }, about, list(top.children(), label));
}

/**
 * @param {Shape[]} shapes
 * @param {string} label
 */
export function list(shapes, label) {
  return h('ul', { class: 'tree', 'aria-label': label }, shapes.map(item));
}

/** @param {Shape} shape */
function item(shape) {
  if (!shape.branch) return h('li', {}, h('div', { class: 'row' }, ...row(shape)));
  const details = h('details', {}, h('summary', {}, h('span', { class: 'row' }, ...row(shape))));
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) details.append(list(shape.children(), shape.name));
  });
  return h('li', {}, details);
}

/** @param {Shape} shape */
function row({ name, type, required, deprecated, description, notes, values }) {
  return [
    name && h('code', { class: 'name' }, name),
    name && ' ',
    h('span', { class: 'type' }, type),
    required && h('span', { class: 'required' }, 'required'),
    deprecated && h('span', { class: 'deprecated' }, 'deprecated'),
    ...notes.map((note) => h('span', { class: 'note' }, note)),
    values.length > 0 &&
      h(
        'span',
        { class: 'values' },
        h('span', { class: 'unseen' }, values.length === 1 ? 'always ' : 'one of '),
        values.flatMap((value, index) => [index ? ' ' : '', h('code', {}, value)]),
      ),
    description && h('span', { class: 'about' }, line(description)),
  ].flatMap((part) => (part && part !== ' ' ? [part, ' '] : []));
}
