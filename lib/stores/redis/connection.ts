import { expectAbsent, expected, isGiven } from '../../base/expect';
import { keepToDatabase } from './database';
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

/**
 * How to connect to Redis: the options of koa-redis and of ioredis. An unknown option causes a process warning; an
 * option that would have no effect throws a TypeError.
 */
export interface RedisConnectionOptions {
  /**
   * An existing client: ioredis or node-redis, version 4 or later, single server or Cluster. Close it yourself.
   * Default: a new ioredis client.
   */
  client?: object | null | undefined;
  /**
   * Whether to open a second connection like that of `client`, with the other options overriding the client's. Default:
   * `false`.
   */
  duplicate?: boolean | undefined;
  /** The address as a URL, `redis://user:password@host:port/db`; `rediss:` for TLS. Default: not given. */
  url?: string | URL | undefined;
  /** The host. Default: `'localhost'`. */
  host?: string | undefined;
  /** The port. Default: 6379. */
  port?: number | undefined;
  /** The path of a Unix socket, instead of `host` and `port`. Default: not given. */
  path?: string | undefined;
  /** Older name of `path`. */
  socket?: string | undefined;
  /** Number of the database; a Cluster has only database 0. Default: 0. */
  db?: number | undefined;
  /**
   * Whether to encrypt every connection: to the server, to all nodes of a Cluster, to Sentinels and their primary. An
   * object holds options of Node's `tls.connect`. Default: `false`, or `true` for a `rediss:` URL.
   */
  tls?: boolean | object | string | undefined;
  /** The ACL user. Default: not given. */
  username?: string | undefined;
  /** The password. Default: not given. */
  password?: string | undefined;
  /** Older name of `password`. */
  auth_pass?: string | undefined;
  /** Older name of `password`. */
  pass?: string | undefined;
  /** The Sentinels to ask for the primary. Default: not given, no Sentinels. */
  sentinels?: readonly { host: string; port: number }[] | undefined;
  /** The Sentinels' name of the primary's group. Default: not given. */
  name?: string | undefined;
  /** The password of the Sentinels. Default: not given. */
  sentinelPassword?: string | undefined;
  /**
   * Whether to encrypt the connections to the Sentinels too; an object holds separate options for them. Default: as
   * `tls`.
   */
  sentinelTLS?: boolean | object | string | undefined;
  /** Whether `nodes` belong to a Redis Cluster. Default: `false`. */
  isRedisCluster?: boolean | undefined;
  /**
   * Some nodes of the Cluster, which lead to the others: ports, `'host:port'`, URLs or objects. Options given beside
   * `nodes` apply to each node. Default: none.
   */
  nodes?: readonly (string | number | URL | { url?: string | URL; host?: string; port?: number })[] | undefined;
  /** Options of ioredis' Cluster. Default: not given. */
  clusterOptions?: ClusterOptions | undefined;
  [option: string]: unknown;
}

/** Options of ioredis' Cluster. */
export interface ClusterOptions {
  /** Options of each connection, which override those beside `nodes`. Default: none. */
  redisOptions?: object | undefined;
  [option: string]: unknown;
}

/** A connection, and whether this package opened it and must close it. */
export interface RedisConnection {
  client: RedisClient;
  driver: RedisDriver;
  isOwn: boolean;
  /** Call it when a call has had no answer for that many milliseconds. */
  unanswered?(ms: number): void;
}

interface IoRedisConstructor {
  new (options: object): IoRedisClient;
  Cluster: new (nodes: readonly unknown[], options?: object) => IoRedisClient;
}

/**
 * @throws TypeError if the client is of an unknown kind, an option has the wrong type or no effect, or ioredis is
 *   needed and not installed.
 */
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

