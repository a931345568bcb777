import { setTimeout as pause } from 'node:timers/promises';
import { withTimeout } from '../../base/deadline';
import { unref } from '../../base/timer';

/** The result of one batch, and where the next one starts. */
export interface Batch {
  removed: number;
  isLast: boolean;
  from: number;
}

/** Removes a batch of expired rows from a table, of those that expired at `from` or later. */
type RemoveBatch = (from: number) => Promise<Batch>;

/** Minimum pause between two batches, in milliseconds; a batch that takes longer is followed by a pause as long. */
const SHORTEST_PAUSE = 10;
/** How long `close()` waits for a batch, in milliseconds. A batch that hangs must not keep the process alive. */
const CLOSED_WITHIN = 5000;

/** Removes expired rows in batches, at intervals. */
export class Sweeper {
  readonly #interval: number;
  readonly #tables: readonly RemoveBatch[];
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #hasWarned = false;

  /** @param interval maximum time between two sweeps, in milliseconds; 0 disables sweeping */
  constructor(interval: number, ...tables: RemoveBatch[]) {
    this.#interval = interval;
    this.#tables = tables;
    if (interval > 0) this.#plan();
  }

  /** Sweeps, after a sweep that is running. Resolves to the number of rows removed. */
  sweep(holdsProcess = true): Promise<number> {
    const swept = this.#running.then(() => this.#sweep(holdsProcess));
    this.#running = swept.catch(() => undefined);
    return swept;
  }

  /** Stops sweeping after the current batch. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await withTimeout(this.#running, CLOSED_WITHIN, () => new Error('the sweep hangs')).catch(() => undefined);
  }

  /** At a random time: processes started together should not sweep at the same moment. */
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
    for (const removeBatch of this.#tables) removed += await this.#sweepTable(removeBatch, holdsProcess);
    return removed;
  }

  async #sweepTable(removeBatch: RemoveBatch, holdsProcess: boolean): Promise<number> {
    let removed = 0;
    let from = 0;
    while (!this.#closing.signal.aborted) {
      const start = performance.now();
      const batch = await removeBatch(from);
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
