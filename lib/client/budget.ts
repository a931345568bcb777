import { withDeadline } from '../base/deadline';

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
      this.#charge(start);
    }
  }

  /**
   * Waits for `work`, on this budget's account, for `ms` milliseconds at most; then it rejects with what `late` makes. An answer
   * that came while the process stood still past that is free, or nothing would be left for what the request has to do next.
   */
  spendAtMost<T>(ms: number, work: PromiseLike<T>, late: () => Error, failed?: (error: unknown) => T): Promise<T> {
    const start = performance.now();
    const ended = (stoodStill: boolean) => {
      if (!stoodStill) this.#charge(start);
    };
    return withDeadline(work, ms, late, ended, failed);
  }

  #charge(start: number): void {
    this.#left = Math.max(0, this.#left - (performance.now() - start));
  }
}
