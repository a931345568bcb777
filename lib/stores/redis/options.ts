import { expectAbsent, expected, isGiven } from '../../base/expect';
import { warnOfUnknown } from '../../base/unknown-options';

/** The valid values of an option. */
interface Kind {
  is(value: unknown): boolean;
  /** Completes "Expected `host` to be …". */
  words: string;
  /** Whether the value must not appear in a message. */
  isSecret?: true;
}

type Kinds = Readonly<Record<string, Kind>>;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isMethod = (value: unknown) => typeof value === 'function';
const isText = (value: unknown) => typeof value === 'string';
const isFilled = (value: unknown) => typeof value === 'string' && value !== '';
/** Environment variables are strings. */
const isWhole = (value: unknown) =>
  typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^\d+$/.test(value);
const isFlag = (value: unknown) => typeof value === 'boolean';

const text: Kind = { is: isText, words: 'a string' };
const address: Kind = { is: isFilled, words: 'a non-empty string' };
const secret: Kind = { is: isText, words: 'a string', isSecret: true };
const number: Kind = { is: (value) => typeof value === 'number' && !Number.isNaN(value), words: 'a number' };
const flag: Kind = { is: isFlag, words: '`true` or `false`' };
const urlOfServer: Kind = {
  is: (value) => isFilled(value) || value instanceof URL,
  words: 'a url',
  isSecret: true,
};
const port: Kind = {
  is: (value) => isWhole(value) && Number(value) > 0 && Number(value) < 65_536,
  words: 'a number from 1 to 65535',
};
const database: Kind = {
  is: (value) => isWhole(value) && Number(value) >= 0,
  words: 'the number of a database, from 0',
};
const method: Kind = { is: (value) => isMethod(value) || value === false, words: 'a function' };
const object: Kind = { is: (value) => isObject(value) && !Array.isArray(value), words: 'an object' };
const objectOrMethod: Kind = { is: (value) => isObject(value) || isMethod(value), words: 'an object or a function' };
const list: Kind = { is: Array.isArray, words: 'an array' };
const filledList: Kind = {
  is: (value) => Array.isArray(value) && value.length > 0,
  words: 'an array with at least one entry',
};
/** A string names a profile of ioredis. */
const encryption: Kind = {
  is: (value) => isFlag(value) || isFilled(value) || object.is(value),
  words: '`true`, `false` or an object of options for TLS',
};

/** The address of one server. */
const ADDRESS: Kinds = {
  url: urlOfServer,
  host: address,
  port,
  path: address,
  socket: address,
};

const CREDENTIALS: Kinds = { username: text, password: secret, auth_pass: secret, pass: secret };

/** Options of this package and of koa-redis. */
const OWN: Kinds = {
  client: objectOrMethod,
  duplicate: flag,
  isRedisCluster: flag,
  nodes: list,
  clusterOptions: object,
};

/** Options of a connection in ioredis 4, 5 and 6. */
const CONNECTION: Kinds = {
  db: database,
  tls: encryption,
  Connector: method,
  retryStrategy: method,
  reconnectOnError: method,
  parser: objectOrMethod,
  connectionName: text,
  clientInfoTag: text,
  replyMapping: text,
  commandTimeout: number,
  blockingTimeout: number,
  blockingTimeoutGrace: number,
  socketTimeout: number,
  connectTimeout: number,
  disconnectTimeout: number,
  keepAlive: number,
  family: number,
  protocol: number,
  maxRetriesPerRequest: number,
  maxLoadingRetryTime: number,
  noDelay: flag,
  disableClientInfo: flag,
  autoResubscribe: flag,
  autoResendUnfulfilledCommands: flag,
  readOnly: flag,
  stringNumbers: flag,
  monitor: flag,
  offlineQueue: flag,
  commandQueue: flag,
  dropBufferSupport: flag,
  allowUsernameInURI: flag,
};

/** Options for Sentinels. */
const SENTINEL: Kinds = {
  sentinels: filledList,
  name: address,
  role: { is: (value) => value === 'master' || value === 'slave', words: "'master' or 'slave'" },
  sentinelUsername: text,
  sentinelPassword: secret,
  sentinelTLS: encryption,
  enableTLSForSentinelMode: flag,
  sentinelRetryStrategy: method,
  sentinelReconnectStrategy: method,
  sentinelCommandTimeout: number,
  sentinelMaxConnections: number,
  preferredSlaves: objectOrMethod,
  failoverDetector: flag,
  updateSentinels: flag,
};

/** Options of both its Cluster and a single connection. */
const SHARED: Kinds = {
  enableOfflineQueue: flag,
  enableReadyCheck: flag,
  enableAutoPipelining: flag,
  autoPipeliningIgnoredCommands: list,
  lazyConnect: flag,
  keyPrefix: text,
  showFriendlyErrorStack: flag,
  maxScriptsCachingTime: number,
  scripts: object,
  himportFieldsets: list,
  natMap: objectOrMethod,
};

