import timers = require('node:timers');

import { unref } from './timer';

// Node's own, as it is now: a faked clock that has come to the deadline would not come to this.
const { setImmediate } = timers;

/**
 * Settles as `work` does, or rejects with what `late` makes once `ms` milliseconds are over. What `work` comes to after that is
 * nobody's concern any more, a rejection included. What came while the process stood still is in time. `ended` hears that it
 * is settled, and whether by such a success; `failed` takes a rejection, as a `catch` would: without the promise that one costs.
 */
export function withDeadline<T>(
  work: PromiseLike<T>,
  ms: number,
  late: () => Error,
  ended?: (stoodStill: boolean) => void,
  failed?: (error: unknown) => T,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let isOver = false;
    let isDue = false;
    const expire = () => {
      if (isOver) return;
      isOver = true;
      ended?.(false);
      reject(late());
    };
    // Timers that are due run before sockets are read, where a process that stood still has its answers lying.
    const due = () => {
      isDue = true;
      setImmediate(expire);
    };
    // unref: a call that never settles must not hold the process.
    const timer = unref(setTimeout(due, ms));
    work.then(
      (value) => {
        clearTimeout(timer);
        if (!isOver) ended?.(isDue);
        isOver = true;
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // A deadline within `work` may fail in that turn too, without anyone having stood still.
        if (!isOver) ended?.(false);
        isOver = true;
        if (failed === undefined) reject(error);
        else settleBy(failed, error, resolve, reject);
      },
    );
  });
}

function settleBy<T>(
  failed: (error: unknown) => T,
  error: unknown,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): void {
  try {
    resolve(failed(error));
  } catch (failure) {
    reject(failure);
  }
}
