import { once } from 'node:events';
import { Redis as Redis5 } from 'ioredis5';
import { until } from '../time/until';
import { heard, type KoaRedis, statusOf } from './koa-redis-client';
import { type RedisOptions, type RedisServer, startRedis } from './server';

/** What a request whose store is ill fails with. */
export interface Failure {
  /** The arguments of the errorHandler. */
  type: 'connect' | 'get' | 'set';
  name: 'StoreError' | 'StoreTimeoutError' | 'StoreUnavailableError';
  operation: 'get' | 'set';
  /** The beginning of what Redis said. */
  says?: string;
}

export interface Ailment {
  redis?: RedisOptions;
  /** More options of the client. */
  client?: object;
  failure: Failure;
  /** Makes the server ill; resolves, once it is, to a function that heals it. */
  begin(redis: RedisServer, client: KoaRedis): Promise<() => Promise<unknown>>;
}

const unavailable: Failure = { type: 'connect', name: 'StoreUnavailableError', operation: 'get' };
const readFails = (says: string): Failure => ({ type: 'get', name: 'StoreError', operation: 'get', says });
const writeFails = (says: string): Failure => ({ type: 'set', name: 'StoreError', operation: 'set', says });

/** Each key takes this long, in microseconds, until `CONFIG SET key-load-delay 0` ends it: a window that is as long as a spec needs. */
const slowLoading = {
  args: ['--key-load-delay', '2000', '--loading-process-events-interval-bytes', '1024', '--rdbcompression', 'no'],
};
const noReadyCheck = { enableReadyCheck: false };

/** What can befall a real redis-server under an application that is running. */
export const ailments: Record<string, Ailment> = {
  'is killed': {
    redis: { appendonly: true },
    failure: unavailable,
    async begin(redis, client) {
      await Promise.all([heard(client, 'close'), redis.kill('SIGKILL')]);
      return () => redis.restart();
    },
  },
  'is suspended': {
    failure: { type: 'get', name: 'StoreTimeoutError', operation: 'get' },
    async begin(redis) {
      await redis.kill('SIGSTOP');
      return () => redis.kill('SIGCONT');
    },
  },
  'is suspended, and the connection is lost': {
    failure: unavailable,
    async begin(redis, client) {
      await redis.kill('SIGSTOP');
      // The kernel accepts the next connection, but no answer comes on it.
      await Promise.all([heard(client, 'close'), dropConnection(client)]);
      return () => redis.kill('SIGCONT');
    },
  },
  'is loading its data': {
    redis: slowLoading,
    client: { maxLoadingRetryTime: 50 },
    failure: unavailable,
    begin: beginLoading,
  },
  'is loading its data, with a client without a ready check': {
    redis: slowLoading,
    client: noReadyCheck,
    failure: readFails('LOADING'),
    begin: beginLoading,
  },
  'suddenly asks for a password': {
    failure: unavailable,
    begin: beginAskingForPassword,
  },
  'asks for a password, with a client that has no ready check': {
    client: noReadyCheck,
    failure: readFails('NOAUTH'),
    begin: beginAskingForPassword,
  },
  'became a replica': {
    failure: writeFails('READONLY'),
    async begin(redis) {
      const successor = await startRedis();
      await follow(successor, redis);
      await successor.command('REPLICAOF NO ONE');
      await follow(redis, successor);
      return async () => {
        await redis.command('REPLICAOF NO ONE');
        await successor.stop();
      };
    },
  },
  'is a replica that lost its master': {
    failure: readFails('MASTERDOWN'),
    async begin(redis) {
      await redis.command('CONFIG SET replica-serve-stale-data no');
      // Nothing listens there.
      await redis.command('REPLICAOF 127.0.0.1 1');
      return () => redis.command('REPLICAOF NO ONE');
    },
  },
  'is out of memory': {
    failure: writeFails('OOM'),
    async begin(redis) {
      await redis.command('CONFIG SET maxmemory 1');
      return () => redis.command('CONFIG SET maxmemory 0');
    },
  },
  'lacks the replicas it must have': {
    failure: writeFails('NOREPLICAS'),
    async begin(redis) {
      await redis.command('CONFIG SET min-replicas-to-write 1');
      return () => redis.command('CONFIG SET min-replicas-to-write 0');
    },
  },
};

/** A restart with so much data that requests come before it is read. */
async function beginLoading(redis: RedisServer, client: KoaRedis): Promise<() => Promise<unknown>> {
  await redis.command(`EVAL "for i=1,3000 do redis.call('SET','filler:'..i,string.rep('x',1024)) end" 0`);
  await redis.command('SAVE');
  await Promise.all([heard(client, 'close'), redis.kill('SIGKILL')]);
  const connected = heard(client, 'connect');
  const loaded = redis.restart();
  loaded.catch(() => undefined);
  await until(async () => (await sayOf(redis, 'PING')).startsWith('LOADING'));
  await connected;
  return async () => {
    await redis.command('CONFIG SET key-load-delay 0');
    await loaded;
  };
}

/** Connections that were let in stay in: an operator that came before, and the client's own until it is dropped. */
async function beginAskingForPassword(redis: RedisServer, client: KoaRedis): Promise<() => Promise<unknown>> {
  const operator = new Redis5(redis.port, '127.0.0.1');
  await operator.config('SET', 'requirepass', 'secret');
  const returned = heard(client, 'connect');
  await Promise.all([heard(client, 'close'), operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')]);
  await returned;
  return async () => {
    await operator.config('SET', 'requirepass', '');
    operator.disconnect();
    await once(operator, 'end');
  };
}

async function follow(replica: RedisServer, master: RedisServer): Promise<void> {
  await master.command('CONFIG SET repl-diskless-sync-delay 0');
  await replica.command(`REPLICAOF 127.0.0.1 ${master.port}`);
  await until(async () => {
    const { master_link_status: link } = await replica.info('replication');
    return link === 'up';
  });
}

/** As a firewall that forgets a connection does it; the client tries again by itself. */
async function dropConnection(client: KoaRedis): Promise<void> {
  (client.client as unknown as { stream: { destroy(): void } }).stream.destroy();
}

/** The reply, or what the error says. */
function sayOf(redis: RedisServer, command: string): Promise<string> {
  return redis.command(command).catch((error: Error) => error.message);
}

/** The client has found its server again. */
export function untilWell(client: KoaRedis): Promise<void> {
  return until(() => statusOf(client) === 'ready');
}
