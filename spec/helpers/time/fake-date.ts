/**
 * Only `jest.setSystemTime` moves the clock, and the monotonic clock stands still. Timers are real, since sockets need
 * them.
 */
export function fakeDate(now: Date | number = Date.now()): void {
  jest.useFakeTimers({
    now,
    doNotFake: [
      'hrtime',
      'nextTick',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
}

/** Lets time pass for everything that reads a clock. */
export function pass(ms: number): void {
  jest.setSystemTime(Date.now() + ms);
}

/** In each test of the file it is this moment, until it lets time pass. */
export function everyTestStartsAt(now: number): void {
  beforeEach(() => fakeDate(now));
  afterEach(() => {
    jest.useRealTimers();
  });
}
