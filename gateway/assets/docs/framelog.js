/** The last frames of a WebSocket. Bounded in number and in bytes, however long a page is left open. */

/** Entries that are kept. */
export const MOST = 1000;
/** Characters of a frame that are kept. */
export const LONGEST = 64 * 1024;

/** @typedef {'sent' | 'received' | 'note'} Kind */
/**
 * `cut`: characters left out. `type`, `bytes`: what it is and how long, where that was told.
 * @typedef {{ number: number, kind: Kind, at: Date, text: string, cut: number, type?: string, bytes?: number }} Entry
 */

export class FrameLog {
  /** @type {Entry[]} */
  #entries = [];
  #next = 0;

  /**
   * @param {Kind} kind
   * @param {string} text
   * @param {Date} at
   * @param {{ type?: string, bytes?: number }} [more]
   */
  add(kind, text, at, more = {}) {
    this.#entries.push({
      ...more,
      number: this.#next,
      kind,
      at,
      text: text.slice(0, LONGEST),
      cut: Math.max(0, text.length - LONGEST),
    });
    this.#next += 1;
    if (this.#entries.length > MOST) this.#entries.shift();
  }

  clear() {
    this.#entries = [];
  }

  /** How many are kept. */
  get size() {
    return this.#entries.length;
  }

  /** The number of the oldest that is kept. */
  get first() {
    return this.#entries[0]?.number ?? this.#next;
  }

  /** How many came since the beginning: the next one's number. */
  get next() {
    return this.#next;
  }

  /**
   * Those from number `from` on that hold `filter`, in any case.
   * @param {string} filter
   * @param {number} [from]
   * @returns {Entry[]}
   */
  matching(filter, from = 0) {
    const wanted = filter.trim().toLowerCase();
    const begin = Math.max(0, from - this.first);
    return this.#entries
      .slice(begin)
      .filter(({ kind, text, type = '' }) => `${kind} ${type} ${text}`.toLowerCase().includes(wanted));
  }
}

/** @param {Date} at */
export function clock(at) {
  const two = (/** @type {number} */ part) => String(part).padStart(2, '0');
  const millis = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${millis}`;
}
