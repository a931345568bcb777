/**
 * Settles as `work` does, or rejects with what `late` makes once `ms` milliseconds are over. What `work` comes to after that is
 * nobody's concern any more, a rejection included. `ended` hears that it is settled; `failed` takes a rejection, as
 * a `catch` would: without the promise that one costs.
 */
export function withDeadline<T>(
  work: PromiseLike<T>,
  ms: number,
  late: () => Error,
  ended?: () => void,
  failed?: (error: unknown) => T,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // unref: a call that never settles must not hold the process.
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      ended?.();
      reject(late());
    }, ms).unref();
    work.then(
      (value) => {
        clearTimeout(timer);
        if (!isLate) ended?.();
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        if (!isLate) ended?.();
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
