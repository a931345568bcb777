import type { Io } from './io';
import { thousands } from './table';

/** Milliseconds between two changes of the bar: more would cost a slow terminal time. */
const PAUSE = 100;
const WIDTH = 30;
/** Begins the line again, and clears it. */
const AGAIN = '\r\u001b[K';

/** Shows on a terminal how far a walk has come; elsewhere nothing. */
export class Progress {
  readonly #io: Io;
  readonly #what: string;
  #shown = Number.NEGATIVE_INFINITY;
  #isThere = false;

  constructor(io: Io, what: string) {
    this.#io = io;
    this.#what = what;
  }

  /**
   * Shows how many are done.
   *
   * @param total how many there are, if that is known: then there is a bar
   */
  done(count: number, total?: number): void {
    const now = performance.now();
    if (!this.#io.showsProgress || now < this.#shown + PAUSE) return;
    this.#shown = now;
    this.#isThere = true;
    this.#io.err(`${AGAIN}${bar(count, total)}${thousands(count)} ${this.#what}`);
  }

  /** Removes it, so that a message can follow. */
  clear(): void {
    if (this.#isThere) this.#io.err(AGAIN);
    this.#isThere = false;
  }
}

function bar(count: number, total: number | undefined): string {
  if (total === undefined || total === 0) return '';
  const full = Math.min(WIDTH, Math.floor((WIDTH * count) / total));
  return `[${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] `;
}
