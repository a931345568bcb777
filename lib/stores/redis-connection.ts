import { expected, isGiven } from '../expect';
import {
  type IoRedisClient,
  ioRedisDriver,
  isIoRedis,
  isNodeRedis,
  type NodeRedisClient,
  nodeRedisDriver,
  type RedisClient,
  type RedisDriver,
} from './redis-driver';

/** How to reach Redis: koa-redis' options. Whatever else is given goes to ioredis. */
export interface RedisConnectionOptions {
  /** A client that you have: of ioredis or of node-redis, version 4 or later, single or Cluster. It stays yours to end. Default: one of ioredis is made. */
  client?: object | null | undefined;
  /** Make a connection of its own from `client`, with the other options laid over the client's. Default: `false`. */
  duplicate?: boolean | undefined;
  /** `redis://user:password@host:port/db`. Default: not given. */
  url?: string | URL | undefined;
  /** The host. Default: `'127.0.0.1'`. */
  host?: string | undefined;
  /** The port. Default: 6379. */
  port?: number | undefined;
  /** A Unix socket, in place of `host` and `port`. Default: not given. */
  path?: string | undefined;
  /** The older name of `path`. */
  socket?: string | undefined;
  /** Number of the database. Default: 0. */
  db?: number | undefined;
  /** A user of an access control list. Default: not given. */
  username?: string | undefined;
  /** The password. Default: not given. */
  password?: string | undefined;
  /** An older name of `password`. */
  auth_pass?: string | undefined;
  /** An older name of `password`. */
  pass?: string | undefined;
  /** Sentinels to ask for the primary. Default: not given, there are none. */
  sentinels?: readonly { host: string; port: number }[] | undefined;
  /** What the sentinels call the group of the primary. Default: not given. */
  name?: string | undefined;
  /** Whether `nodes` are those of a Redis Cluster. Default: `false`. */
  isRedisCluster?: boolean | undefined;
  /** Some nodes of the Cluster, from which it finds the others. Default: none. */
  nodes?: readonly (string | number | { host?: string; port?: number })[] | undefined;
  /** What ioredis' Cluster is given. Default: not given. */
  clusterOptions?: ClusterOptions | undefined;
  [option: string]: unknown;
}

/** Options of ioredis' Cluster. */
export interface ClusterOptions {
  /** Options of each connection. Default: `username` and `password` of those beside `nodes`. */
  redisOptions?: object | undefined;
  [option: string]: unknown;
}

/** A connection, and whether it was made here, so that it is ended here. */
export interface RedisConnection {
  client: RedisClient;
  driver: RedisDriver;
  isOwn: boolean;
}

interface IoRedisConstructor {
  new (options: object): IoRedisClient;
  new (url: string, options: object): IoRedisClient;
  Cluster: new (nodes: readonly unknown[], options?: object) => IoRedisClient;
}

/** @throws TypeError for a client of an unknown kind, and where ioredis is needed and not installed. */
export function openRedis(options: RedisConnectionOptions): RedisConnection {
  checkOptions(options);
  if ('serialize' in options || 'unserialize' in options) {
    throw new TypeError(
      'Expected `serialize` and `unserialize` not to be given: records are JSON, which this store compares and merges',
    );
  }
  const { client, duplicate, socket, auth_pass, pass, ...others } = options;
  const rest = withoutEmpty({
    ...others,
    path: others.path ?? socket,
    password: others.password ?? auth_pass ?? pass,
  });
  return isGiven(client) ? connectionOf(client, duplicate === true, rest) : newConnection(rest);
}

/** @throws TypeError */
function checkOptions(options: unknown): void {
  const isUrl = options instanceof URL || (typeof options === 'string' && options.includes('://'));
  if (isUrl) throw new TypeError('Expected `options` to be an object, got a url: give `redisStore({ url })`');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw expected('options', 'an object', options);
  }
  if (isIoRedis(options) || isNodeRedis(options)) {
    throw new TypeError('Expected `options` to be an object of options, got a client: give `redisStore({ client })`');
  }
  const { isRedisCluster, nodes, client } = options as RedisConnectionOptions;
  if (isRedisCluster && !isGiven(client) && !(Array.isArray(nodes) && nodes.length > 0)) {
    throw expected('nodes', 'a list of one node at least, since `isRedisCluster` is true', nodes);
  }
  if (isGiven(nodes) && !isRedisCluster) {
    throw expected('isRedisCluster', '`true`, since `nodes` are given: they are those of a Cluster', isRedisCluster);
  }
}

