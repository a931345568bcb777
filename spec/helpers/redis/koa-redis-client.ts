import { once } from 'node:events';
import { Redis as Redis5 } from 'ioredis5';
import redisStore from 'koa-redis';
import type { RedisServer } from './server';

export type KoaRedis = ReturnType<typeof redisStore>;

// ioredis holds the process for as long as this, in milliseconds, where the connection was lost before it is ended.
const disconnectTimeout = 50;
const address = ({ port }: RedisServer) => ({ host: '127.0.0.1', port, disconnectTimeout });

/** koa-redis as its users set it up: with its own ioredis, or with a newer one. */
export const koaRedisKinds = {
  'koa-redis with the ioredis 4 it brings along': (redis: RedisServer, options: object = {}) =>
    redisStore({ ...address(redis), ...options }),
  'koa-redis with an ioredis 5 client': (redis: RedisServer, options: object = {}) =>
    redisStore({ client: new Redis5({ ...address(redis), ...options }) }),
} as const;

export const koaRedis = koaRedisKinds['koa-redis with the ioredis 4 it brings along'];

/** The client's connection state, in ioredis' terms. */
export function statusOf(client: KoaRedis): string {
  return (client as unknown as { status: string }).status;
}

export async function untilReady(client: KoaRedis): Promise<void> {
  if (statusOf(client) !== 'ready') await once(client, 'ready');
}

/** The client's next event of this name. Unlike `once` of node:events it does not mind the errors of attempts in vain. */
export function heard(client: KoaRedis, event: string): Promise<void> {
  return new Promise((resolve) => client.once(event, () => resolve()));
}

/** Ends the client, whether or not its server still runs. */
export async function endOf(client: KoaRedis): Promise<void> {
  if (statusOf(client) === 'end') return;
  // Between two retries, there is no connection whose end could be reported.
  const ended = statusOf(client) === 'reconnecting' ? undefined : heard(client, 'end');
  client.client.disconnect();
  await ended;
}
