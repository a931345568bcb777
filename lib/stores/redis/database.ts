import type { IoRedisClient, NodeRedisClient } from './driver';

type Done = (error?: unknown, info?: object) => void;

/** What every version of ioredis calls, in this order, before it counts as ready. ioredis-mock has no ready check. */
interface Handshake {
  readonly options?: { db?: number | string | null; enableReadyCheck?: boolean };
  readonly status?: string;
  select(...args: unknown[]): Promise<unknown>;
  _readyCheck?(done: Done): void;
}

/**
 * Makes a client of ioredis ready only in the database that its options ask for. If the server refuses it, ioredis by
 * itself emits an error and goes on in database 0. Here, the connection fails, as with a wrong password.
 */
export function keepToDatabase(client: IoRedisClient): void {
  const own = client as unknown as Handshake;
  const { options, select, _readyCheck: check } = own;
  if (!options || Number(options.db ?? 0) === 0 || check === undefined) return;
  let selected: Promise<unknown> = Promise.resolve();
  own.select = (...args) => {
    selected = select.apply(own, args);
    // The ready check reports the refusal: two errors for one connection would hide that of a wrong password.
    return own.status === 'connect' ? selected.catch(() => undefined) : selected;
  };
  const isChecked = options.enableReadyCheck !== false;
  // Without a ready check, commands would follow before the answer.
  options.enableReadyCheck = true;
  own._readyCheck = (done) => {
    selected.then(() => (isChecked ? check.call(own, done) : done(null, {})), done);
  };
}

/** Whether the options of node-redis ask for a database that a connection is not in from the start. */
export function isInDatabase(options: { database?: number } | undefined): boolean {
  return (options?.database ?? 0) !== 0;
}

/**
 * Returns a function that runs a command once the client of node-redis is ready. The client itself sends the commands
 * of its queue right behind SELECT, without waiting whether the server refuses.
 */
export function onceReady(client: NodeRedisClient): <T>(ask: () => Promise<T>) => Promise<T> {
  let waiting: Promise<void> | undefined;
  let stop = (): void => undefined;
  const opening = () => {
    waiting ??= new Promise((resolve) => {
      stop = resolve;
    });
    return waiting;
  };
  const stopWaiting = () => {
    waiting = undefined;
    stop();
  };
  client.on('ready', stopWaiting);
  client.on('end', stopWaiting);
  // It emits only this if it gives up.
  client.on('error', () => client.isOpen === false && stopWaiting());
  return (ask) => (client.isReady === true || client.isOpen === false ? ask() : opening().then(ask));
}
