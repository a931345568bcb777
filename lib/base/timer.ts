/** A timer that does not hold the process. One of jsdom's, or of a faked clock, may be a number, or nothing: none of those does. */
export function unref<T>(timer: T): T {
  (timer as Partial<NodeJS.Timeout> | undefined)?.unref?.();
  return timer;
}
