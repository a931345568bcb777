import timers = require('node:timers');

import { unref } from '../../base/timer';
import { isInDatabase, onceReady } from './database';
import { demotions } from './demotion';
import { type Asked, isDropped, type NodeRedisClient } from './driver';
import { LEAST_SILENCE } from './silence';

// Taken when the module loads: a faked one would hold the connection back for ever.
const { setImmediate } = timers;

/**
 * Runs the commands of a node-redis client, and is told when a command has had no answer for that many milliseconds.
 */
export interface Revival {
  asked: Asked;
  unanswered(ms: number): void;
}

/**
 * Replaces the connection of a client that this package created, if it broke silently or its server became a replica.
 * Pending commands are repeated: all commands of the store may safely run twice.
 */
export function revival(client: NodeRedisClient): Revival {
  const isDemotion = demotions();
  const sent: Asked = isInDatabase(client.options) ? onceReady(client) : (ask) => ask();
  let lastAnswer = performance.now();
  let pending = 0;
  let isSuspected = false;

  let revived: Promise<void> | undefined;
  const reconnect = () => {
    if (client.isReady !== true) return;
    // Pending commands fail with it and are repeated.
    const gone = client.destroy ? client.destroy() : client.disconnect?.();
    Promise.resolve(gone).catch(() => undefined);
    revived = new Promise((resolve) => {
      // If the old connection ends later, version 4 mistakes that for the end of the new one.
      setImmediate(() => {
        client.connect().catch(() => undefined);
        resolve();
      });
    });
  };
  const again = async <T>(ask: () => Promise<T>): Promise<T> => {
    await revived;
    return sent(ask);
  };

  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    pending += 1;
    try {
      return await sent(ask);
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