function newConnection({
  url,
  isRedisCluster,
  nodes,
  clusterOptions,
  ...rest
}: RedisConnectionOptions): RedisConnection {
  const Redis = requireIoRedis();
  if (isRedisCluster) return connection(new Redis.Cluster(nodes ?? [], forCluster(clusterOptions, rest)), true);
  return connection(url === undefined ? new Redis(rest) : new Redis(String(url), rest), true);
}

function connectionOf(client: object, duplicate: boolean, rest: Record<string, unknown>): RedisConnection {
  if (!isIoRedis(client) && !isNodeRedis(client)) {
    throw expected('client', 'a client of ioredis (4 or later) or of node-redis (4 or later)', client);
  }
  if ('url' in rest) {
    throw new TypeError(
      'Expected `url` not to be given beside `client`: with `duplicate: true` give `host`, `port`, `db` and `password`',
    );
  }
  if (duplicate) return duplicateOf(client, rest);
  if (!('db' in rest)) return connection(client, false);
  throw new TypeError(
    'Expected `db` not to be given beside `client`: it would change the database of your client. Add `duplicate: true`, or select it there.',
  );
}

/** Credentials beside `nodes` are meant for each of them. */
function forCluster(options: ClusterOptions | undefined, { username, password }: Record<string, unknown>): object {
  return { ...options, redisOptions: { ...withoutEmpty({ username, password }), ...options?.redisOptions } };
}

function connection(client: RedisClient, isOwn: boolean): RedisConnection {
  return { client, driver: isNodeRedis(client) ? nodeRedisDriver(client) : ioRedisDriver(client), isOwn };
}

function duplicateOf(client: RedisClient, overrides: Record<string, unknown>): RedisConnection {
  if (!isNodeRedis(client)) return connection(duplicateOfIoRedis(client, overrides), true);
  const twin = client.duplicate(inNodeRedisWords(client, overrides));
  // Its failures are told by its events.
  twin.connect().catch(() => undefined);
  return connection(twin, true);
}

/** A Cluster takes its nodes first, and keeps what concerns each connection apart. */
function duplicateOfIoRedis(client: IoRedisClient, overrides: Record<string, unknown>): IoRedisClient {
  if (!client.isCluster) return client.duplicate(overrides);
  return client.duplicate([], { redisOptions: { ...client.options?.redisOptions, ...overrides } });
}

/** node-redis keeps the address in `socket`. Its url, and the credentials that it took from there, would win over what is given here. */
function inNodeRedisWords(client: NodeRedisClient, overrides: Record<string, unknown>): object {
  const { db, host, port, path, ...others } = overrides;
  const address = path === undefined ? withoutEmpty({ host, port }) : { path };
  const { path: oldPath, ...socket } = client.options?.socket ?? {};
  return {
    ...others,
    ...(client.options?.url === undefined ? {} : { url: undefined }),
    ...(db === undefined ? {} : { database: db }),
    ...(Object.keys(address).length === 0 ? {} : { socket: { ...socket, ...address } }),
    ...('username' in others || 'password' in others ? { credentialsProvider: undefined } : {}),
  };
}

/** An option that is not given must not hide the one of a url or of a client. */
function withoutEmpty(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

function requireIoRedis(): IoRedisConstructor {
  try {
    return require('ioredis') as IoRedisConstructor;
  } catch (cause) {
    // One that is there and fails has reasons of its own.
    if ((cause as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new TypeError(
      'redisStore() needs ioredis to connect: run `npm install ioredis`, or give it a `client` of yours.',
      { cause },
    );
  }
}
