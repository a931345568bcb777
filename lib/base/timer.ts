/**
 * Lets the process exit while the timer is pending. Timers of jsdom or a faked clock may be numbers or `undefined`;
 * those never keep the process alive.
 */
export function unref<T>(timer: T): T {
  (timer as Partial<NodeJS.Timeout> | undefined)?.unref?.();
  return timer;
}
