/** The time that one request may spend waiting for its store, over all that it asks of it. */
export class Budget {
  #left: number;

  /** @param ms milliseconds */
  constructor(ms: number) {
    this.#left = ms;
  }

  /** Milliseconds that are left; never negative. */
  get left(): number {
    return this.#left;
  }

  /** Waits for `work`, on this budget's account. */
  async spend<T>(work: PromiseLike<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work;
    } finally {
      this.#left = Math.max(0, this.#left - (performance.now() - start));
    }
  }
}
