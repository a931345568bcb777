import { expectAbsent, expected, isGiven } from '../../base/expect';
import { CLUSTER_OPTIONS, checkNode, checkPort, isOfCluster, SENTINEL_OPTIONS } from './options';
import { parseRedisUrl, type RedisAddress } from './url';

type Options = Readonly<Record<string, unknown>>;

/** A node of a Cluster, in ioredis' format. */
export type ClusterNode = string | number | (RedisAddress & { [option: string]: unknown });

const ADDRESS = ['host', 'port', 'path'] as const;

/**
 * The options of a connection to a single server, or to the primary behind Sentinels.
 *
 * @throws TypeError if an option would have no effect in ioredis.
 */
export function forServer(options: Options): object {
  expectAbsent(options, ['clusterOptions', ...CLUSTER_OPTIONS], 'without `isRedisCluster: true`');
  if (isGiven(options['sentinels'])) return forSentinels(options);
  expectAbsent(options, SENTINEL_OPTIONS, 'without `sentinels`');
  if (isGiven(options['path'])) expectAbsent(options, ['url', 'host', 'port'], 'beside `path`, which is a Unix socket');
  const { url, ...rest } = options;
  return isGiven(url) ? withUrl(url as string | URL, rest) : rest;
}

/** ioredis would use the URL and ignore the options beside it. */
function withUrl(url: string | URL, rest: Options): object {
  const address = parseRedisUrl('url', url);
  expectAbsent(rest, ADDRESS, 'beside `url`, which has the address');
  const twice = Object.keys(address).filter((name) => name !== 'tls' && rest[name] !== address[name as keyof object]);
  expectAbsent(rest, twice, 'in addition to the one in `url`: set only one of the two');
  if (address.tls !== undefined && rest['tls'] === false) {
    throw new TypeError('Expected `tls` not to be `false` beside a `url` with rediss://: give one with redis://');
  }
  return { ...address, ...rest };
}

function forSentinels(options: Options): object {
  expectAbsent(options, ['url', ...ADDRESS], 'beside `sentinels`, which know the address');
  if (!isGiven(options['name']))
    throw expected('name', 'the name that the Sentinels have for the primary', options['name']);
  for (const [at, sentinel] of (options['sentinels'] as unknown[]).entries())
    checkSentinel(`sentinels[${at}]`, sentinel);
  return { ...options, ...encryptionBehindSentinels(options) };
}

function checkSentinel(name: string, sentinel: unknown): void {
  if (typeof sentinel !== 'object' || sentinel === null) {
    throw expected(name, 'an object with `host` and `port`', typeof sentinel === 'string' ? 'a string' : sentinel);
  }
  const { host, port } = sentinel as { host?: unknown; port?: unknown };
  if (typeof host !== 'string' || host === '') throw expected(`${name}.host`, 'the host of a Sentinel', host);
  checkPort(`${name}.port`, port);
  const others = Object.keys(sentinel).filter((option) => !['host', 'port', 'family'].includes(option));
  expectAbsent(
    sentinel,
    others,
    `in \`${name}\`: set \`sentinelUsername\`, \`sentinelPassword\` and \`sentinelTLS\` beside \`sentinels\``,
  );
}

/**
 * ioredis ignores `tls` behind Sentinels, and talks to the Sentinels themselves unencrypted, passwords included. In
 * this package, `tls` applies to all of them.
 *
 * @throws TypeError if options contradict each other.
 */
export function encryptionBehindSentinels(options: Options): object {
  const { tls, sentinelTLS, enableTLSForSentinelMode: isWanted } = options;
  const isEncrypted = Boolean(tls);
  if (isGiven(isWanted) && isWanted !== isEncrypted) {
    throw new TypeError(
      isEncrypted
        ? 'Expected `enableTLSForSentinelMode` not to be `false` beside `tls`: leave one of them out'
        : 'Expected `tls` to be given, since `enableTLSForSentinelMode` is `true`: give `tls: {}`',
    );
  }
  const ofSentinels = isGiven(sentinelTLS) ? sentinelTLS : tls;
  return {
    ...(isEncrypted && { tls: tls === true ? {} : tls, enableTLSForSentinelMode: true }),
    sentinelTLS: ofSentinels === true ? {} : ofSentinels || undefined,
  };
}

const NODE = 'a port, `host:port`, a url or an object with `host` and `port`';

/** Options that no connection of a Cluster can use. */
const NOT_OF_NODE: readonly (readonly [names: readonly string[], why: string])[] = [
  [['retryStrategy'], 'a Cluster has `clusterRetryStrategy`'],
  [['readOnly'], 'a Cluster has `scaleReads`'],
];
const NOT_OF_CLUSTER: typeof NOT_OF_NODE = [
  [['url', ...ADDRESS], '`nodes` have the addresses'],
  [SENTINEL_OPTIONS, 'a Cluster has no Sentinels'],
  ...NOT_OF_NODE,
];

/**
 * The nodes and options of a Cluster. Options beside `nodes` apply to every node, and so do the credentials and
 * encryption of the nodes' URLs: ioredis also connects to nodes that it learns of later.
 *
 * @throws TypeError if an option would have no effect in the Cluster.
 */
