/** Fakes all of the clock, so that a request's time can be told to the millisecond; sockets go on as they do. */
export function fakeClock(): void {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
}

/** Fakes intervals alone: a request takes as long as it takes. */
export function fakeIntervals(): void {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date', 'setTimeout'],
  });
}

/** Resolves once requests have done what they can do without the clock going on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets so many milliseconds pass on the fake clock. */
export async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await settled();
}
