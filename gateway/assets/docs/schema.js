/** What a JSON Schema (2020-12) says, as a tree that a page can show. */

import { follow, nameOf } from './pointer.js';
import { notes } from './constraints.js';

/** @typedef {boolean | Record<string, any>} Schema */

/**
 * One line of the tree, and what is below it.
 * @typedef {object} Shape
 * @property {string} name         a property's name, or a word like `option 1`; empty at the root
 * @property {string} type         in words: `array of Agent`
 * @property {boolean} required
 * @property {boolean} deprecated
 * @property {string} description
 * @property {string[]} notes      constraints, a phrase each
 * @property {string[]} values     all that it may be, as JSON, where they are listed
 * @property {boolean} branch      whether there is anything below
 * @property {() => Shape[]} children  made when they are looked at, as schemas may be without end
 */

/**
 * `refs`: the references that led here, first to last.
 * @typedef {{ schema: Schema, refs: string[] }} Resolved
 */

/** Keywords whose schemas cannot be put together by taking both. */
const COMPOSITE = ['oneOf', 'anyOf', 'items', 'prefixItems', 'not', 'if'];

/** Keywords with one schema, and the word that stands before it. */
const SINGLE = /** @type {const} */ ([
  ['contains', 'at least one'],
  ['propertyNames', 'each name'],
  ['not', 'but not'],
  ['if', 'if'],
  ['then', 'then'],
  ['else', 'else'],
]);

