/** The form that sends an operation's request. */

import { codeBlock, copyButton, h } from './dom.js';
import { choice, field, jsonField } from './fields.js';
import { answerView, exchange } from './exchange.js';
import { build, curl, key } from './request.js';
import { sample } from './sample.js';

/** @typedef {import('./openapi.js').Operation} Operation */
/** @typedef {import('./parts.js').Context} Context */

/**
 * @param {Context} context
 * @param {Operation} operation
 */
export function tryHttp(context, operation) {
  const { doc, base, token } = context;
  const fields = operation.parameters
    .filter(({ in: where }) => where !== 'cookie')
    .map((parameter) => ({ parameter, ...field(doc, { ...parameter, where: `in ${parameter.in}` }) }));
  const body = operation.body ? bodyParts(doc, operation) : null;
  const request = () =>
    build(
      operation,
      {
        values: Object.fromEntries(fields.map(({ parameter, input }) => [key(parameter), input.value])),
        type: body?.type() ?? '',
        body: body?.text() ?? '',
        token: token(),
      },
      base,
    );
  const line = h(
    'pre',
    { tabindex: '0', role: 'group', 'aria-label': 'The request as a line of curl' },
    h('code'),
  );
  const showLine = () => (line.firstElementChild ?? line).replaceChildren(curl(request()));
  const { buttons, result, send } = sender(request);
  const form = h(
    'form',
    {
      class: 'try',
      oninput: showLine,
      onchange: showLine,
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        showLine();
        send();
      },
    },
    fields.length > 0 &&
      h(
        'div',
        { class: 'fields' },
        fields.map(({ row }) => row),
      ),
    body?.rows,
    buttons,
    h(
      'div',
      { class: 'between' },
      h('span', { class: 'caption' }, 'In a shell'),
      copyButton('the line of curl', () => curl(request())),
    ),
    line,
    result,
  );
  context.onToken(showLine);
  showLine();
  return form;
}

/**
 * The body's field, the choice of its type where there are several, and that of an example.
 * @param {unknown} doc
 * @param {Operation} operation
 */
function bodyParts(doc, { body }) {
  const media = [...(body?.media ?? [])].sort(
    (a, b) => Number(/json/.test(b.type)) - Number(/json/.test(a.type)),
  );
  let chosen = media[0] ?? { type: 'application/json', schema: {}, examples: [] };
  const isJson = () => /json/.test(chosen.type);
  const text = jsonField('Body', { required: body?.required, isJson });
  const fill = (/** @type {number} */ index) => {
    const value = chosen.examples[index]?.value ?? sample(doc, chosen.schema);
    text.set(typeof value === 'string' && !isJson() ? value : JSON.stringify(value, null, 2));
  };
  const rows = [];
  if (media.length > 1) {
    rows.push(
      choice(
        'Media type',
        media.map(({ type }) => type),
        (index) => {
          chosen = media[index];
          fill(0);
        },
      ).row,
    );
  } else if (chosen.examples.length > 1) {
    rows.push(
      choice(
        'Example',
        chosen.examples.map(({ name, summary }) => summary || name),
        fill,
      ).row,
    );
  }
  fill(0);
  return { rows: [...rows, text.row], type: () => chosen.type, text: () => text.input.value };
}

/**
 * The buttons that send and stop, and the place for the answer.
 * @param {() => import('./request.js').Request} request
 */
function sender(request) {
  const status = h('p', { role: 'status', class: 'outcome' });
  const place = h('div');
  const result = h('div', { class: 'result' }, status, place);
  /** @type {AbortController | null} */
  let running = null;
  const submit = h('button', { type: 'submit', class: 'primary' }, 'Send');
  const stop = h('button', { type: 'button', hidden: true, onclick: () => running?.abort() }, 'Stop');
  async function send() {
    running?.abort();
    const own = new AbortController();
    running = own;
    stop.hidden = false;
    status.replaceChildren('Sending …');
    place.replaceChildren();
    const answer = await exchange(request(), own);
    if (running !== own) return; // another one was sent meanwhile
    running = null;
    if (document.activeElement === stop) submit.focus();
    stop.hidden = true;
    const { said, details } = answerView(answer);
    status.replaceChildren(...said);
    place.replaceChildren(...details);
  }
  return { buttons: h('div', { class: 'buttons' }, submit, stop), result, send };
}
