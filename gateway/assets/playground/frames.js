/** The log of frames: bounded, filtered, to be gone through by keys, copied and taken along. */

import { announce, codeBlock, copy, copyButton, h } from '/docs/dom.js';
import { clock, FrameLog, MOST } from '/docs/framelog.js';
import { pretty } from '/docs/json.js';

/** Characters of a frame that are in its line. */
const PREVIEW = 300;
/** Seconds that a rate is taken over. */
const SPAN = 5;
const SIGNS = { sent: '↑', received: '↓', note: '·' };

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));
const [frames, rows, filter, pause, shown, counts] = [
  'frames',
  'rows',
  'filter',
  'pause',
  'shown',
  'counts',
].map(byId);
const encoder = new TextEncoder();

export function framesView() {
  const log = new FrameLog();
  const total = { sent: { count: 0, bytes: 0 }, received: { count: 0, bytes: 0 } };
  /** Frames of each kind in the last seconds, this one last. @type {{ sent: number, received: number }[]} */
  const seconds = [{ sent: 0, received: 0 }];
  /** The number of the next entry that is not on the page yet. */
  let next = 0;
  let isDue = false;
  const isPaused = () => pause.getAttribute('aria-pressed') === 'true';

  /**
   * @param {'sent' | 'received' | 'note'} kind
   * @param {string} text
   * @param {{ type?: string, bytes?: number }} [more]
   */
  function add(kind, text, more = {}) {
    const bytes = more.bytes ?? encoder.encode(text).length;
    log.add(kind, text, new Date(), { ...more, bytes });
    if (kind !== 'note') {
      total[kind].count += 1;
      total[kind].bytes += bytes;
      seconds[seconds.length - 1][kind] += 1;
    }
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => show());
  }

  function again() {
    next = 0;
    rows.replaceChildren();
    show(true);
  }

  /** Puts on the page what is not there yet, and takes away what is no longer kept. */
  function show(always = false) {
    isDue = false;
    count();
    if (isPaused() && !always) {
      shown.textContent = `${log.next - next} more since the pause`;
      return;
    }
    const atEnd = frames.scrollHeight - frames.scrollTop - frames.clientHeight < 24;
    rows.append(...log.matching(filter.value, next).map(row));
    next = log.next;
    while (rows.firstElementChild && Number(rows.firstElementChild.dataset.number) < log.first) {
      if (rows.firstElementChild.contains(document.activeElement)) frames.focus();
      rows.firstElementChild.remove();
    }
    if (atEnd) frames.scrollTop = frames.scrollHeight;
    const kept = log.size === MOST ? `the last ${MOST.toLocaleString('en')}` : String(log.size);
    shown.textContent = filter.value.trim() ? `${rows.childElementCount} of ${kept}` : kept;
  }

  function count() {
    const rate = (/** @type {'sent' | 'received'} */ kind) =>
      (seconds.reduce((sum, second) => sum + second[kind], 0) / SPAN).toFixed(1);
    counts.textContent = /** @type {const} */ (['sent', 'received'])
      .map(
        (kind) => `${SIGNS[kind]} ${total[kind].count} ${kind}, ${size(total[kind].bytes)}, ${rate(kind)}/s`,
      )
      .join(' · ');
  }

  /** What is shown, a line of JSON each. */
  const lines = () =>
    log
      .matching(filter.value)
      .filter(({ number }) => number < next)
      .map(({ at, kind, type, bytes, text, cut }) =>
        JSON.stringify({
          time: at.toISOString(),
          kind,
          type: type ?? typeOf(text),
          bytes,
          text,
          cut: cut || undefined,
        }),
      )
      .join('\n');

  setInterval(() => {
    seconds.push({ sent: 0, received: 0 });
    if (seconds.length > SPAN) seconds.shift();
    count();
  }, 1000);
  filter.addEventListener('input', again);
  pause.addEventListener('click', () => {
    pause.setAttribute('aria-pressed', String(!isPaused()));
    show();
  });
  byId('clear').addEventListener('click', () => {
    log.clear();
    again();
  });
  byId('copy').addEventListener('click', async () => {
    const done = await copy(lines());
    announce(done ? 'Copied the frames' : 'The browser did not let the page copy');
    shown.textContent = done ? 'Copied' : 'Not copied';
  });
  byId('download').addEventListener('click', () => {
    const href = URL.createObjectURL(new Blob([`${lines()}\n`], { type: 'application/jsonl' }));
    h('a', { href, download: `frames-${new Date().toISOString().replaceAll(':', '-')}.jsonl` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  });
  frames.addEventListener('keydown', walk);
  show();
  return { add };
}

/** Arrow keys go through the rows. @param {KeyboardEvent} event */
function walk(event) {
  const at = document.activeElement;
  const isRow = at instanceof HTMLElement && at.matches('[data-row]');
  if (event.key === 'Escape' && at !== frames) {
    const own = !isRow && at?.closest('li')?.querySelector('[data-row]');
    (own instanceof HTMLElement ? own : frames).focus();
    return;
  }
  if (!isRow && at !== frames) return;
  const all = /** @type {HTMLElement[]} */ ([...rows.querySelectorAll('[data-row]')]);
  const index = isRow ? all.indexOf(at) : -1;
  const last = all.length - 1;
  /** @type {Record<string, number>} */
  const goals = {
    ArrowDown: Math.min(index + 1, last),
    ArrowUp: isRow ? Math.max(index - 1, 0) : last,
    Home: 0,
    End: last,
  };
  const goal = all[goals[event.key]];
  if (!goal) return;
  event.preventDefault();
  goal.focus();
}

/** @param {import('/docs/framelog.js').Entry} entry */
function row({ number, kind, at, text, cut, type, bytes = 0 }) {
  const sign = h('span', { class: 'sign', role: 'img', 'aria-label': kind }, SIGNS[kind]);
  const time = h('time', { datetime: at.toISOString() }, clock(at));
  if (kind === 'note') {
    const words = h('span', { class: 'words' }, text);
    return h(
      'li',
      { class: kind, 'data-number': number },
      h('details', {}, h('summary', { tabindex: '-1', 'data-row': true }, time, sign, words)),
    );
  }
  const flat = text.slice(0, PREVIEW).replaceAll(/\s+/g, ' ');
  const details = h(
    'details',
    {},
    h(
      'summary',
      { tabindex: '-1', 'data-row': true },
      time,
      sign,
      h('span', { class: 'type' }, type ?? typeOf(text)),
      h('span', { class: 'size' }, size(bytes)),
      h('code', {}, flat),
    ),
  );
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    const whole = h('div', { class: 'whole' }, codeBlock('Frame', pretty(payload(text))));
    if (payload(text) !== text) whole.append(codeBlock('As it came', text));
    if (cut)
      whole.append(h('p', { class: 'about' }, `${cut.toLocaleString('en')} characters more are not kept`));
    whole.append(copyButton('the frame', () => text));
    details.append(whole);
  });
  return h('li', { class: kind, 'data-number': number }, details);
}

/**
 * What of a frame is JSON: all, the data of a block of an event stream, or what stands behind a packet's digits.
 * @param {string} text
 */
function payload(text) {
  const data = [...text.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line);
  if (data.length) return data.join('\n');
  return /^\d+(?:-|(?:\/[^,]*,)|\d|(?=[[{]))*([[{].*)$/s.exec(text)?.[1] ?? text;
}

/** A frame's type in a word, as its dialect names it. @param {string} text */
function typeOf(text) {
  /** @type {any} */
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    return 'text';
  }
  if (typeof said !== 'object' || !said) return 'text';
  const name = said.event_type ?? said.event ?? said.action ?? said.payload?.message_type ?? said.type;
  if (typeof name === 'string') return name;
  if (typeof said.success === 'boolean') return said.success ? 'reply' : 'error reply';
  return 'stream' in said ? 'part' : 'JSON';
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1000
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;
}
