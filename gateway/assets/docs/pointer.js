/** References within a document: JSON pointers (RFC 6901) behind a `#`. */

/**
 * What the reference leads to within `root`; undefined where it leads nowhere, or out of the document.
 * @param {unknown} root
 * @param {string} reference
 * @returns {any}
 */
export function follow(root, reference) {
  if (!reference.startsWith('#')) return undefined;
  /** @type {any} */
  let found = root;
  for (const word of reference.slice(1).split('/').slice(1)) {
    const key = unescape(word);
    const has = typeof found === 'object' && found !== null && Object.hasOwn(found, key);
    if (!has) return undefined;
    found = found[key];
  }
  return found;
}

/** @param {string} word */
function unescape(word) {
  let key = word;
  try {
    key = decodeURIComponent(word);
  } catch {
    // A per cent sign that stands for itself.
  }
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * The last word of a reference: the name of what it leads to.
 * @param {string} reference
 */
export function nameOf(reference) {
  return unescape(reference.slice(reference.lastIndexOf('/') + 1));
}

/**
 * The object itself, or what its `$ref` leads to, however many there are on the way.
 * @param {unknown} root
 * @param {any} value
 * @returns {any}
 */
export function deref(root, value) {
  const seen = new Set();
  let found = value;
  while (typeof found?.$ref === 'string') {
    if (seen.has(found.$ref)) return {};
    seen.add(found.$ref);
    found = follow(root, found.$ref);
  }
  return found ?? {};
}
