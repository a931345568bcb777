import timers = require('node:timers');

import { unref } from './timer';

// Taken when the module loads: a faked clock that has reached the deadline would never run its own `setImmediate`.
const { setImmediate } = timers;

/**
 * Settles as `work` does, or rejects with the result of `late` after `ms` milliseconds. Whatever `work` settles to
 * later is ignored, rejections included. An answer that arrived while the process was blocked is in time.
 * `ended` is called on settling; its argument says whether an answer came in time only because of that allowance.
 * `failed` handles a rejection like `catch`, without the extra promise.
 */
export function withTimeout<T>(
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
    // Due timers run before sockets are read, and a process that was blocked has answers waiting in its sockets.
    const due = () => {
      isDue = true;
      setImmediate(expire);
    };
    // A call that never settles must not keep the process alive.
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
        // Not `isDue`: a deadline inside `work` may reject in this turn too, without the process having been blocked.
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
