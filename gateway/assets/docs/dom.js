/** Elements, and the few parts that all of the page is made of. Nothing here ever reads text as HTML. */

import { mistake, pieces } from './json.js';

/** @typedef {Node | string | null | undefined | false} Child */

/** Characters of a text that are coloured; a longer one is shown plain. */
const COLOURED = 100_000;

let made = 0;

/**
 * An element. Attributes: a function is a listener, `true` an empty one, null and false none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function')
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  for (const child of children.flat()) if (child || child === '') element.append(child);
  return element;
}

/** An id that no other element of this page has. @param {string} word */
export function fresh(word) {
  made += 1;
  return `${word}-${made}`;
}

/** Has a screen reader say it. @param {string} text */
export function announce(text) {
  const voice = document.getElementById('voice');
  if (voice) voice.textContent = text;
}

/**
 * A button that copies what `text` answers.
 * @param {string} what  as in "Copy the example"
 * @param {() => string} text
 */
export function copyButton(what, text) {
  const button = h(
    'button',
    { type: 'button', class: 'small', 'aria-label': `Copy ${what}`, onclick: click },
    'Copy',
  );
  async function click() {
    const copied = await copy(text());
    button.textContent = copied ? 'Copied' : 'Not copied';
    announce(copied ? `Copied ${what}` : `The browser did not let the page copy ${what}`);
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  }
  return button;
}

/** Puts it on the clipboard; answers whether the browser did. @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is no clipboard where the page came by plain HTTP from another machine; the old way still works.
    const area = h('textarea', { class: 'unseen' });
    area.value = text;
    const back = document.activeElement;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (back instanceof HTMLElement) back.focus();
    return copied;
  }
}

/**
 * A block of code, in colours where it is JSON.
 * @param {string} label  for screen readers, as the block can be scrolled
 * @param {string} text
 */
export function codeBlock(label, text) {
  const code = h('code');
  if (text.length > COLOURED || mistake(text)) code.textContent = text;
  else
    code.append(
      ...pieces(text).map(({ kind, text: part }) =>
        kind === 'plain' ? part : h('span', { class: `j-${kind}` }, part),
      ),
    );
  return h('pre', { tabindex: '0', role: 'group', 'aria-label': label }, code);
}

/**
 * A block of code with a caption and a button that copies it.
 * @param {string} caption
 * @param {string} text
 */
export function figure(caption, text) {
  const lower = caption.charAt(0).toLowerCase() + caption.slice(1);
  return h(
    'figure',
    {},
    h(
      'figcaption',
      {},
      h('span', {}, caption),
      copyButton(lower, () => text),
    ),
    codeBlock(caption, text),
  );
}

/**
 * A button that shows and hides what `make` makes when it is first shown.
 * @param {string} label
 * @param {string} about  what a screen reader hears behind the label
 * @param {() => HTMLElement} make
 * @returns {{ button: HTMLButtonElement, panel: HTMLElement }}
 */
export function disclosure(label, about, make) {
  const panel = h('div', { id: fresh('panel'), class: 'panel', hidden: true });
  const button = h(
    'button',
    { type: 'button', class: 'primary', 'aria-expanded': 'false', 'aria-controls': panel.id },
    label,
    h('span', { class: 'unseen' }, ` ${about}`),
  );
  button.addEventListener('click', () => {
    if (!panel.firstChild) panel.append(make());
    panel.hidden = !panel.hidden;
    button.setAttribute('aria-expanded', String(!panel.hidden));
  });
  return { button, panel };
}

/**
 * A heading that links to itself, with what says where it leads.
 * @param {'h2' | 'h3' | 'h4'} tag
 * @param {string} id  of the section
 * @param {string} text
 */
export function heading(tag, id, text) {
  return h(
    'div',
    { class: 'head' },
    h(tag, { id: `${id}-title`, tabindex: '-1' }, text),
    h(
      'a',
      { class: 'anchor', href: `#${id}`, 'aria-label': `Link to ${text}` },
      h('span', { 'aria-hidden': 'true' }, '#'),
    ),
  );
}
