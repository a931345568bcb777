import timers = require('node:timers');

// Taken when the module loads: a faked clock would block everyone.
const { setImmediate } = timers;
const { nextTick, cpuUsage } = process;

/** Milliseconds of work before other work gets a turn. */
const TURN = 5;
/** Number of items before the first measurement, and the largest first batch. */
const FIRST_PORTION = 4;
const LARGEST_PORTION = 256;

/** Splits long work into turns, so that other work can run in between. */
export class Turns {
  #began = performance.now();

  /** A promise to await if this turn has lasted long enough. */
  get rest(): Promise<void> | undefined {
    if (performance.now() - this.#began < TURN) return undefined;
    return nextTurn().then(() => {
      this.#began = performance.now();
    });
  }
}

/** Settles after the process has served its sockets. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Calls `each` for every item, in batches as large as the time per turn allows. Work that `each` causes in the same
 * turn counts.
 */
export async function inTurns<T>(items: readonly T[], each: (item: T) => void): Promise<void> {
  let portion = FIRST_PORTION;
  for (let at = 0; at < items.length; ) {
    const end = Math.min(at + portion, items.length);
    // Asking for the time is a system call, and most often there is but one item: the last batch is not measured.
    const began = end < items.length ? cpuUsage() : undefined;
    for (; at < end; at += 1) each(items[at] as T);
    if (began === undefined) return;
    await new Promise<void>((resolve) => nextTick(resolve));
    // CPU time, not elapsed time: on a busy machine, the work of other processes would shrink the batches.
    const { user, system } = cpuUsage(began);
    const took = (user + system) / 1000;
    portion = took > TURN ? Math.max(1, portion >> 1) : Math.min(portion * 2, LARGEST_PORTION);
    await nextTurn();
  }
}
