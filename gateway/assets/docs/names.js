/** Names: those that a search finds a schema by, and those that sections have in addresses. */

import { follow } from './pointer.js';

/** Keywords that hold values, not schemas. */
const VALUES = ['enum', 'const', 'default', 'example', 'examples'];

/**
 * All property names of a schema, at any depth.
 * @param {unknown} root
 * @param {any} schema
 * @returns {Set<string>}
 */
export function propertyNames(root, schema) {
  const names = new Set();
  const visited = new Set();
  const open = [schema];
  while (open.length) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null || visited.has(next)) continue;
    visited.add(next);
    if (typeof next.$ref === 'string') open.push(follow(root, next.$ref));
    for (const name of Object.keys(next.properties ?? {})) names.add(name);
    for (const [key, value] of Object.entries(next)) {
      if (!VALUES.includes(key)) open.push(value);
    }
  }
  return names;
}

/**
 * A key as a part of an address, which needs no escape anywhere.
 * @param {string} key
 */
export const slug = (key) => key.replaceAll(/[^\w-]+/g, '-');
