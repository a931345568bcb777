import { expectAbsent, expected, isGiven } from '../../base/expect';
import { reconnectOnDemotion } from './demotion';
import {
  type IoRedisClient,
  ioRedisDriver,
  isIoRedis,
  isNodeRedis,
  missingMethods,
  nodeRedisDriver,
  type RedisClient,
  type RedisDriver,
} from './driver';
import { duplicateOf } from './duplicate';
import { forCluster, forServer } from './ioredis-options';
import { revival } from './node-redis-revival';
import { checkRedisOptions, REDIS_OPTIONS } from './options';
import { watchSilence } from './silence';

/** How to reach Redis: koa-redis' options, and those of ioredis. An unknown one is a process warning, and one that would not be used a TypeError. */
export interface RedisConnectionOptions {
  /** A client that you have: of ioredis or of node-redis, version 4 or later, single or Cluster. It stays yours to end. Default: one of ioredis is made. */
  client?: object | null | undefined;
  /** Make a connection of its own from `client`, with the other options laid over the client's. Default: `false`. */
  duplicate?: boolean | undefined;
  /** `redis://user:password@host:port/db`; `rediss:` for TLS. Default: not given. */
  url?: string | URL | undefined;
  /** The host. Default: `'localhost'`. */
  host?: string | undefined;
  /** The port. Default: 6379. */
  port?: number | undefined;
  /** A Unix socket, in place of `host` and `port`. Default: not given. */
  path?: string | undefined;
  /** The older name of `path`. */
  socket?: string | undefined;
  /** Number of the database; a Cluster has 0 alone. Default: 0. */
  db?: number | undefined;
  /**
   * Encrypts each connection: to the server, to all nodes of a Cluster, to Sentinels and their primary. An object has options of Node's
   * `tls.connect`. Default: `false`, or what the `url` says.
   */
  tls?: boolean | object | string | undefined;
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
  /** The password of the Sentinels. Default: not given. */
  sentinelPassword?: string | undefined;
  /** Whether the connections to the Sentinels are encrypted too, with options of their own if need be. Default: as `tls`. */
  sentinelTLS?: boolean | object | string | undefined;
  /** Whether `nodes` are those of a Redis Cluster. Default: `false`. */
  isRedisCluster?: boolean | undefined;
  /** Some nodes of the Cluster, from which it finds the others: ports, `'host:port'`, urls or objects. What is given beside it holds for each node. Default: none. */
  nodes?: readonly (string | number | { url?: string | URL; host?: string; port?: number })[] | undefined;
  /** What ioredis' Cluster is given. Default: not given. */
  clusterOptions?: ClusterOptions | undefined;
  [option: string]: unknown;
}

/** Options of ioredis' Cluster. */
export interface ClusterOptions {
  /** Options of each connection, which win over those beside `nodes`. Default: none. */
  redisOptions?: object | undefined;
  [option: string]: unknown;
}

/** A connection, and whether it was made here, so that it is ended here. */
export interface RedisConnection {
  client: RedisClient;
  driver: RedisDriver;
  isOwn: boolean;
  /** What to call once a call has had no answer for that many milliseconds. */
  unanswered?(ms: number): void;
}

interface IoRedisConstructor {
  new (options: object): IoRedisClient;
  Cluster: new (nodes: readonly unknown[], options?: object) => IoRedisClient;
}

/** @throws TypeError for a client of an unknown kind, for options of the wrong type or without use, and where ioredis is needed and not installed. */
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
  if (isGiven(client)) return connectionOf(client, duplicate === true, rest);
  if (duplicate === true) throw expected('client', 'given, since `duplicate` is `true`', client);
  const opened = newClient(requireIoRedis(), rest);
  warnOfMissingAddress(options, rest);
  return connection(opened, true);
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
  if (isGiven(client)) checkClient(client);
  if (isRedisCluster && !isGiven(client) && !(Array.isArray(nodes) && nodes.length > 0)) {
    throw expected('nodes', 'a list of one node at least, since `isRedisCluster` is true', nodes);
  }
  if (isGiven(nodes) && !isRedisCluster) {
    throw expected('isRedisCluster', '`true`, since `nodes` are given: they are those of a Cluster', isRedisCluster);
  }
  checkRedisOptions(options);
}

