/** A value that a schema allows, for forms to begin with where the document gives no example. */

import { resolve } from './schema.js';

/** Levels of objects and arrays; below, they are empty. */
const DEEPEST = 6;

/** @type {Record<string, string>} */
const TEXTS = {
  'date-time': '2026-01-01T12:00:00Z',
  date: '2026-01-01',
  time: '12:00:00Z',
  duration: 'PT1M',
  uuid: '00000000-0000-4000-8000-000000000000',
  email: 'someone@example.org',
  hostname: 'example.org',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.org/',
  'uri-reference': '/',
  regex: '.*',
};

/**
 * A value for `schema`: an example of its own if it has one, else one that is made up.
 * @param {unknown} root
 * @param {any} schema
 * @param {string[]} [seen]
 * @returns {unknown}
 */
export function sample(root, schema, seen = []) {
  const { schema: found, refs } = resolve(root, schema, seen);
  if (typeof found === 'boolean') return found ? {} : null;
  const known = given(found);
  if (known !== undefined) return known;
  const path = [...seen, ...refs];
  if (refs.some((reference) => seen.includes(reference)) || path.length > DEEPEST * 2) return {};
  const option = found.oneOf?.[0] ?? found.anyOf?.[0] ?? found.allOf?.[0];
  if (option !== undefined && !found.properties) return sample(root, option, path);
  return madeUp(root, found, path);
}

/** @param {Record<string, any>} schema */
function given({ example, examples, const: only, enum: values, default: standard }) {
  return example ?? examples?.[0] ?? only ?? standard ?? values?.[0];
}

/**
 * @param {unknown} root
 * @param {Record<string, any>} schema
 * @param {string[]} seen
 * @returns {unknown}
 */
function madeUp(root, schema, seen) {
  const type = [schema.type].flat()[0] ?? (schema.properties ? 'object' : schema.items ? 'array' : 'object');
  switch (type) {
    case 'string':
      return (
        TEXTS[schema.format] ?? 'text'.padEnd(schema.minLength ?? 0, '_').slice(0, schema.maxLength ?? 4)
      );
    case 'integer':
    case 'number':
      return (
        schema.minimum ??
        (schema.exclusiveMinimum !== undefined
          ? schema.exclusiveMinimum + 1
          : Math.min(0, schema.maximum ?? 0))
      );
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return schema.minItems > 0 && seen.length < DEEPEST
        ? [sample(root, schema.items ?? true, [...seen, ''])]
        : [];
    default:
      return object(root, schema, seen);
  }
}

/**
 * The required properties, or all where none is.
 * @param {unknown} root
 * @param {Record<string, any>} schema
 * @param {string[]} seen
 */
function object(root, { properties = {}, required }, seen) {
  if (seen.length >= DEEPEST) return {};
  const names = required?.length ? required : Object.keys(properties);
  return Object.fromEntries(
    names.map((/** @type {string} */ name) => [name, sample(root, properties[name] ?? true, [...seen, ''])]),
  );
}
