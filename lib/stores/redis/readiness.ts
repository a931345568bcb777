import timers = require('node:timers');

import { unref } from '../../base/timer';
import type { RedisDriver } from './driver';

// Node's own, as they are now: on a faked clock a client that is ready would go unnoticed.
const { setInterval, clearInterval } = timers;

/** Milliseconds between two looks. */
const PAUSE = 50;

/**
 * Calls back once a client is ready whose events do not tell so; never for one that is ready now. The function that it returns ends the wait.
 */
export function whenReady(driver: RedisDriver, ready: () => void): () => void {
  if (driver.isReady()) return () => undefined;
  const timer = unref(
    setInterval(() => {
      if (!driver.isReady()) return;
      clearInterval(timer);
      ready();
    }, PAUSE),
  );
  return () => clearInterval(timer);
}