/** @throws TypeError */
function checkClient(client: object): asserts client is RedisClient {
  const words = 'a client of ioredis (4 or later) or of node-redis (4 or later)';
  if (client instanceof Promise || (typeof client !== 'object' && typeof client !== 'function')) {
    throw expected('client', words, client);
  }
  const { legacyMode } = Object((client as { options?: unknown }).options) as { legacyMode?: unknown };
  if (legacyMode === true) {
    // Its commands answer by callback, so that nothing would be known to be stored.
    throw new TypeError(`Expected \`client\` to be ${words}, got one with \`legacyMode\`: create it without`);
  }
  if (isIoRedis(client) || isNodeRedis(client)) return;
  const lacking = missingMethods(client)
    .map((name) => `\`${name}\``)
    .join(', ');
  throw new TypeError(`Expected \`client\` to be ${words}, got one without ${lacking}`);
}

function newClient(Redis: IoRedisConstructor, options: Record<string, unknown>): IoRedisClient {
  if (options['isRedisCluster'] !== true) {
    const { isRedisCluster: _, ...rest } = options;
    return new Redis({ ...reconnectOnDemotion(), ...forServer(rest) });
  }
  const { nodes, options: ofCluster } = forCluster(options);
  const redisOptions = { ...reconnectOnDemotion(), ...ofCluster.redisOptions };
  return new Redis.Cluster(nodes, { ...ofCluster, redisOptions });
}

/** What says where Redis is. */
const WHERE = ['url', 'host', 'path', 'socket', 'client', 'sentinels', 'nodes'] as const;

/** An environment variable that is not set would go unnoticed where a Redis happens to run on this machine. */
function warnOfMissingAddress(options: object, used: Record<string, unknown>): void {
  // A port alone is one of this machine.
  const missing = [...WHERE, 'port'].find((name) => name in options && !(name in used));
  if (missing === undefined || WHERE.some((name) => name in used)) return;
  process.emitWarning(
    `koa-evented-session got \`${missing}: ${(options as Record<string, unknown>)[missing]}\` for redisStore, and connects to localhost:${used['port'] ?? 6379}; give an address, or leave \`${missing}\` out`,
    { code: 'KOA_EVENTED_SESSION_NO_ADDRESS' },
  );
}

function connectionOf(client: object, duplicate: boolean, rest: Record<string, unknown>): RedisConnection {
  checkClient(client);
  expectAbsent(rest, ['url'], 'beside `client`: with `duplicate: true` give `host`, `port`, `db` and `password`');
  if (duplicate) return connection(duplicateOf(client, rest), true);
  expectAbsent(
    rest,
    ['db'],
    'beside `client`: it would change the database of your client. Add `duplicate: true`, or select it there.',
  );
  const unused = REDIS_OPTIONS.filter((name) => name !== 'isRedisCluster');
  expectAbsent(rest, unused, 'beside `client`, which is used as it is: add `duplicate: true`, or set it there');
  return connection(client, false);
}

function connection(client: RedisClient, isOwn: boolean): RedisConnection {
  if (!isNodeRedis(client)) {
    const driver = ioRedisDriver(client);
    return isOwn ? { client, driver, isOwn, unanswered: watchSilence(client) } : { client, driver, isOwn };
  }
  if (!isOwn || client.slots !== undefined) return { client, driver: nodeRedisDriver(client), isOwn };
  const { asked, unanswered } = revival(client);
  return { client, driver: nodeRedisDriver(client, asked), isOwn, unanswered };
}

/** Where `null` means something to ioredis it is passed on, as in `retryStrategy: null`. */
const NULL_MEANS_NOT_GIVEN = ['url', 'host', 'port', 'path', 'db', 'tls', 'username', 'password', 'sentinels', 'name'];

/** An option that is not given must not hide the one of a url or of a client. */
function withoutEmpty(options: Record<string, unknown>): Record<string, unknown> {
  const isEmpty = (name: string, value: unknown) =>
    value === undefined || (value === null && NULL_MEANS_NOT_GIVEN.includes(name));
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => !isEmpty(name, value)));
}

function requireIoRedis(): IoRedisConstructor {
  try {
    return require('ioredis') as IoRedisConstructor;
  } catch (cause) {
    // One that is there and fails has reasons of its own.
    if ((cause as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new TypeError(
      'redisStore() needs ioredis to connect: run `npm install ioredis`, or give your own `client`.',
      { cause },
    );
  }
}
