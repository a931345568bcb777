import { isNodeRedis, type RedisClient } from '../../stores/redis/driver';
import { parseRedisUrl, type RedisAddress } from '../../stores/redis/url';
import { CommandError } from '../exits';
import type { Project } from '../project';
import { serversOf } from './servers';

/** Milliseconds for a connection. */
const CONNECT_TIMEOUT = 10_000;
/** How often a connection that was there is tried again. */
const RETRIES = 30;
const RETRY_PAUSE = 200;

/** A client that the command has opened. */
export interface OpenedRedis {
  client: RedisClient;
  /** The package, as it is installed. */
  driver: 'ioredis' | 'redis';
  close(): Promise<void>;
}

interface IoRedisConstructor {
  new (options: object): RedisClient & { connect(): Promise<void>; disconnect(): void };
  Cluster: new (
    nodes: readonly object[],
    options: object,
  ) => RedisClient & { connect(): Promise<void>; disconnect(): void };
}

interface NodeRedisPackage {
  createClient(options: object): RedisClient & { connect(): Promise<unknown>; destroy?(): void };
  createCluster(options: object): RedisClient & { connect(): Promise<unknown>; destroy?(): void };
}

/**
 * Connects to Redis, also to a Cluster, with the client of the project: ioredis, or node-redis.
 *
 * @throws CommandError if there is no client.
 * @throws Error of the client, if it cannot connect.
 */
export async function openRedisUrl(url: URL, name: string, project: Project): Promise<OpenedRedis> {
  const address = parseRedisUrl(name, url);
  const open = project.has('ioredis') || !project.has('redis') ? openIoRedis : openNodeRedis;
  const single = await open(address, false, project);
  if (!(await isOfCluster(single.client))) return single;
  await single.close();
  return open(address, true, project);
}

/** A user who may not ask is taken for one of a single server. */
async function isOfCluster(client: RedisClient): Promise<boolean> {
  const [server] = await serversOf(client);
  const info = await server?.ask('INFO', 'cluster').catch(() => '');
  return String(info).includes('cluster_enabled:1');
}

async function openIoRedis(address: RedisAddress, isCluster: boolean, project: Project): Promise<OpenedRedis> {
  const Redis = project.load('ioredis', 'Redis') as IoRedisConstructor;
  const { host = 'localhost', port = 6379, ...rest } = address;
  const retry = (times: number) => (times > RETRIES ? null : RETRY_PAUSE);
  let hasConnected = false;
  let cause: Error | undefined;
  // A connection that failed would hold the process for two seconds.
  const shared = { ...rest, connectTimeout: CONNECT_TIMEOUT, disconnectTimeout: 50 };
  const client = isCluster
    ? new Redis.Cluster([{ host, port }], {
        lazyConnect: true,
        clusterRetryStrategy: (times: number) => (hasConnected ? retry(times) : null),
        redisOptions: shared,
        // Names of certificates are checked, so hosts stay names.
        ...(rest.tls && { dnsLookup: (name: string, found: (error: null, name: string) => void) => found(null, name) }),
      })
    : new Redis({
        ...shared,
        host,
        port,
        lazyConnect: true,
        retryStrategy: (times: number) => (hasConnected ? retry(times) : null),
      });
  client.on('error', (error) => {
    cause ??= (error as { lastNodeError?: Error }).lastNodeError ?? (error as Error);
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw cause ?? error;
  }
  hasConnected = true;
  return { client, driver: 'ioredis', close: async () => void client.disconnect() };
}

async function openNodeRedis(address: RedisAddress, isCluster: boolean, project: Project): Promise<OpenedRedis> {
  const { createClient, createCluster } = project.load('redis', 'Redis') as NodeRedisPackage;
  const { host = 'localhost', port = 6379, username, password, db, tls } = address;
  let hasConnected = false;
  // An error ends the attempts.
  const reconnectStrategy = (retries: number, cause: Error) =>
    hasConnected && retries < RETRIES ? RETRY_PAUSE : new Error(cause.message, { cause });
  const encryption = tls === undefined ? {} : { tls: true };
  const socket = { host, port, connectTimeout: CONNECT_TIMEOUT, reconnectStrategy, ...encryption };
  const who = { ...(username && { username }), ...(password && { password }) };
  const client = isCluster
    ? createCluster({ rootNodes: [{ socket }], defaults: { ...who, socket: { ...encryption } } })
    : createClient({ ...who, ...(db && { database: db }), socket });
  if (!isNodeRedis(client)) {
    throw new CommandError('Redis needs ioredis 4 or later, or redis 4 or later: run `npm install ioredis`');
  }
  client.on('error', () => undefined);
  await client.connect();
  hasConnected = true;
  return {
    client,
    driver: 'redis',
    close: async () => {
      if (client.destroy) client.destroy();
      else await client.disconnect?.();
    },
  };
}
