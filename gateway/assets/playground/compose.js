/** The form of what is sent: a request to begin from, fields for its parts, and the frame itself. */

import { fresh, h } from '/docs/dom.js';
import { mistake, pretty } from '/docs/json.js';
import { read, templates, write } from './templates.js';

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));
const [select, about, place, editor, wrong, button] = [
  'template',
  'template-about',
  'fields',
  'editor',
  'editor-error',
  'send',
].map(byId);

/**
 * @param {any} doc  `/asyncapi.json`
 * @param {(frame: string, how: import('./link.js').How) => string | void} send  answers what is wrong
 * @param {(draft: string) => void} changed
 */
export function composeForm(doc, send, changed) {
  /** @type {import('./templates.js').Template[]} */
  let all = [];
  /** @type {[import('./templates.js').Field, HTMLInputElement][]} */
  let fields = [];
  const template = () => all[select.selectedIndex];

  /** @param {string} text */
  function set(text) {
    editor.value = text;
    said();
  }

  /** The frame is another: the fields show what stands in it. */
  function said() {
    const frame = parsed();
    for (const [field, input] of fields) {
      input.disabled = frame === undefined;
      if (frame !== undefined && input !== document.activeElement) input.value = read(frame, field);
    }
    complain('');
    changed(editor.value);
  }

  /** @returns {any} undefined where it is no object and no list */
  function parsed() {
    try {
      const frame = JSON.parse(editor.value);
      return typeof frame === 'object' && frame ? frame : undefined;
    } catch {
      return undefined;
    }
  }

  /** @param {string} words */
  function complain(words) {
    wrong.textContent = words;
    editor.setAttribute('aria-invalid', String(Boolean(words)));
  }

  /** Shows the fields of the chosen template. @param {string} text  the frame */
  function use(text) {
    about.textContent = template().about;
    fields = template().fields.map((field) => [
      field,
      h('input', {
        id: fresh('field'),
        placeholder: field.hint ?? '',
        spellcheck: 'false',
        autocomplete: 'off',
      }),
    ]);
    place.replaceChildren(
      ...fields.map(([{ label }, input]) =>
        h('div', { class: 'field' }, h('label', { for: input.id }, label), input),
      ),
    );
    for (const [field, input] of fields) {
      input.addEventListener('input', () => {
        const frame = parsed();
        if (frame === undefined) return;
        write(frame, field, input.value.trim());
        set(JSON.stringify(frame, null, 2));
      });
    }
    set(text);
  }

  /** @param {import('./link.js').Endpoint} endpoint @param {{ template?: string, draft?: string }} [kept] */
  function show(endpoint, kept = {}) {
    const isSocket = ['websocket', 'engineio'].includes(endpoint.transport);
    byId('compose').hidden = !isSocket;
    byId('ack-row').hidden = endpoint.dialect !== 'socketio';
    byId('hex-row').hidden = !isSocket || endpoint.dialect === 'socketio';
    byId('hex').checked = false;
    all = templates(doc, endpoint);
    select.replaceChildren(...all.map(({ name }) => h('option', {}, name)));
    select.selectedIndex = Math.max(
      0,
      all.findIndex(({ name }) => name === kept.template),
    );
    use(kept.draft ?? template().text);
  }

  function submit() {
    if (button.disabled) return complain('Connect first: there is nobody to send it to.');
    complain(
      send(editor.value, { ack: byId('ack').checked, hex: !byId('hex-row').hidden && byId('hex').checked }) ??
        '',
    );
  }

  select.addEventListener('change', () => use(template().text));
  editor.addEventListener('input', said);
  byId('request').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  });
  byId('format').addEventListener('click', () => {
    const found = mistake(editor.value);
    if (found) complain(`Not JSON: line ${found.line}, column ${found.column}: ${found.message}`);
    else set(pretty(editor.value));
  });
  byId('request').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  });
  return {
    show,
    enable: (/** @type {boolean} */ on) => (button.disabled = !on),
    template: () => template().name,
  };
}
