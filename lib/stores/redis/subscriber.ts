import { unref } from '../../base/timer';
import { warnOfRight } from './channels';
import { isNodeRedis, type RedisClient } from './driver';
import { duplicateOf } from './duplicate';

/** The methods of a connection that only listens. */
interface Subscriber {
  on(event: string, listener: (...args: string[]) => void): unknown;
  subscribe(channel: string, listener?: (message: string) => void): Promise<unknown>;
  connect?(): Promise<unknown>;
  disconnect(): unknown;
  destroy?(): unknown;
  readonly status?: string;
  /** ioredis, single server. */
  readonly stream?: { destroy(): unknown } | null;
}

/** Milliseconds until a failed subscription is tried again, unless the connection is back before. */
const AGAIN = 1000;

/** The same if the user may not listen: Redis logs each refusal. */
const MUCH_LATER = 60_000;

/**
 * Listens to a channel on a separate connection, since one that listens takes no other commands. On a Cluster every
 * node passes the message on.
 *
 * @param began called each time when it begins to hear, first and after a break
 */
export function subscribe(
  client: RedisClient,
  channel: string,
  listener: (message: string) => void,
  began: () => void,
): () => void {
  const subscriber = duplicateOf(client, {}) as unknown as Subscriber;
  let isOver = false;
  let hasWarned = false;
  let timer: NodeJS.Timeout | undefined;
  const isNode = isNodeRedis(client);
  // A connection that closes may still hear something.
  const heard = (message: string) => {
    if (!isOver) listener(message);
  };
  const begin = () => {
    clearTimeout(timer);
    if (isOver) return;
    const subscribed = isNode ? subscriber.subscribe(channel, heard) : subscriber.subscribe(channel);
    subscribed.then(began, (error: unknown) => {
      if (isOver) return;
      const isRefused = String((error as Partial<Error> | null)?.message).startsWith('NOPERM');
      if (isRefused && !hasWarned) hasWarned = warnOfRight(error, 'subscribe', channel);
      timer = unref(setTimeout(begin, isRefused ? MUCH_LATER : AGAIN));
    });
  };
  // The main connection reports what is wrong.
  subscriber.on('error', () => undefined);
  subscriber.on('ready', begin);
  if (!isNode) subscriber.on('message', (from, message = '') => from === channel && heard(message));
  if (subscriber.status === 'wait') subscriber.connect?.().catch(() => undefined);
  // A Cluster of node-redis emits no `ready`.
  if (isNode) begin();
  return () => {
    isOver = true;
    clearTimeout(timer);
    // A connection that was never open may refuse to close.
    void Promise.resolve()
      .then(() => (subscriber.destroy === undefined ? subscriber.disconnect() : subscriber.destroy()))
      .then(() => subscriber.stream?.destroy())
      .catch(() => undefined);
  };
}
