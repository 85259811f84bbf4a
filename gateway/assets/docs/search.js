/** The search: every word of the query must be somewhere in an entry. */

/** @typedef {{ id: string, words: string[] }} Entry */

/**
 * The ids of the entries that match, in their order; all where the query is empty.
 * @param {Entry[]} entries
 * @param {string} query
 * @returns {string[]}
 */
export function search(entries, query) {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (/** @type {Entry} */ { words }) => {
    const text = words.join('\n').toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  return entries.filter(matches).map(({ id }) => id);
}

/**
 * What is said of a search's result.
 * @param {number} found
 * @param {number} total
 * @param {string} query
 */
export function announcement(found, total, query) {
  if (!query.trim()) return `${total} entries`;
  if (found === 0) return `Nothing matches “${query.trim()}”`;
  return `${found} of ${total} entries`;
}
