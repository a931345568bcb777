import timers = require('node:timers');

// Node's own, as they are now: a faked clock would hold everybody up.
const { setImmediate } = timers;
const { nextTick, cpuUsage } = process;

/** Milliseconds of work after which others get a turn. */
const TURN = 5;
/** How many items are worked on before the first measurement, and at once at most. */
const FIRST_PORTION = 4;
const LARGEST_PORTION = 256;

/** Work that takes long, and lets others go on in between. */
export class Turns {
  #began = performance.now();

  /** A promise to wait for, if this turn has lasted long enough. */
  get rest(): Promise<void> | undefined {
    if (performance.now() - this.#began < TURN) return undefined;
    return nextTurn().then(() => {
      this.#began = performance.now();
    });
  }
}

/** Settles once the process has looked after its sockets. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Does something with each item. What follows from it in the same turn counts: the portions are as large as the time allows. */
export async function inTurns<T>(items: readonly T[], each: (item: T) => void): Promise<void> {
  let portion = FIRST_PORTION;
  for (let at = 0; at < items.length; ) {
    const began = cpuUsage();
    const end = Math.min(at + portion, items.length);
    for (; at < end; at += 1) each(items[at] as T);
    if (at === items.length) return;
    await new Promise<void>((resolve) => nextTick(resolve));
    // Not the time on the clock: on a busy machine portions would get smaller for what others do.
    const { user, system } = cpuUsage(began);
    const took = (user + system) / 1000;
    portion = took > TURN ? Math.max(1, portion >> 1) : Math.min(portion * 2, LARGEST_PORTION);
    await nextTurn();
  }
}
