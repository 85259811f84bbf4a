/** The fields of forms. */

import { fresh, h } from './dom.js';
import { mistake, pretty } from './json.js';
import { line } from './prose-view.js';
import { resolve, shape } from './schema.js';

/**
 * @typedef {object} Field
 * @property {HTMLElement} row
 * @property {HTMLInputElement | HTMLSelectElement} input
 */

/**
 * A field for one value: a choice where the schema lists what there is, else text, so that what is wrong can be
 * tried, too.
 * @param {unknown} root
 * @param {{ name: string, where: string, required: boolean, description: string, schema: any,
 *   example?: unknown }} given
 * @returns {Field}
 */
export function field(root, { name, where, required, description, schema, example }) {
  const found = resolve(root, schema).schema;
  const said = typeof found === 'boolean' ? {} : found;
  const id = fresh('field');
  const values = said.enum ?? (said.type === 'boolean' ? [true, false] : null);
  const { type, notes } = shape(root, schema, {});
  const about = [description || said.description || '', [where, type, ...notes].filter(Boolean).join(' · ')];
  const shared = { id, required, 'aria-describedby': `${id}-about`, 'data-name': name };
  const input = values
    ? h(
        'select',
        shared,
        h('option', { value: '' }, required ? 'Choose one' : 'Not sent'),
        values.map((/** @type {unknown} */ value) => h('option', {}, String(value))),
      )
    : h('input', {
        ...shared,
        type: 'text',
        autocomplete: 'off',
        spellcheck: 'false',
        inputmode: inputMode(said.type),
        placeholder: said.default === undefined ? null : String(said.default),
      });
  const isSample = required && example !== undefined && typeof example !== 'object';
  if (isSample) input.value = String(example);
  const row = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, h('code', {}, name), required && h('span', { class: 'required' }, 'required')),
    input,
    h(
      'p',
      { id: `${id}-about`, class: 'about' },
      about[0] && h('span', {}, line(about[0])),
      h('span', { class: 'note' }, about[1]),
    ),
  );
  return { row, input };
}

/** @param {string | string[] | undefined} type */
const inputMode = (type) => (type === 'integer' ? 'numeric' : type === 'number' ? 'decimal' : null);

/**
 * A field for JSON, which says where it is none. It may be sent all the same: what a server says to that is
 * worth a try.
 * @param {string} label
 * @param {{ required?: boolean, isJson?: () => boolean }} [options]
 */
export function jsonField(label, { required = false, isJson = () => true } = {}) {
  const id = fresh('json');
  const input = h('textarea', {
    id,
    required,
    rows: 4,
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-describedby': `${id}-error`,
  });
  const error = h('p', { id: `${id}-error`, class: 'error', role: 'status' });
  const format = h(
    'button',
    { type: 'button', class: 'small', onclick: () => set(pretty(input.value)) },
    'Format',
  );
  const check = () => {
    const found = isJson() && input.value.trim() ? mistake(input.value) : null;
    error.textContent = found
      ? `Not JSON: line ${found.line}, column ${found.column}: ${found.message}.`
      : '';
    if (found) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
    input.rows = Math.min(24, Math.max(4, input.value.split('\n').length));
  };
  const set = (/** @type {string} */ text) => {
    input.value = text;
    check();
    input.dispatchEvent(new Event('input', { bubbles: true }));
  };
  input.addEventListener('input', check);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) input.form?.requestSubmit();
  });
  const row = h(
    'div',
    { class: 'field wide' },
    h('div', { class: 'between' }, h('label', { for: id }, label), format),
    input,
    error,
    h('p', { class: 'about' }, h('kbd', {}, 'Ctrl'), ' + ', h('kbd', {}, 'Enter'), ' sends'),
  );
  return { row, input, set };
}

/**
 * A choice.
 * @param {string} label
 * @param {string[]} options
 * @param {(index: number) => void} chosen
 */
export function choice(label, options, chosen) {
  const id = fresh('choice');
  const select = h(
    'select',
    { id },
    options.map((option, index) => h('option', { value: index }, option)),
  );
  select.addEventListener('change', () => chosen(select.selectedIndex));
  return { row: h('div', { class: 'field' }, h('label', { for: id }, label), select), select };
}