/** @throws TypeError if an option is invalid. */
function checkOptions(options: unknown): void {
  const isUrl = options instanceof URL || (typeof options === 'string' && options.includes('://'));
  if (isUrl) throw new TypeError('Expected `options` to be an object, got a URL: pass it as `redisStore({ url })`');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw expected('options', 'an object', options);
  }
  if (isIoRedis(options) || isNodeRedis(options)) {
    throw new TypeError(
      'Expected `options` to be an object of options, got a client: pass it as `redisStore({ client })`',
    );
  }
  const { isRedisCluster, nodes, client } = options as RedisConnectionOptions;
  if (isGiven(client)) checkClient(client);
  if (isRedisCluster && !isGiven(client) && !(Array.isArray(nodes) && nodes.length > 0)) {
    throw expected('nodes', 'an array of at least one node, since `isRedisCluster` is true', nodes);
  }
  if (isGiven(nodes) && !isRedisCluster) {
    throw expected('isRedisCluster', '`true`, since `nodes` are given, which only a Cluster has', isRedisCluster);
  }
  checkRedisOptions(options);
}

/** @throws TypeError if the client is of an unknown kind. */
function checkClient(client: object): asserts client is RedisClient {
  const words = 'a client of ioredis (4 or later) or of node-redis (4 or later)';
  if (client instanceof Promise || (typeof client !== 'object' && typeof client !== 'function')) {
    throw expected('client', words, client);
  }
  const { legacyMode } = Object((client as { options?: unknown }).options) as { legacyMode?: unknown };
  if (legacyMode === true) {
    // Its commands answer by callback, so the store would never learn whether a record was stored.
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

/** The options that hold an address. */
const WHERE = ['url', 'host', 'path', 'socket', 'client', 'sentinels', 'nodes'] as const;

/** If an environment variable is unset, a Redis that happens to run on this machine would hide it. */
function warnOfMissingAddress(options: object, used: Record<string, unknown>): void {
  // A port alone means this machine.
  const missing = [...WHERE, 'port'].find((name) => name in options && !(name in used));
  if (missing === undefined || WHERE.some((name) => name in used)) return;
  process.emitWarning(
    `koa-evented-session got \`${missing}: ${(options as Record<string, unknown>)[missing]}\` for redisStore, and connects to localhost:${used['port'] ?? 6379}; set an address, or omit \`${missing}\``,
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
    'beside `client`: it would change the database of that client. Add `duplicate: true`, or select the database there.',
  );
  const unused = REDIS_OPTIONS.filter((name) => name !== 'isRedisCluster');
  expectAbsent(rest, unused, 'beside `client`, which is used as it is: add `duplicate: true`, or set it there');
  return connection(client, false);
}

function connection(client: RedisClient, isOwn: boolean): RedisConnection {
  if (!isNodeRedis(client)) {
    const driver = ioRedisDriver(client);
    if (isOwn) keepToDatabase(client);
    return isOwn ? { client, driver, isOwn, unanswered: watchSilence(client) } : { client, driver, isOwn };
  }
  if (!isOwn || client.slots !== undefined) return { client, driver: nodeRedisDriver(client), isOwn };
  const { asked, unanswered } = revival(client);
  return { client, driver: nodeRedisDriver(client, asked), isOwn, unanswered };
}

/** `null` is passed on if it has a meaning for ioredis, as in `retryStrategy: null`. */
const NULL_MEANS_NOT_GIVEN = ['url', 'host', 'port', 'path', 'db', 'tls', 'username', 'password', 'sentinels', 'name'];

/** An option that is not given must not override that of a URL or a client. */
function withoutEmpty(options: Record<string, unknown>): Record<string, unknown> {
  const isEmpty = (name: string, value: unknown) =>
    value === undefined || (value === null && NULL_MEANS_NOT_GIVEN.includes(name));
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => !isEmpty(name, value)));
}

function requireIoRedis(): IoRedisConstructor {
  try {
    return require('ioredis') as IoRedisConstructor;
  } catch (cause) {
    // If ioredis is installed but fails to load, report its own error.
    if ((cause as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new TypeError('redisStore() needs ioredis to connect: run `npm install ioredis`, or pass a `client`.', {
      cause,
    });
  }
}
