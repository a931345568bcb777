import type { IoRedisClient, NodeRedisClient, RedisClient } from '../../../lib/stores/redis/driver';
import { interop } from '../../interop';

export interface Address {
  host: string;
  port: number;
}

/** How to reach a server, in ioredis' words. */
export interface ConnectOptions extends Address {
  username?: string;
  password?: string;
  db?: number;
  /** `false`: gives up as soon as the connection is lost. */
  retries?: boolean;
}

/** A package that talks to Redis, in one of its versions. */
export interface Driver {
  readonly name: string;
  /** A client on its way to a connection. Its errors are heard, as the documentation asks of its users. */
  open(options: ConnectOptions, more?: object): RedisClient;
  openCluster(nodes: readonly Address[], more?: object): RedisClient;
  isReady(client: RedisClient): boolean;
  /** Ends the client, whether or not its server still runs. */
  end(client: RedisClient): Promise<void>;
}

interface IoRedis {
  new (options: object): IoRedisClient;
  Cluster: new (nodes: readonly Address[], options?: object) => IoRedisClient;
}

interface NodeRedis {
  createClient(options: object): NodeRedisClient;
  createCluster(options: object): NodeRedisClient;
}

const quiet = <C extends RedisClient>(client: C): C => {
  client.on('error', () => undefined);
  return client;
};

// ioredis holds the process for as long as this, in milliseconds, where the connection was lost before it is ended.
const disconnectTimeout = 50;

function ioRedis(name: string): Driver {
  const Redis = interop(name) as IoRedis;
  return {
    name,
    open: ({ retries = true, ...options }, more) =>
      quiet(new Redis({ ...options, disconnectTimeout, ...(retries ? {} : { retryStrategy: null }), ...more })),
    openCluster: (nodes, more) =>
      quiet(new Redis.Cluster(nodes, { slotsRefreshTimeout: 5_000, redisOptions: { disconnectTimeout }, ...more })),
    isReady: (client) => (client as IoRedisClient).status === 'ready',
    end: async (client) => (client as IoRedisClient).disconnect(),
  };
}

function nodeRedis(name: string): Driver {
  const { createClient, createCluster } = interop(name) as NodeRedis;
  const started = (client: NodeRedisClient) => {
    quiet(client)
      .connect()
      .catch(() => undefined);
    return client;
  };
  return {
    name,
    open: ({ host, port, db, retries = true, ...options }, more) =>
      started(
        createClient({
          ...options,
          ...(db === undefined ? {} : { database: db }),
          socket: { host, port, reconnectStrategy: retries ? 50 : false },
          ...more,
        }),
      ),
    openCluster: (nodes, more) => started(createCluster({ rootNodes: nodes.map((socket) => ({ socket })), ...more })),
    isReady: (client) => {
      const { isReady, isOpen, slots } = client as NodeRedisClient & { slots?: unknown[] };
      // A Cluster of version 4 or 5 is open before it knows where anything is.
      return isReady ?? (isOpen === true && slots?.[0] !== undefined);
    },
    end: async (client) => {
      const { isOpen, destroy, disconnect } = client as NodeRedisClient &
        Record<'destroy' | 'disconnect', () => unknown>;
      // Version 4 calls it by its older name.
      if (isOpen) await Reflect.apply(destroy ?? disconnect, client, []);
    },
  };
}

/** Every package that the store has to work with. */
export const drivers: readonly Driver[] = [
  ...['ioredis4', 'ioredis5', 'ioredis6'].map(ioRedis),
  ...['redis4', 'redis5', 'redis6'].map(nodeRedis),
];

export const driverNames = drivers.map(({ name }) => name);

export function driverOf(name: string): Driver {
  const driver = drivers.find((it) => it.name === name);
  if (driver === undefined) throw new Error(`Expected one of ${driverNames}, got ${name}`);
  return driver;
}
