/** The navigation beside the documents, and the search that narrows both. */

import { fresh, h } from './dom.js';
import { announcement, search } from './search.js';

/** @typedef {{ id: string, label: HTMLElement[], words: string[] }} Item */
/** @typedef {{ title: string, link: string, items: Item[] }} Chapter  a tag or a channel */
/** @typedef {{ title: string, chapters: Chapter[] }} Part */

/**
 * @param {Part[]} parts
 */
export function contents(parts) {
  const chapters = parts.flatMap((part) => part.chapters);
  const items = chapters.flatMap((chapter) => chapter.items);
  const place = byId('links');
  const count = byId('count');
  const query = /** @type {HTMLInputElement} */ (byId('query'));
  place.replaceChildren(...parts.map(partView));

  function narrow() {
    const found = new Set(search(items, query.value));
    for (const { id } of items) {
      const isFound = found.has(id);
      byId(id).hidden = !isFound;
      const entry = linkTo(id)?.closest('li');
      if (entry) entry.hidden = !isFound;
    }
    const isSearching = query.value.trim() !== '';
    for (const { link, items } of chapters) {
      const inside = items.filter(({ id }) => found.has(id)).length;
      byId(link).hidden = isSearching && inside === 0;
      const entry = place.querySelector(`[data-chapter="${CSS.escape(link)}"]`);
      if (entry instanceof HTMLElement) entry.hidden = byId(link).hidden;
      const number = entry?.querySelector('.number');
      if (number) number.textContent = String(inside);
    }
    document.body.classList.toggle('searching', isSearching);
    count.textContent = announcement(found.size, items.length, query.value);
    return items.filter(({ id }) => found.has(id));
  }

  function clear() {
    query.value = '';
    narrow();
  }

  query.addEventListener('input', narrow);
  query.addEventListener('keydown', (event) => {
    const first = query.value.trim() ? narrow()[0] : undefined;
    if (event.key === 'Escape') clear();
    else if (event.key === 'Enter' && first) location.hash = first.id;
    else return;
    event.preventDefault();
  });
  narrow();
  return { clear, mark };
}

/** @param {Part} part */
function partView({ title, chapters }) {
  const id = fresh('part');
  return h(
    'div',
    {},
    h('p', { id, class: 'part' }, title),
    h('ul', { 'aria-labelledby': id }, chapters.map(chapterView)),
  );
}

/** @param {Chapter} chapter */
function chapterView({ title, link, items }) {
  const list = h(
    'ul',
    { id: fresh('chapter') },
    items.map(({ id, label }) => h('li', {}, h('a', { href: `#${id}` }, label))),
  );
  if (!items.length)
    return h('li', { 'data-chapter': link }, h('a', { class: 'chapter', href: `#${link}` }, title));
  const button = h(
    'button',
    {
      type: 'button',
      class: 'chapter',
      'aria-expanded': 'true',
      'aria-controls': list.id,
      onclick: () => {
        list.hidden = !list.hidden;
        button.setAttribute('aria-expanded', String(!list.hidden));
      },
    },
    h('span', {}, title),
    h('span', { class: 'count' }, h('span', { class: 'number' }), h('span', { class: 'unseen' }, ' entries')),
  );
  return h('li', { 'data-chapter': link }, button, list);
}

/** Marks the link of the section that is being read. @param {string} id */
function mark(id) {
  const link = linkTo(id);
  if (!link || link.hasAttribute('aria-current')) return;
  for (const old of document.querySelectorAll('#links [aria-current]')) old.removeAttribute('aria-current');
  link.setAttribute('aria-current', 'location');
  link.scrollIntoView({ block: 'nearest' });
}

/** @param {string} id */
const linkTo = (id) => document.querySelector(`#links a[href="#${CSS.escape(id)}"]`);

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}
