import { withTimeout } from '../base/deadline';

/** The time that one request may spend waiting for its store, in all its calls together. */
export class Budget {
  #left: number;

  /** @param ms milliseconds */
  constructor(ms: number) {
    this.#left = ms;
  }

  /** The remaining time in milliseconds; never negative. */
  get left(): number {
    return this.#left;
  }

  /** Waits for `work` and charges the time to this budget. */
  async spend<T>(work: PromiseLike<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work;
    } finally {
      this.#charge(start);
    }
  }

  /**
   * Waits at most `ms` milliseconds for `work` and charges the time to this budget; then rejects with the result of
   * `late`. Time during which the process was blocked is not charged beyond that limit: otherwise the request would
   * have no time left for its next call.
   */
  spendAtMost<T>(ms: number, work: PromiseLike<T>, late: () => Error, failed?: (error: unknown) => T): Promise<T> {
    const start = performance.now();
    const ended = (stoodStill: boolean) => {
      if (!stoodStill) this.#charge(start);
    };
    return withTimeout(work, ms, late, ended, failed);
  }

  #charge(start: number): void {
    this.#left = Math.max(0, this.#left - (performance.now() - start));
  }
}