/** Options of its Cluster only. */
const CLUSTER: Kinds = {
  clusterRetryStrategy: method,
  clusterNodeRetryStrategy: method,
  scaleReads: { is: (value) => isText(value) || isMethod(value), words: 'a string or a function' },
  maxRedirections: number,
  retryDelayOnFailover: number,
  retryDelayOnClusterDown: number,
  retryDelayOnTryAgain: number,
  retryDelayOnMoved: number,
  slotsRefreshTimeout: number,
  slotsRefreshInterval: number,
  shardedSubscribers: flag,
  useSRVRecords: flag,
  resolveSrv: method,
  dnsLookup: method,
};

const ALL: Kinds = { ...OWN, ...ADDRESS, ...CREDENTIALS, ...CONNECTION, ...SENTINEL, ...SHARED, ...CLUSTER };
const OF_CLUSTER: Kinds = { ...SHARED, ...CLUSTER, redisOptions: object };
const OF_CONNECTION: Kinds = { ...ADDRESS, ...CREDENTIALS, ...CONNECTION, ...SENTINEL, ...SHARED };

/** All known options. */
export const REDIS_OPTIONS: readonly string[] = Object.keys(ALL);
/** Options for Sentinels only. */
export const SENTINEL_OPTIONS: readonly string[] = Object.keys(SENTINEL);
/** Options of an entry of `nodes`. */
const OF_NODE: Kinds = { ...CONNECTION, url: urlOfServer, host: address, port, username: text, password: secret };

/** Options for a Cluster only. */
export const CLUSTER_OPTIONS: readonly string[] = Object.keys(CLUSTER);

/** Whether an option beside `nodes` belongs to the Cluster rather than to each connection. */
export function isOfCluster(name: string): boolean {
  return Object.hasOwn(OF_CLUSTER, name);
}

/** Names that other packages use, and what to use instead. */
const ADVICE: Readonly<Record<string, string>> = {
  uri: 'did you mean `url`?',
  database: 'did you mean `db`?',
  rootNodes: 'did you mean `nodes`?',
  ssl: 'did you mean `tls`?',
  prefix: 'pass it to the middleware, `session({ prefix })`',
  ttl: 'pass it to the middleware, `session({ ttl })`',
  reconnectStrategy: 'did you mean `retryStrategy`?',
};

/**
 * `null` and `undefined` mean "not given".
 *
 * @throws TypeError if an option has the wrong type. An unknown option only causes a process warning.
 */
export function checkRedisOptions(options: object): void {
  check(options, ALL, '');
  const { clusterOptions } = options as { clusterOptions?: { redisOptions?: object | null } | null };
  if (!isGiven(clusterOptions)) return;
  const misplaced = Object.keys(clusterOptions).filter((name) => {
    return Object.hasOwn(OF_CONNECTION, name) && !Object.hasOwn(OF_CLUSTER, name);
  });
  // ioredis would ignore them: without its `tls`, a password would be sent unencrypted.
  expectAbsent(clusterOptions, misplaced, 'in `clusterOptions`: set the options of each connection beside `nodes`');
  check(clusterOptions, OF_CLUSTER, 'clusterOptions.');
  if (isGiven(clusterOptions.redisOptions)) {
    check(clusterOptions.redisOptions, OF_CONNECTION, 'clusterOptions.redisOptions.');
  }
}

/** @throws TypeError if an option of a node has the wrong type or no effect. */
export function checkNode(name: string, node: object): void {
  const unknown = Object.keys(node).filter((option) => !Object.hasOwn(OF_NODE, option));
  expectAbsent(node, unknown, `in \`${name}\`, which takes \`url\`, or \`host\` and \`port\``);
  check(node, OF_NODE, `${name}.`);
}

/** @throws TypeError if the value is not a port; `null` and `undefined` mean "not given". */
export function checkPort(name: string, value: unknown): void {
  if (isGiven(value)) checkKind(name, port, value);
}

function check(options: object, kinds: Kinds, path: string): void {
  const given = Object.entries(options).filter(([, value]) => isGiven(value));
  for (const [name, value] of given) {
    if (Object.hasOwn(kinds, name)) checkKind(`${path}${name}`, kinds[name] as Kind, value);
  }
  warnOfUnknown(
    given.map(([name]) => name),
    { known: Object.keys(kinds), whose: "redisStore's option ", path, advice },
  );
}

function checkKind(name: string, kind: Kind, value: unknown): void {
  if (kind.is(value)) return;
  if (kind.isSecret) throw new TypeError(`Expected \`${name}\` to be ${kind.words}, got ${typeOf(value)}`);
  throw expected(name, kind.words, value);
}

/** Describes a value without showing it. */
function typeOf(value: unknown): string {
  if (value === '') return 'an empty string';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function advice(name: string): string | undefined {
  return Object.hasOwn(ADVICE, name) ? ADVICE[name] : undefined;
}
