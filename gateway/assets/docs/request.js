/** From a form to a request, and from a request to a line of `curl`. */

/** @typedef {import('./openapi.js').Operation} Operation */
/** @typedef {import('./openapi.js').Parameter} Parameter */

/**
 * @typedef {object} Filled  what the form holds
 * @property {Record<string, string>} values  by `in name`, as `query limit`; empty ones are not sent
 * @property {string} type                    the body's media type
 * @property {string} body                    empty: none
 * @property {string} token                   empty: none
 */

/** @typedef {{ method: string, url: string, headers: [string, string][], body: string | null }} Request */

/**
 * The names of required parameters that are empty.
 * @param {Operation} operation
 * @param {Filled} filled
 * @returns {string[]}
 */
export function missing(operation, { values, body }) {
  const names = operation.parameters
    .filter((parameter) => (parameter.required || parameter.in === 'path') && !values[key(parameter)])
    .map(({ name }) => name);
  return operation.body?.required && !body.trim() ? [...names, 'the body'] : names;
}

/** @param {{ in: string, name: string }} parameter */
export const key = (parameter) => `${parameter.in} ${parameter.name}`;

/**
 * The request that the form stands for.
 * @param {Operation} operation
 * @param {Filled} filled
 * @param {string} base  the server's URL, without a slash at its end
 * @returns {Request}
 */
export function build(operation, { values, type, body, token }, base) {
  let path = operation.path;
  /** @type {[string, string][]} */
  const headers = [];
  const query = new URLSearchParams();
  for (const parameter of operation.parameters) {
    const value = values[key(parameter)] ?? '';
    if (value === '') continue;
    if (parameter.in === 'path') path = path.replaceAll(`{${parameter.name}}`, encodeURIComponent(value));
    if (parameter.in === 'header') headers.push([parameter.name, value]);
    if (parameter.in === 'query')
      for (const one of parts(parameter, value)) query.append(parameter.name, one);
  }
  const hasBody =
    operation.body !== null && body.trim() !== '' && !['GET', 'HEAD'].includes(operation.method);
  if (hasBody) headers.push(['content-type', type]);
  if (token) headers.push(['authorization', `Bearer ${token}`]);
  const tail = query.size ? `?${query}` : '';
  return { method: operation.method, url: `${base}${path}${tail}`, headers, body: hasBody ? body : null };
}

/**
 * The values of a list that is written with commas.
 * @param {Parameter} parameter
 * @param {string} value
 */
function parts({ schema, explode }, value) {
  return [schema?.type].flat().includes('array') && explode
    ? value.split(',').map((part) => part.trim())
    : [value];
}

/**
 * The same request as a line for a POSIX shell. The token stays out of it: it stands there as `$TOKEN`.
 * @param {Request} request
 * @returns {string}
 */
export function curl({ method, url, headers, body }) {
  const words = ['curl'];
  const isDefault = method === (body === null ? 'GET' : 'POST');
  if (method === 'HEAD') words.push('--head');
  else if (!isDefault) words.push('-X', method);
  for (const [name, value] of headers) {
    words.push(
      '-H',
      name === 'authorization' ? '"authorization: Bearer $TOKEN"' : quoted(`${name}: ${value}`),
    );
  }
  if (body !== null) words.push('--data-raw', quoted(body));
  return [...words, quoted(url)].join(' ');
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
