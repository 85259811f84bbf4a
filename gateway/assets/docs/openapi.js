/** An OpenAPI 3.1 document as what the page shows: operations by tag. */

import { deref } from './pointer.js';
import { propertyNames, slug } from './names.js';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** @typedef {{ name: string, in: string, required: boolean, description: string, schema: any, example: unknown,
 *   explode: boolean }} Parameter */
/** @typedef {{ name: string, summary: string, value: unknown }} Example */
/** @typedef {{ type: string, schema: any, examples: Example[] }} Media */
/** @typedef {{ required: boolean, description: string, media: Media[] }} Body */
/** @typedef {{ status: string, description: string, headers: Parameter[], media: Media[],
 *   isShared: boolean }} Answer  `isShared`: any operation may give it, so that it is told of in one place */

/**
 * @typedef {object} Operation
 * @property {string} id            of its section, as `op-listAgents`
 * @property {string} method        in capitals
 * @property {string} path
 * @property {string} summary
 * @property {string} description
 * @property {boolean} deprecated
 * @property {string | null} access  what a caller needs, in a sentence; null: nothing
 * @property {Parameter[]} parameters
 * @property {Body | null} body
 * @property {Answer[]} answers
 * @property {string[]} words       what a search looks in, best first
 */

/** @typedef {{ name: string, description: string, operations: Operation[] }} Group */

/**
 * The operations by their first tag, in the order of the document's tags, then of first use.
 * @param {any} doc
 * @returns {Group[]}
 */
export function groups(doc) {
  /** @type {Map<string, Group>} */
  const found = new Map();
  for (const { name, description = '' } of doc.tags ?? [])
    found.set(name, { name, description, operations: [] });
  for (const [path, given] of Object.entries(doc.paths ?? {})) {
    const item = deref(doc, given);
    for (const method of METHODS.filter((method) => item[method])) {
      const name = item[method].tags?.[0] ?? 'other';
      if (!found.has(name)) found.set(name, { name, description: '', operations: [] });
      found.get(name)?.operations.push(operation(doc, path, method, item));
    }
  }
  return [...found.values()].filter((group) => group.operations.length > 0);
}

/**
 * @param {any} doc
 * @param {string} path
 * @param {string} method
 * @param {any} item  the path's
 * @returns {Operation}
 */
function operation(doc, path, method, item) {
  const said = item[method];
  const parameters = parametersOf(doc, [...(item.parameters ?? []), ...(said.parameters ?? [])]);
  const body = said.requestBody ? bodyOf(doc, deref(doc, said.requestBody)) : null;
  const answers = Object.entries(said.responses ?? {}).map(([status, given]) => answerOf(doc, status, given));
  const { summary = '', description = '' } = said;
  const schemas = [...(body?.media ?? []), ...answers.flatMap((answer) => answer.media)].map(
    ({ schema }) => schema,
  );
  const properties = schemas.flatMap((schema) => [...propertyNames(doc, schema)]);
  return {
    id: `op-${slug(said.operationId ?? `${method}-${path}`)}`,
    method: method.toUpperCase(),
    path,
    summary,
    description,
    parameters,
    body,
    answers,
    deprecated: said.deprecated === true,
    access: accessOf(said.security ?? doc.security),
    words: [
      `${method} ${path}`,
      said.operationId ?? '',
      summary,
      description,
      ...(said.tags ?? []),
      ...parameters.map(({ name }) => name),
      ...new Set(properties),
    ],
  };
}

/**
 * Parameters, of which a later one takes the place of an earlier one of the same name and place.
 * @param {any} doc
 * @param {any[]} all
 * @returns {Parameter[]}
 */
function parametersOf(doc, all) {
  const found = new Map();
  for (const given of all) {
    const parameter = parameterOf(deref(doc, given));
    found.set(`${parameter.in} ${parameter.name}`, parameter);
  }
  return [...found.values()];
}

/**
 * @param {any} said
 * @returns {Parameter}
 */
function parameterOf(said) {
  const content = Object.values(said.content ?? {})[0];
  const schema = said.schema ?? content?.schema ?? {};
  const first = Object.values(said.examples ?? {})[0];
  return {
    name: said.name,
    in: said.in,
    required: said.required === true,
    schema,
    description: said.description ?? '',
    example: said.example ?? first?.value ?? schema.example ?? schema.examples?.[0],
    explode: said.explode ?? true,
  };
}

/**
 * @param {any} doc
 * @param {any} said
 * @returns {Body}
 */
function bodyOf(doc, said) {
  return {
    required: said.required === true,
    description: said.description ?? '',
    media: mediaOf(doc, said.content),
  };
}

/**
 * @param {any} doc
 * @param {Record<string, any>} [content]
 * @returns {Media[]}
 */
function mediaOf(doc, content = {}) {
  return Object.entries(content).map(([type, { schema, example, examples = {} }]) => {
    const named = Object.entries(examples).map(([name, given]) => {
      const { summary = '', value } = deref(doc, given);
      return { name, summary, value };
    });
    const all = example === undefined ? named : [{ name: 'example', summary: '', value: example }, ...named];
    return { type, schema, examples: all.filter(({ value }) => value !== undefined) };
  });
}

/**
 * @param {any} doc
 * @param {string} status
 * @param {any} given
 * @returns {Answer}
 */
function answerOf(doc, status, given) {
  const said = deref(doc, given);
  const headers = Object.entries(said.headers ?? {}).map(([name, header]) =>
    parameterOf({ ...deref(doc, header), name, in: 'header' }),
  );
  return {
    status,
    description: said.description ?? '',
    headers,
    media: mediaOf(doc, said.content),
    isShared: given.$ref !== undefined,
  };
}

/**
 * @param {Record<string, string[]>[] | undefined} security  ways of which one will do; an empty one: no token
 * @returns {string | null}
 */
function accessOf(security = []) {
  const ways = security.flatMap((way) => {
    const schemes = Object.entries(way).map(([name, scopes]) =>
      scopes.length ? `${name} with the scope \`${scopes.join('`, `')}\`` : name,
    );
    return schemes.length ? [schemes.join(' and ')] : [];
  });
  if (!ways.length) return null;
  const isOptional = ways.length < security.length;
  return `${isOptional ? 'No token is needed here; if one is sent' : 'Needs a token'}: ${ways.join(' or ')}`;
}
