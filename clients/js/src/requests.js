import { TidegateError, late } from './error.js';

/** Requests that may be done twice: sent again after a lost connection, and where the gateway was busy. */
const AGAIN = /^(ping|info|presence|history|state|ack|auth|(un)?subscribe)$/;

/**
 * Requests without an answer, by id. Answers come by callback (`resolve`, `reject`, and `part` of a stream): a promise's
 * would come too late where an event comes in one turn with the reply before it.
 */
export class Requests {
  #open = new Map();
  #id = 0;
  #send;

  /** `send` sends a frame where there is a session, else answers false. */
  constructor(send) {
    this.#send = send;
  }

  /** Makes a request and answers its id. `now`: it belongs to this connection. */
  ask(action, fields, then, timeout, now = false) {
    const id = ++this.#id;
    const open = { ...then, request: { action, ...fields, id }, sent: false, again: !now && AGAIN.test(action) };
    open.arm = () => {
      clearTimeout(open.timer);
      open.timer = setTimeout(() => {
        this.cancel(id);
        then.reject(late(action, timeout));
      }, timeout);
    };
    open.arm();
    this.#open.set(id, open);
    this.#try(open, now);
    return id;
  }

  /** There is a session. */
  flush() {
    for (const open of this.#open.values()) this.#try(open);
  }

  reply({ id, success, message, data }) {
    const open = this.#open.get(id);
    if (!open) return; // it was cancelled, or comes too late
    const retryAfter = success ? undefined : data?.retry_after_ms;
    if (retryAfter >= 0 && open.again) {
      open.sent = false;
      return void setTimeout(() => this.#open.has(id) && this.#try(open), retryAfter);
    }
    this.#take(id);
    if (success) open.resolve(data);
    else open.reject(new TidegateError(message, retryAfter >= 0 ? 'busy' : 'refused', { data, retryAfter }));
  }

  part({ stream, data }) {
    const open = this.#open.get(stream);
    open?.arm();
    open?.part?.(data);
  }

  /** The answer is wanted no more. Of what is no call the gateway says that there is none, to nobody. */
  cancel(id) {
    if (this.#take(id)?.sent) this.#send({ action: 'cancel', id });
  }

  /** The connection is gone. */
  lost(error) {
    for (const [id, open] of this.#open) {
      if (open.sent && !open.again) this.#take(id).reject(error);
      open.sent = false;
    }
  }

  /** There will be no other. */
  fail(error) {
    for (const id of this.#open.keys()) this.#take(id).reject(error);
  }

  #try(open, now) {
    open.sent ||= this.#send(open.request, now);
  }

  #take(id) {
    const open = this.#open.get(id);
    clearTimeout(open?.timer);
    this.#open.delete(id);
    return open;
  }
}
