import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { hasMethod } from '../../base/expect';
import type { BroadcastingStore } from '../../base/types';
import { settle } from '../../client/answers';
import type { Store } from '../../middleware/engine';
import { type Check, ok, problem, type Result } from './finding';

/** Milliseconds for a connection and a message. On a Cluster, node-redis needs more than one second. */
const PATIENCE = 3000;

const ADVICE =
  'Allow the channel to the user of the application, as `npx koa-evented-session acl --broadcast-endings` does. Until then, watched sessions are only looked up';

/** Whether a process hears what another one tells of the end of a session. */
export const channel: Check<{ store: Store }> = {
  name: 'channel',
  run: async ({ store: { client, endings } }) => {
    if (endings === undefined || !canBroadcast(client)) {
      return ok('none, since this store cannot listen: watched sessions are looked up every few seconds');
    }
    return heardOn(client, endings.channel);
  },
};

/** Sends a text that no application takes for a message, and waits for it. */
async function heardOn(client: BroadcastingStore, name: string): Promise<Result> {
  const text = `doctor ${randomUUID()}`;
  const tell = async () => settle(client.publish(name, text));
  try {
    await tell();
  } catch (error) {
    return problem(`cannot be told: ${(error as Error).message}`, ADVICE);
  }
  let stop: (() => unknown) | undefined;
  const heard = new Promise<Result>((resolve) => {
    const listener = (said: string) => said === text && resolve(ok('heard'));
    stop = client.subscribe(name, listener, () => void tell().catch(() => undefined));
  });
  try {
    const silent = pause(PATIENCE, undefined, { ref: false });
    return (await Promise.race([heard, silent])) ?? problem('nothing is heard on it', ADVICE);
  } finally {
    await stop?.();
  }
}

function canBroadcast(client: object): client is BroadcastingStore {
  return hasMethod(client, 'publish') && hasMethod(client, 'subscribe');
}