const isObject = (/** @type {unknown} */ value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Follows references and puts `allOf` together, so that what is left describes itself.
 * @param {unknown} root
 * @param {any} schema
 * @param {string[]} [seen]  references on the way here, which a part may not take again
 * @returns {Resolved}
 */
export function resolve(root, schema, seen = []) {
  if (!isObject(schema)) return { schema: schema ?? true, refs: [] };
  const { $ref, allOf = [], ...own } = schema;
  // `allOf` with nothing but one reference is what older generators write where they add to a reference.
  const isLone = $ref === undefined && allOf.length === 1 && Object.keys(allOf[0] ?? {}).join() === '$ref';
  const reference = isLone ? allOf[0].$ref : $ref;
  const parts = isLone ? [] : [...allOf];
  /** @type {string[]} */
  const refs = [];
  if (typeof reference === 'string') {
    if (seen.includes(reference)) return { schema: own, refs: [reference] };
    const target = follow(root, reference);
    refs.push(reference);
    parts.unshift(target ?? { description: `${reference} is not in this document` });
  }
  /** @type {Record<string, any>} */
  let whole = {};
  const apart = [];
  for (const [index, part] of parts.entries()) {
    const found = resolve(root, part, [...seen, ...refs]);
    if (index === 0 && refs.length) refs.push(...found.refs);
    if (!isObject(found.schema)) continue;
    const both = merge(whole, /** @type {Record<string, any>} */ (found.schema));
    if (both) whole = both;
    else apart.push(part);
  }
  const all = merge(whole, own);
  if (!all) apart.push(own);
  whole = all ?? whole;
  return { schema: apart.length ? { ...whole, allOf: apart } : whole, refs };
}

/**
 * One schema for what both ask, or null where that cannot be written as one.
 * @param {Record<string, any>} a
 * @param {Record<string, any>} b
 * @returns {Record<string, any> | null}
 */
function merge(a, b) {
  if (COMPOSITE.some((key) => key in a && key in b)) return null;
  const both = { ...a, ...b };
  if (a.properties && b.properties) {
    both.properties = { ...a.properties };
    for (const [name, schema] of Object.entries(b.properties)) {
      const known = both.properties[name];
      both.properties[name] = known === undefined ? schema : { allOf: [known, schema] };
    }
  }
  if (a.required && b.required) both.required = [...new Set([...a.required, ...b.required])];
  if (a.allOf && b.allOf) both.allOf = [...a.allOf, ...b.allOf];
  return both;
}

/**
 * The other of two where one is null: `anyOf: [X, null]` is what others write as "X, may be null".
 * @param {any} schema
 */
function orNull(schema) {
  for (const key of ['oneOf', 'anyOf']) {
    const parts = schema[key];
    const at =
      Array.isArray(parts) && parts.length === 2 ? parts.findIndex((part) => part?.type === 'null') : -1;
    if (at >= 0) {
      const { [key]: _, ...rest } = schema;
      return { ...rest, allOf: [...(rest.allOf ?? []), parts[1 - at]] };
    }
  }
  return null;
}

/**
 * A schema as the first line of a tree.
 * @param {unknown} root     the document that references are looked up in
 * @param {any} given
 * @param {{ name?: string, required?: boolean, seen?: string[] }} [place]
 * @returns {Shape}
 */
export function shape(root, given, { name = '', required = false, seen = [] } = {}) {
  let { schema, refs } = resolve(root, given, seen);
  const inner = isObject(schema) ? orNull(schema) : null;
  if (inner) ({ schema, refs } = resolve(root, inner, seen));
  const again = refs.find((reference) => seen.includes(reference));
  const said = /** @type {Record<string, any>} */ (isObject(schema) ? schema : {});
  const path = [...seen, ...refs];
  const own = again ? '' : typeOf(root, schema, path);
  const type = (refs.length ? named(nameOf(refs[0]), own) : own) + (inner ? ' or null' : '');
  return {
    name,
    required,
    type,
    deprecated: said.deprecated === true,
    description: said.description ?? said.title ?? aboutItems(root, said, path),
    notes: again ? [`as ${nameOf(again)} above`] : notes(said),
    values: values(said),
    branch: !again && hasChildren(root, said, path),
    children: () => (again ? [] : children(root, said, path)),
  };
}

/**
 * A name says it all of an object; of what is none, its type says more.
 * @param {string} name
 * @param {string} type
 */
const named = (name, type) => (['', 'object', 'anything'].includes(type) ? name : `${name}: ${type}`);

/**
 * What is said of a list's items, which have no line of their own where they have properties.
 * @param {unknown} root
 * @param {Record<string, any>} schema
 * @param {string[]} seen
 */
function aboutItems(root, { items }, seen) {
  const each = isTelling(items) ? shape(root, items, { seen }) : null;
  return each?.branch ? each.description : '';
}

/**
 * A schema's type in words.
 * @param {unknown} root
 * @param {Schema} schema
 * @param {string[]} seen
 * @returns {string}
 */
function typeOf(root, schema, seen) {
  if (!isObject(schema)) return schema === false ? 'nothing' : 'anything';
  const said = /** @type {Record<string, any>} */ (schema);
  if (said.oneOf) return `one of ${said.oneOf.length}`;
  if (said.anyOf) return `any of ${said.anyOf.length}`;
  const types = said.type === undefined ? guess(said) : [said.type].flat();
  const words = types.map((type) => {
    if (type === 'array' && said.items !== undefined)
      return `array of ${shape(root, said.items, { seen }).type}`;
    return type === 'string' && said.format ? `string (${said.format})` : type;
  });
  return words.join(' or ') || 'anything';
}

/**
 * The types that a schema without `type` is about.
 * @param {Record<string, any>} schema
 * @returns {string[]}
 */
function guess(schema) {
  if ('const' in schema || schema.enum) {
    const all = schema.enum ?? [schema.const];
    const kind = (/** @type {any} */ value) =>
      value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
    return [...new Set(all.map(kind))];
  }
  if (schema.properties || schema.required || schema.patternProperties) return ['object'];
  return schema.items || schema.prefixItems ? ['array'] : [];
}

/** @param {Record<string, any>} schema */
function values(schema) {
  const all = 'const' in schema ? [schema.const] : (schema.enum ?? []);
  return all.map((/** @type {unknown} */ value) => JSON.stringify(value));
}

/**
 * @param {unknown} root
 * @param {Record<string, any>} schema
 * @param {string[]} seen
 */
function hasChildren(root, schema, seen) {
  const { properties, patternProperties, additionalProperties: others, items } = schema;
  const some = [properties, patternProperties].some((map) => map && Object.keys(map).length > 0);
  if (some || isTelling(others)) return true;
  if (schema.oneOf || schema.anyOf || schema.allOf || schema.prefixItems) return true;
  if (isTelling(items)) {
    const each = shape(root, items, { seen });
    if (each.branch || isLeafTelling(each)) return true;
  }
  return SINGLE.some(([key]) => isTelling(schema[key]));
}

/** @param {Shape} leaf */
const isLeafTelling = (leaf) => leaf.notes.length > 0 || leaf.values.length > 0 || leaf.description !== '';

/** Whether a schema says anything at all. @param {any} schema */
const isTelling = (schema) => isObject(schema) && Object.keys(schema).length > 0;

/**
 * @param {unknown} root
 * @param {Record<string, any>} schema
 * @param {string[]} seen
 * @returns {Shape[]}
 */
function children(root, schema, seen) {
  /** @type {Shape[]} */
  const found = [];
  const add = (/** @type {any} */ child, /** @type {string} */ name, required = false) =>
    found.push(shape(root, child, { name, required, seen }));
  const required = new Set(schema.required);
  for (const [name, child] of Object.entries(schema.properties ?? {})) add(child, name, required.has(name));
  for (const [pattern, child] of Object.entries(schema.patternProperties ?? {})) add(child, `/${pattern}/`);
  if (isTelling(schema.additionalProperties)) add(schema.additionalProperties, 'any other');
  for (const [index, child] of (schema.prefixItems ?? []).entries()) add(child, `[${index}]`);
  if (isTelling(schema.items)) found.push(...items(root, schema.items, seen));
  for (const key of ['oneOf', 'anyOf']) {
    for (const [index, child] of (schema[key] ?? []).entries()) add(child, `option ${index + 1}`);
  }
  for (const child of schema.allOf ?? []) add(child, 'and also');
  for (const [key, word] of SINGLE) if (isTelling(schema[key])) add(schema[key], word);
  return found;
}

/**
 * What is below an array: its items' own properties, as the array's line has said what they are.
 * @param {unknown} root
 * @param {any} schema
 * @param {string[]} seen
 * @returns {Shape[]}
 */
function items(root, schema, seen) {
  const each = shape(root, schema, { name: 'each', seen });
  if (each.branch && !each.notes.length && !each.values.length) return each.children();
  return each.branch || isLeafTelling(each) ? [each] : [];
}
