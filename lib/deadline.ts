/**
 * Settles as `work` does, or rejects with what `late` makes once `ms` milliseconds are over. What `work` comes to after that is
 * nobody's concern any more, a rejection included.
 */
export function withDeadline<T>(work: PromiseLike<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // unref: a call that never settles must not hold the process.
    const timer = setTimeout(() => reject(late()), ms).unref();
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