export function forCluster(options: Options): { nodes: ClusterNode[]; options: { redisOptions: Options } } {
  const { isRedisCluster: _, nodes: given = [], clusterOptions, ...beside } = options;
  const { redisOptions, ...ofCluster } = (clusterOptions ?? {}) as { redisOptions?: Options };
  checkForCluster(beside, '');
  checkForCluster(redisOptions ?? {}, ' in `clusterOptions.redisOptions`');
  const told = (given as unknown[]).map((node, at) => nodeOf(`nodes[${at}]`, node));
  const entries = Object.entries(beside);
  // A Cluster checks whether all slots are served; each connection checks whether its server is loading.
  const isForEach = (name: string) => !isOfCluster(name) || name === 'enableReadyCheck';
  const each: Options = {
    ...credentialsOf(told),
    ...Object.fromEntries(entries.filter(([name]) => isForEach(name))),
    ...redisOptions,
  };
  return {
    nodes: told.map(withCommonEncryption),
    options: {
      ...Object.fromEntries(entries.filter(([name]) => isOfCluster(name))),
      ...ofCluster,
      redisOptions: { ...each, ...encryptionOf(told, each) },
    },
  };
}

function checkForCluster(options: Options, where: string): void {
  for (const [names, why] of NOT_OF_CLUSTER) expectAbsent(options, names, `with \`isRedisCluster\`${where}: ${why}`);
  if (Number(options['db'] ?? 0) !== 0) {
    expectAbsent(options, ['db'], `with \`isRedisCluster\`${where}: a Cluster has only database 0`);
  }
}

function nodeOf(name: string, node: unknown): ClusterNode {
  if (typeof node === 'number' && node > 0 && node < 65_536) return node;
  if (typeof node === 'string' && node !== '') return nodeOfText(name, node);
  if (node instanceof URL) return nodeOfUrl(name, node);
  if (typeof node === 'object' && node !== null && !Array.isArray(node)) return nodeOfObject(name, node as Options);
  throw expected(name, NODE, node);
}

/** If ioredis cannot parse a string, it connects to localhost, with the password. */
function nodeOfText(name: string, text: string): ClusterNode {
  if (text.includes('://')) return nodeOfUrl(name, text);
  if (/^\d+$/.test(text)) {
    checkPort(name, text);
    return Number(text);
  }
  if (!URL.canParse(`redis://${text}`)) throw new TypeError(`Expected \`${name}\` to be ${NODE}, got another string`);
  return nodeOfUrl(name, `redis://${text}`);
}

function nodeOfUrl(name: string, url: string | URL): ClusterNode & object {
  const { db, ...address } = parseRedisUrl(name, url);
  expectNoDatabase(name, db);
  return address;
}

/** @throws TypeError if a database other than 0 is given. */
function expectNoDatabase(name: string, db: unknown): void {
  if (Number(db ?? 0) === 0) return;
  throw new TypeError(`Expected \`${name}\` not to name the database ${Number(db)}: a Cluster has only database 0`);
}

/** ioredis accepts any object, and connects to localhost, with the password, if there is no address in it. */
function nodeOfObject(name: string, node: Options): ClusterNode {
  checkNode(name, node);
  for (const [names, why] of NOT_OF_NODE) expectAbsent(node, names, `in \`${name}\`: ${why}`);
  expectNoDatabase(name, node['db']);
  const { url, ...rest } = node;
  if (isGiven(url)) {
    expectAbsent(rest, ADDRESS, `beside \`${name}.url\`, which has the address`);
    return { ...nodeOfUrl(`${name}.url`, url as string | URL), ...rest } as ClusterNode;
  }
  // An unset environment variable would lead to this machine.
  const hasNone = ['url', 'host'].some((option) => option in node);
  if (!isGiven(rest['host']) && (hasNone || !isGiven(rest['port'])))
    throw expected(`${name}.host`, 'the host of a node', rest['host']);
  return { ...rest } as ClusterNode;
}

function credentialsOf(nodes: readonly ClusterNode[]): Options {
  const node = nodes.find((it) => typeof it === 'object' && isGiven(it.password));
  if (typeof node !== 'object') return {};
  const { username, password } = node;
  return isGiven(username) ? { username, password } : { password };
}

/** A URL's `tls`, which has no options, would override the options for all nodes. */
function withCommonEncryption(node: ClusterNode): ClusterNode {
  if (typeof node !== 'object' || node.tls === undefined || Object.keys(node.tls).length > 0) return node;
  const { tls: _, ...rest } = node;
  return rest;
}

/** @throws TypeError if only some connections would be encrypted: a password would be sent unencrypted. */
function encryptionOf(nodes: readonly ClusterNode[], each: Options): Options {
  const given = nodes.map((node) => (typeof node === 'object' ? node.tls : undefined));
  const common = each['tls'] ?? given.find((tls) => isGiven(tls));
  if (given.some((tls) => isGiven(tls) && Boolean(tls) !== Boolean(common))) {
    throw new TypeError(
      'Expected all `nodes` to be encrypted, or none: set `tls` beside `nodes`, or use rediss:// in the URL of each node',
    );
  }
  return common ? { tls: common === true ? {} : common } : {};
}
