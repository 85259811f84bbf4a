/** Endpoints that answer over HTTP: events as a stream, and by polls. */

/** Milliseconds between polls that find nothing. */
const BREATH = 1000;

/** @typedef {import('./link.js').Target} Target */
/** @typedef {import('./link.js').Hooks} Hooks */
/** @typedef {import('./link.js').Link} Link */

/** An address without its token. @param {URL} url */
export function shown(url) {
  const address = new URL(url);
  if (address.searchParams.has('token')) address.searchParams.set('token', '***');
  return address.href;
}

/** Why a request was refused. @param {Response} response */
export async function reason(response) {
  const text = await response.text();
  let said = text.slice(0, 200);
  try {
    const problem = JSON.parse(text);
    said = problem.detail ?? problem.message ?? said;
  } catch {
    // it stays what it is
  }
  return said ? `${response.status}, ${said}` : String(response.status);
}

/**
 * Runs `work` until it is stopped, and tells how it ended.
 * @param {Hooks} hooks
 * @param {Target} target
 * @param {(ask: (url: URL) => Promise<Response>) => Promise<void>} work
 * @returns {Link}
 */
function asking(hooks, { url, token, by }, work) {
  hooks.tell('note', `Connecting to ${shown(url)}`);
  const stop = new AbortController();
  const headers = new Headers(token && by === 'header' ? { authorization: `Bearer ${token}` } : {});
  const ask = async (/** @type {URL} */ url) => {
    const response = await fetch(url, { headers, signal: stop.signal, cache: 'no-store' });
    if (!response.ok) throw new Error(`The gateway refused: ${await reason(response)}`);
    return response;
  };
  work(ask).then(
    () => hooks.closed('The gateway has ended the stream. Connect goes on from the last event.', true),
    (error) => {
      if (stop.signal.aborted) hooks.closed('Disconnected.', true);
      else hooks.closed(`${error instanceof TypeError ? 'The connection broke' : error.message}.`, false);
    },
  );
  return { send: () => 'Nothing can be sent here: this endpoint only tells.', close: () => stop.abort() };
}

/**
 * Read by hand rather than by `EventSource`, which hides events of types that it was not told of before, comments,
 * and why it is refused.
 * @param {Target} target @param {Hooks} hooks
 */
export function eventStream(target, hooks) {
  return asking(hooks, target, async (ask) => {
    const { body } = await ask(target.url);
    hooks.opened();
    const reader = /** @type {ReadableStream} */ (body).pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) showBlock(hooks, block);
    }
  });
}

/** @param {Hooks} hooks @param {string} block */
function showBlock({ tell, place }, block) {
  /** @type {Record<string, string>} */
  const said = {};
  for (const line of block.split('\n')) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    said[name || 'comment'] = value;
  }
  if (said.id !== undefined) place('last_event_id', said.id);
  tell('received', block, { type: said.event ?? Object.keys(said)[0] });
}

/** @param {Target} target @param {Hooks} hooks */
export function poll(target, hooks) {
  return asking(hooks, target, async (ask) => {
    const url = new URL(target.url);
    for (let isFirst = true; ; isFirst = false) {
      const begun = performance.now();
      const text = await (await ask(url)).text();
      if (isFirst) hooks.opened();
      const { cursor, events } = JSON.parse(text);
      hooks.tell('received', text, { type: `${events.length} ${events.length === 1 ? 'event' : 'events'}` });
      hooks.place('cursor', cursor);
      url.searchParams.set('cursor', cursor);
      // Who is not to wait there waits here, so that nobody asks without end.
      const isHasty = !isFirst && !events.length && performance.now() - begun < BREATH;
      if (isHasty) await new Promise((resolve) => setTimeout(resolve, BREATH));
    }
  });
}
