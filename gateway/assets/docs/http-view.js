/** An operation on the page. */

import { disclosure, figure, h, heading } from './dom.js';
import { tryHttp } from './http-try.js';
import { line, prose } from './prose-view.js';
import { sample } from './sample.js';
import { list, schemaTree } from './schema-view.js';
import { shape } from './schema.js';

/** @typedef {import('./openapi.js').Operation} Operation */
/** @typedef {import('./openapi.js').Parameter} Parameter */
/** @typedef {import('./openapi.js').Media} Media */
/** @typedef {import('./openapi.js').Answer} Answer */
/** @typedef {import('./parts.js').Context} Context */

/**
 * @param {Context} context
 * @param {Operation} operation
 */
export function operationSection(context, operation) {
  const { id, method, path, summary, description, access, deprecated } = operation;
  const { button, panel } = disclosure('Try it', `${method} ${path}`, () => tryHttp(context, operation));
  return h(
    'article',
    { id, class: 'entry', 'aria-labelledby': `${id}-title` },
    heading('h4', id, summary || `${method} ${path}`),
    h(
      'p',
      { class: 'call' },
      methodLabel(method),
      ' ',
      h('code', { class: 'path' }, pathParts(path)),
      button,
    ),
    deprecated && h('p', { class: 'deprecated' }, 'Deprecated'),
    prose(description),
    access && h('p', { class: 'access' }, line(access)),
    panel,
    parameters(context, operation.parameters),
    body(context, operation),
    answers(context, operation.answers),
  );
}

/** @param {string} method */
export const methodLabel = (method) => h('span', { class: `method ${method.toLowerCase()}` }, method);

/** A path that may break behind each slash. @param {string} path */
export function pathParts(path) {
  return path
    .split(/(?<=\/)/)
    .flatMap((part) => [part.startsWith('{') ? h('var', {}, part) : part, h('wbr')]);
}

/**
 * @param {Context} context
 * @param {Parameter[]} all
 */
function parameters({ doc }, all) {
  if (!all.length) return null;
  const shapes = all.map((parameter) => {
    const found = shape(doc, parameter.schema, { name: parameter.name, required: parameter.required });
    const description = parameter.description || found.description;
    return { ...found, description, notes: [`in ${parameter.in}`, ...found.notes] };
  });
  return h('div', {}, h('h5', {}, 'Parameters'), list(shapes, 'Parameters'));
}

/**
 * @param {Context} context
 * @param {Operation} operation
 */
function body({ doc }, { body }) {
  if (!body) return null;
  return h(
    'div',
    {},
    h('h5', {}, 'Request body', body.required && h('span', { class: 'required' }, 'required')),
    prose(body.description),
    body.media.flatMap((media) => mediaParts(doc, media, 'request body', true)),
  );
}

/**
 * @param {unknown} doc
 * @param {Media} media
 * @param {string} what
 * @param {boolean} [always]  with an example even if the document has none
 * @returns {HTMLElement[]}
 */
function mediaParts(doc, { type, schema, examples }, what, always = false) {
  const isJson = /json/.test(type);
  const made =
    always && isJson && !examples.length
      ? [{ name: 'made from the schema', summary: '', value: sample(doc, schema) }]
      : examples;
  const figures = made.map(({ name, summary, value }) => {
    const caption = summary || (name && name !== 'example' ? `Example: ${name}` : `Example of the ${what}`);
    return figure(caption, typeof value === 'string' && !isJson ? value : JSON.stringify(value, null, 2));
  });
  return [
    h('p', { class: 'media' }, h('code', {}, type)),
    ...(schema === undefined ? [] : [schemaTree(doc, schema, `Schema of the ${what}`)]),
    ...figures,
  ];
}

/**
 * @param {Context} context
 * @param {Answer[]} all
 */
function answers(context, all) {
  if (!all.length) return null;
  const first = all.find(({ status }) => status.startsWith('2'));
  const row = (/** @type {Answer} */ answer) => answerRow(context, answer, answer === first);
  const own = all.filter(({ isShared }) => !isShared);
  const shared = all.filter(({ isShared }) => isShared);
  return h(
    'div',
    {},
    h('h5', {}, 'Responses'),
    own.map(row),
    shared.length > 0 &&
      h(
        'details',
        { class: 'answer shared' },
        h(
          'summary',
          {},
          'As of other operations: ',
          shared.flatMap(({ status }) => [h('code', {}, status), ' ']),
        ),
        shared.map(row),
      ),
  );
}

/**
 * @param {Context} context
 * @param {Answer} answer
 * @param {boolean} open
 */
function answerRow({ doc }, { status, description, headers, media }, open) {
  const title = [h('code', { class: `status s${status[0]}` }, status), ' ', h('span', {}, line(description))];
  if (!media.length && !headers.length) return h('div', { class: 'answer plain' }, ...title);
  const details = h('details', { class: 'answer', open }, h('summary', {}, ...title));
  const fill = () => {
    if (details.childElementCount > 1) return;
    const shapes = headers.map(({ name, description, schema }) => ({
      ...shape(doc, schema, { name }),
      description,
    }));
    details.append(
      ...media.flatMap((one) => mediaParts(doc, one, `response ${status}`)),
      ...(shapes.length
        ? [h('p', { class: 'caption' }, 'Headers'), list(shapes, `Headers of ${status}`)]
        : []),
    );
  };
  if (open) fill();
  details.addEventListener('toggle', fill);
  return details;
}
