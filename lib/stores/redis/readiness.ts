import timers = require('node:timers');

import { unref } from '../../base/timer';
import type { RedisDriver } from './driver';

// Taken when the module loads: on a faked clock, a client that is ready would go unnoticed.
const { setInterval, clearInterval } = timers;

/** Polling interval in milliseconds. */
const PAUSE = 50;

/**
 * Calls `ready` once a client becomes ready that emits no event for it; not if it is ready already. The returned
 * function stops waiting.
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
