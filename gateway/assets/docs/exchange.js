/** Sends a request and shows what came back, bounded in time and bytes, as an answer may be without end. */

import { codeBlock, copyButton, h } from './dom.js';
import { pretty } from './json.js';

/** Milliseconds until a request is given up. */
const PATIENCE = 60_000;
/** Bytes of an answer that are read. */
const MOST = 1024 * 1024;

/** @typedef {import('./request.js').Request} Request */
/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} statusText
 * @property {[string, string][]} headers
 * @property {string} body
 * @property {number} bytes     that were read
 * @property {boolean} isWhole
 * @property {boolean} isText
 * @property {number} took      milliseconds
 */

/**
 * @param {Request} request
 * @param {AbortController} stop
 * @returns {Promise<Answer | { failed: string }>}
 */
export async function exchange({ method, url, headers, body }, stop) {
  const begun = performance.now();
  const timer = setTimeout(() => stop.abort('late'), PATIENCE);
  try {
    const response = await fetch(url, { method, headers, body, cache: 'no-store', signal: stop.signal });
    const { bytes, isWhole } = await read(response);
    const took = performance.now() - begun;
    const type = response.headers.get('content-type') ?? '';
    const isText = !type || /^text\/|json|xml|javascript|yaml/.test(type);
    return {
      status: response.status,
      statusText: response.statusText,
      headers: [...response.headers],
      took,
      body: isText ? new TextDecoder().decode(bytes) : '',
      bytes: bytes.length,
      isWhole,
      isText,
    };
  } catch (error) {
    return { failed: failure(error, stop.signal) };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {unknown} error
 * @param {AbortSignal} signal
 */
function failure(error, signal) {
  if (signal.reason === 'late') return `There was no whole answer within ${PATIENCE / 1000} seconds.`;
  if (signal.aborted) return 'Stopped.';
  const said = error instanceof Error ? error.message : String(error);
  return `No answer (${said}). The gateway may be down, or the browser did not let the page send this.`;
}

/**
 * The answer's body, up to the bound.
 * @param {Response} response
 */
async function read(response) {
  const reader = response.body?.getReader();
  const parts = [];
  let bytes = 0;
  let isWhole = true;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    parts.push(part.value);
    bytes += part.value.length;
    if (bytes > MOST) {
      isWhole = false;
      await reader?.cancel();
      break;
    }
  }
  return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()).subarray(0, MOST), isWhole };
}

/**
 * An answer: what is said of it at once, and all the rest.
 * @param {Answer | { failed: string }} answer
 * @returns {{ said: (Node | string)[], details: HTMLElement[] }}
 */
export function answerView(answer) {
  if ('failed' in answer) return { said: [h('strong', { class: 'status bad' }, answer.failed)], details: [] };
  const { status, statusText, headers, body, bytes, isWhole, isText, took } = answer;
  const size = isWhole
    ? `${bytes.toLocaleString('en')} bytes`
    : `the first ${MOST.toLocaleString('en')} bytes`;
  const said = [
    h(
      'strong',
      { class: `status s${String(status)[0]}` },
      `${status} ${statusText || names[status] || ''}`.trim(),
    ),
    ` in ${took < 10 ? took.toFixed(1) : Math.round(took)} ms, ${size}`,
  ];
  const fields = h(
    'details',
    { class: 'headers' },
    h('summary', {}, `${headers.length} headers`),
    h(
      'dl',
      {},
      headers.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
    ),
  );
  const content =
    body === ''
      ? h(
          'p',
          { class: 'about' },
          isText ? 'The answer has no body.' : 'The body is not text and is not shown.',
        )
      : bodyView(body);
  return { said, details: [...problemView(body), fields, content] };
}

/** HTTP/2 has no words behind the number. @type {Record<number, string>} */
const names = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** @param {string} body */
function bodyView(body) {
  const text = pretty(body);
  return h(
    'div',
    {},
    h(
      'div',
      { class: 'between' },
      h('span', { class: 'caption' }, 'Body'),
      copyButton('the body', () => text),
    ),
    codeBlock('Body of the answer', text),
  );
}

/**
 * Problem details (RFC 9457) as sentences.
 * @param {string} body
 * @returns {HTMLElement[]}
 */
function problemView(body) {
  const problem = parsed(body);
  if (typeof problem?.title !== 'string' || typeof problem.detail !== 'string') return [];
  const errors = Array.isArray(problem.errors) ? problem.errors : [];
  return [
    h(
      'div',
      { class: 'problem' },
      h('p', {}, h('strong', {}, problem.title), `: ${problem.detail}`),
      errors.length > 0 &&
        h(
          'ul',
          {},
          errors.map((/** @type {any} */ { loc, msg }) =>
            h('li', {}, h('code', {}, [loc].flat().join('.')), ` ${msg ?? ''}`),
          ),
        ),
    ),
  ];
}

/** @param {string} text */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
