/** The log of frames on the page. */

import { codeBlock, fresh, h } from './dom.js';
import { clock, FrameLog, MOST } from './framelog.js';
import { pretty } from './json.js';

/** Characters of a frame that are in its line. */
const PREVIEW = 400;
const SIGNS = { sent: '↑', received: '↓', note: '·' };

export function logView() {
  const log = new FrameLog();
  const lines = h('ol');
  const frames = h(
    'div',
    { class: 'frames', role: 'log', tabindex: '0', 'aria-label': 'Frames, oldest first' },
    lines,
  );
  const count = h('span', { class: 'note' });
  const id = fresh('filter');
  const filter = h('input', {
    id,
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'Filter',
    oninput: again,
  });
  const pause = h(
    'button',
    {
      type: 'button',
      class: 'small',
      'aria-pressed': 'false',
      onclick: () => {
        pause.setAttribute('aria-pressed', String(!isPaused()));
        show();
      },
    },
    'Pause',
  );
  const clear = h(
    'button',
    {
      type: 'button',
      class: 'small',
      onclick: () => {
        log.clear();
        again();
      },
    },
    'Clear',
  );
  const isPaused = () => pause.getAttribute('aria-pressed') === 'true';
  /** The number of the next entry that is not on the page yet. */
  let next = 0;
  let isDue = false;

  function again() {
    next = 0;
    lines.replaceChildren();
    show(true);
  }

  /**
   * Puts on the page what is not there yet, and takes away what is no longer kept.
   * @param {boolean} [always]
   */
  function show(always = false) {
    isDue = false;
    if (isPaused() && !always) {
      count.textContent = `${log.next - next} more since the pause`;
      return;
    }
    const atEnd = frames.scrollHeight - frames.scrollTop - frames.clientHeight < 24;
    lines.append(...log.matching(filter.value, next).map(line));
    next = log.next;
    while (
      lines.firstElementChild instanceof HTMLElement &&
      Number(lines.firstElementChild.dataset.number) < log.first
    ) {
      lines.firstElementChild.remove();
    }
    if (atEnd) frames.scrollTop = frames.scrollHeight;
    const shown = lines.childElementCount;
    const kept = log.size === MOST ? `the last ${MOST.toLocaleString('en')}` : String(log.size);
    count.textContent = filter.value.trim()
      ? `${shown} of ${kept}`
      : `${kept} ${log.size === 1 ? 'entry' : 'entries'}`;
  }

  /** @param {import('./framelog.js').Kind} kind @param {string} text */
  function add(kind, text) {
    log.add(kind, text, new Date());
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => show());
  }

  show();
  const view = h(
    'div',
    { class: 'log' },
    h(
      'div',
      { class: 'tools' },
      h('label', { for: id, class: 'unseen' }, 'Show only frames that hold this text'),
      filter,
      pause,
      clear,
      count,
    ),
    frames,
  );
  return { view, add };
}

/** @param {import('./framelog.js').Entry} entry */
function line({ number, kind, at, text, cut }) {
  const flat = text.length > PREVIEW ? `${text.slice(0, PREVIEW)}…` : text;
  const head = [
    h('time', { datetime: at.toISOString() }, clock(at)),
    ' ',
    h('span', { class: 'kind' }, h('span', { 'aria-hidden': 'true' }, SIGNS[kind]), ` ${kind}`),
    ' ',
  ];
  if (kind === 'note')
    return h('li', { class: kind, 'data-number': number }, h('p', {}, ...head, h('span', {}, flat)));
  const details = h('details', {}, h('summary', {}, ...head, h('code', {}, flat.replaceAll(/\s+/g, ' '))));
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(codeBlock('Frame', pretty(text)));
    if (cut)
      details.append(h('p', { class: 'note' }, `${cut.toLocaleString('en')} characters more are not kept`));
  });
  return h('li', { class: kind, 'data-number': number }, details);
}
