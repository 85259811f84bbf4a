import { TidegateError } from './error.js';
import { Queue } from './queue.js';

/** The answer to a call, part by part. */
export class CallStream {
  result;
  #queue = new Queue();
  #cancel;

  /** `ask` makes the call and answers how it is cancelled. At most `most` parts wait to be read. */
  constructor(ask, most) {
    const part = (data) => {
      this.#queue.push(data);
      if (this.#queue.items.length > most) this.cancel(new TidegateError(`Over ${most} parts wait`, 'overflow'));
    };
    const resolve = (data) => {
      this.result = data;
      this.#queue.end();
    };
    this.#cancel = ask({ part, resolve, reject: (error) => this.#queue.end(error) });
  }

  cancel(error) {
    this.#cancel();
    this.#queue.end(error);
  }

  next() {
    return this.#queue.next();
  }

  /** The loop was left. */
  async return() {
    this.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}
