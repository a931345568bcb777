import { setTimeout as pause } from 'node:timers/promises';
import { withDeadline } from '../../base/deadline';
import { unref } from '../../base/timer';

/** What came of one batch, and where the next one starts. */
export interface Batch {
  removed: number;
  isLast: boolean;
  from: number;
}

/** Milliseconds between two batches, at least; otherwise as long as a batch takes. */
const SHORTEST_PAUSE = 10;
/** Milliseconds that `close()` waits for a batch; one that hangs must not hold the process. */
const CLOSED_WITHIN = 5000;

/** Removes what has expired, in batches, now and then. */
export class Sweeper {
  readonly #interval: number;
  readonly #removeBatch: (from: number) => Promise<Batch>;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #hasWarned = false;

  /** @param interval milliseconds between two sweeps at most, 0 for never */
  constructor(interval: number, removeBatch: (from: number) => Promise<Batch>) {
    this.#interval = interval;
    this.#removeBatch = removeBatch;
    if (interval > 0) this.#plan();
  }

  /** Sweeps once a sweep that is under way is over; resolves with how many rows were removed. */
  sweep(holdsProcess = true): Promise<number> {
    const swept = this.#running.then(() => this.#sweep(holdsProcess));
    this.#running = swept.catch(() => undefined);
    return swept;
  }

  /** Stops sweeping, after the batch that is under way. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await withDeadline(this.#running, CLOSED_WITHIN, () => new Error('the sweep hangs')).catch(() => undefined);
  }

  /** Not all processes that were started together at the same moment. */
  #plan(): void {
    const delay = this.#interval * (0.5 + Math.random() / 2);
    this.#timer = unref(setTimeout(() => void this.#sweepInTurn(), delay));
  }

  async #sweepInTurn(): Promise<void> {
    try {
      await this.sweep(false);
      this.#hasWarned = false;
    } catch (error) {
      this.#warn(error as Error);
    }
    if (!this.#closing.signal.aborted) this.#plan();
  }

  async #sweep(holdsProcess: boolean): Promise<number> {
    let removed = 0;
    let from = 0;
    while (!this.#closing.signal.aborted) {
      const start = performance.now();
      const batch = await this.#removeBatch(from);
      removed += batch.removed;
      from = batch.from;
      if (batch.isLast) break;
      await this.#pause(performance.now() - start, holdsProcess);
    }
    return removed;
  }

  async #pause(ms: number, holdsProcess: boolean): Promise<void> {
    const options = { ref: holdsProcess, signal: this.#closing.signal };
    await pause(Math.max(ms, SHORTEST_PAUSE), undefined, options).catch(() => undefined);
  }

  #warn(error: Error): void {
    if (this.#hasWarned || this.#closing.signal.aborted) return;
    this.#hasWarned = true;
    process.emitWarning(`Expired sessions could not be removed and stay until the next sweep: ${error.message}`, {
      code: 'KOA_EVENTED_SESSION_SWEEP',
    });
  }
}
