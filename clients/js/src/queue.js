/** What waits for the one who iterates. Whoever fills it keeps it bounded. */
export class Queue {
  items = [];
  #end;
  #wake = () => {};

  push(item) {
    this.items.push(item);
    this.#wake();
  }

  /** Nothing more comes; an error is thrown once what waits is taken. */
  end(error) {
    this.#end ??= { error };
    this.#wake();
  }

  async next() {
    while (!this.items.length) {
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return { done: true, value: undefined };
      await new Promise((resolve) => (this.#wake = resolve));
    }
    return { done: false, value: this.items.shift() };
  }
}
