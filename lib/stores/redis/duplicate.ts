import { expectAbsent, isGiven } from '../../base/expect';
import { isInDatabase } from './database';
import { reconnectOnDemotion } from './demotion';
import { type IoRedisClient, isNodeRedis, isPool, type NodeRedisClient, type RedisClient } from './driver';
import { encryptionBehindSentinels, forCluster } from './ioredis-options';
import { CLUSTER_OPTIONS, SENTINEL_OPTIONS } from './options';

type Options = Readonly<Record<string, unknown>>;

/**
 * Opens a connection like that of `client`, with other options overriding the client's.
 *
 * @throws TypeError if an option would have no effect.
 */
export function duplicateOf(client: RedisClient, overrides: Options): RedisClient {
  if (!isNodeRedis(client)) {
    return client.isCluster === true ? duplicateOfCluster(client, overrides) : duplicateOfIoRedis(client, overrides);
  }
  if (isPool(client)) {
    throw new TypeError('Expected `duplicate` not to be given beside a pool: create another with `createClientPool`');
  }
  const options = inNodeRedisWords(client, overrides);
  // Its queue would outlive a connection, and follow SELECT on the next one without waiting for the answer.
  const queue = isInDatabase({ ...client.options, ...options }) ? { disableOfflineQueue: true } : {};
  const twin = client.duplicate({ ...options, ...queue });
  // Failures are reported by its events.
  twin.connect().catch(() => undefined);
  return twin;
}

/** A Cluster takes its nodes as the first argument, and the options of each connection separately. */
function duplicateOfCluster(client: IoRedisClient, overrides: Options): IoRedisClient {
  const { nodes, options } = forCluster(overrides);
  const given = client.options?.redisOptions;
  return client.duplicate(nodes, {
    ...options,
    redisOptions: { ...given, ...demotionOf(given), ...options.redisOptions },
  });
}

/** If the client has its own `reconnectOnError`, keep it. */
function demotionOf(options: object | undefined): object {
  return typeof (options as { reconnectOnError?: unknown } | undefined)?.reconnectOnError === 'function'
    ? {}
    : reconnectOnDemotion();
}

function duplicateOfIoRedis(client: IoRedisClient, overrides: Options): IoRedisClient {
  expectAbsent(
    overrides,
    ['isRedisCluster', 'nodes', 'clusterOptions', ...CLUSTER_OPTIONS],
    'beside a `client` that is not a Cluster',
  );
  const has = (name: string) => isGiven(overrides[name]);
  // A socket would override an address, and Sentinels would override both.
  const elsewhere = {
    ...demotionOf(client.options),
    ...((has('host') || has('port')) && { path: null, sentinels: null }),
    ...(has('path') && { sentinels: null }),
    ...(has('sentinels') && { path: null }),
  };
  const { enableTLSForSentinelMode } = overrides;
  // The client's value may be ioredis' default.
  const merged: Options = { ...client.options, ...elsewhere, ...overrides, enableTLSForSentinelMode };
  if (!isGiven(merged['sentinels'])) {
    expectAbsent(overrides, SENTINEL_OPTIONS, 'beside a `client` without `sentinels`');
    return client.duplicate({ ...elsewhere, ...overrides });
  }
  const concerns = ['sentinels', 'tls', 'sentinelTLS', 'enableTLSForSentinelMode'].some(has);
  return client.duplicate({ ...elsewhere, ...overrides, ...(concerns && encryptionBehindSentinels(merged)) });
}

/** Options that have other names in node-redis. */
const TRANSLATED = ['db', 'host', 'port', 'path', 'username', 'password', 'tls'];

/**
 * node-redis keeps the address and TLS in `socket`. Its URL, and the credentials taken from it, would override the
 * given options.
 */
function inNodeRedisWords(client: NodeRedisClient, overrides: Options): object {
  const others = Object.keys(overrides).filter((name) => client.slots !== undefined || !TRANSLATED.includes(name));
  expectAbsent(
    overrides,
    others,
    'beside a `client` of node-redis: create one with `client.duplicate({ … })` and pass it as `client`',
  );
  const { db, host, port, path, tls, ...credentials } = overrides;
  const { path: oldPath, ...old } = client.options?.socket ?? {};
  const address = isGiven(path)
    ? { path }
    : { ...(isGiven(host) && { host }), ...(isGiven(port) && { port: Number(port) }) };
  const encryption = isGiven(tls) ? { ...(typeof tls === 'object' && tls), tls: tls !== false } : {};
  const isElsewhere = Object.keys(address).length > 0;
  return {
    ...credentials,
    ...(client.options?.url === undefined ? {} : { url: undefined }),
    ...(isGiven(db) ? { database: Number(db) } : {}),
    ...(isElsewhere || isGiven(tls)
      ? {
          socket: {
            ...old,
            ...(!isElsewhere && oldPath !== undefined && { path: oldPath }),
            ...address,
            ...encryption,
          },
        }
      : {}),
    ...('username' in credentials || 'password' in credentials ? { credentialsProvider: undefined } : {}),
  };
}
