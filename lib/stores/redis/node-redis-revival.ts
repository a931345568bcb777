import timers = require('node:timers');

import { unref } from '../../base/timer';
import { demotions } from './demotion';
import { type Asked, isDropped, type NodeRedisClient } from './driver';
import { LEAST_SILENCE } from './silence';

// Node's own, as it is now: a faked one would hold the connection back for good.
const { setImmediate } = timers;

/** How the commands of a client of node-redis are asked, and what to call once one of them has had no answer for that many milliseconds. */
export interface Revival {
  asked: Asked;
  unanswered(ms: number): void;
}

/**
 * Makes the connection of a client that was made here anew where it broke without a word, and where its server has become a replica. What is under
 * way is asked again: all that the store asks for may be done twice.
 */
export function revival(client: NodeRedisClient): Revival {
  const isDemotion = demotions();
  let lastAnswer = performance.now();
  let pending = 0;
  let isSuspected = false;

  let revived: Promise<void> | undefined;
  const reconnect = () => {
    if (client.isReady !== true) return;
    // What is under way fails with it, and is asked again.
    const gone = client.destroy ? client.destroy() : client.disconnect?.();
    Promise.resolve(gone).catch(() => undefined);
    revived = new Promise((resolve) => {
      // Version 4 takes the end of the old connection for that of the new one, if it comes later.
      setImmediate(() => {
        client.connect().catch(() => undefined);
        resolve();
      });
    });
  };
  const again = async <T>(ask: () => Promise<T>): Promise<T> => {
    await revived;
    return ask();
  };

  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    pending += 1;
    try {
      return await ask();
    } catch (error) {
      if (isDropped(error)) return await again(ask);
      if (!isDemotion(error as Error)) throw error;
      reconnect();
      return await again(ask);
    } finally {
      pending -= 1;
      lastAnswer = performance.now();
    }
  };

  const unanswered = (ms: number) => {
    if (isSuspected || performance.now() - lastAnswer < ms) return;
    isSuspected = true;
    const before = lastAnswer;
    const decide = () => {
      isSuspected = false;
      if (pending > 0 && lastAnswer === before) reconnect();
    };
    if (ms >= LEAST_SILENCE) decide();
    else unref(setTimeout(decide, LEAST_SILENCE - ms));
  };
  return { asked, unanswered };
}
