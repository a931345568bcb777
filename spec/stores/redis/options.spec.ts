import { readFileSync } from 'node:fs';
import { type RedisConnectionOptions, type RedisStore, redisStore } from '../../../lib/redis';
import { forCluster } from '../../../lib/stores/redis/ioredis-options';
import { REDIS_OPTIONS } from '../../../lib/stores/redis/options';
import { driverOf } from '../../helpers/redis/drivers';
import { interop, interopPath } from '../../interop';

const password = 'hunter2';
const lazy = { lazyConnect: true };

const stores: RedisStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

/** What redisStore does with options that may be wrong: the store, which does not connect, and what the process was warned of. */
const given = (options: object) => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
  try {
    const store = redisStore({ ...lazy, ...options } as RedisConnectionOptions);
    stores.push(store);
    const warnings = emitWarning.mock.calls.map(([text, details]) => [(details as { code: string }).code, text]);
    return { store, warnings };
  } finally {
    emitWarning.mockRestore();
  }
};
const optionsOf = (options: object) => (given(options).store.client as { options?: object }).options;

describe('The options of redisStore', () => {
  it.each(['ioredis4', 'ioredis5', 'ioredis6'])('include all options of %s', (name) => {
    const ofType = (file: string, block = /.*/s) => {
      const text = block.exec(readFileSync(interopPath(`${name}/built/${file}.d.ts`), 'utf8'))?.[0];
      return [...String(text).matchAll(/^ {4}(\w+)\??: /gm)].map(([, option]) => option);
    };
    const defaults = ['redis/RedisOptions', 'cluster/ClusterOptions'].flatMap((file) =>
      Object.values(interop(`${name}/built/${file}`) as object).flatMap(Object.keys),
    );
    const declared =
      name === 'ioredis4'
        ? ['dropBufferSupport', 'sentinelTLS', 'commandTimeout']
        : [
            ...ofType('redis/RedisOptions'),
            ...ofType('cluster/ClusterOptions'),
            ...ofType('utils/Commander', /interface CommanderOptions \{[^}]*/),
            ...ofType('connectors/SentinelConnector/index', /interface SentinelConnectionOptions \{[^}]*/),
          ];
    expect(declared.length).toBeGreaterThan(2);
    expect(
      [...defaults, ...declared].filter((option) => !['redisOptions', ...REDIS_OPTIONS].includes(String(option))),
    ).toEqual([]);
  });

  it.each(REDIS_OPTIONS)('are refused if they have the wrong type: %s', (option) => {
    expect(() => given({ [option]: 5n })).toThrow(TypeError);
    expect(() => given({ [option]: 5n })).toThrow(/^Expected `\w+` to be .*, got /);
  });

  it.each<[object, string]>([
    [{ url: 5 }, 'Expected `url` to be a url, got a number'],
    [{ url: '' }, 'Expected `url` to be a url, got an empty string'],
    [{ host: '' }, 'Expected `host` to be a non-empty string, got `` (string)'],
    [{ port: Number.NaN }, 'Expected `port` to be a number from 1 to 65535, got `NaN` (number)'],
    [{ port: '63x' }, 'Expected `port` to be a number from 1 to 65535, got `63x` (string)'],
    [{ db: -1 }, 'Expected `db` to be the number of a database, from 0, got `-1` (number)'],
    [{ password: 12345 }, 'Expected `password` to be a string, got a number'],
    [{ retryStrategy: 100 }, 'Expected `retryStrategy` to be a function, got `100` (number)'],
    [{ tls: 1 }, 'Expected `tls` to be `true`, `false` or an object of options for TLS, got `1` (number)'],
    [{ socket: { host: 'h' } }, 'Expected `socket` to be a non-empty string, got an object'],
    [{ sentinels: [], name: 'a' }, 'Expected `sentinels` to be an array with at least one entry, got an array'],
    [
      { isRedisCluster: true, nodes: [7000], clusterOptions: { redisOptions: { connectTimeout: '5' } } },
      'Expected `clusterOptions.redisOptions.connectTimeout` to be a number, got `5` (string)',
    ],
  ])('%p are refused', (options, message) => {
    expect(() => given(options)).toThrow(new TypeError(message));
  });

  it.each<[object, string]>([
    [{ uri: 'redis://localhost' }, "does not know redisStore's option `uri`; did you mean `url`?"],
    [{ hots: 'redis.internal' }, "does not know redisStore's option `hots`; did you mean `host`?"],
    [{ retry_strategy: () => 1 }, "does not know redisStore's option `retry_strategy`; did you mean `retryStrategy`?"],
    [{ database: 3 }, "does not know redisStore's option `database`; did you mean `db`?"],
    [
      { prefix: 'shop:' },
      "does not know redisStore's option `prefix`; pass it to the middleware, `session({ prefix })`",
    ],
    [{ constructor: 1 }, "does not know redisStore's option `constructor`"],
    [
      { isRedisCluster: true, nodes: [1], clusterOptions: { slotRefreshTimeout: 1, redisOptions: { pasword: 'x' } } },
      "does not know redisStore's option `clusterOptions.slotRefreshTimeout`; did you mean `clusterOptions.slotsRefreshTimeout`?",
    ],
  ])('that are unknown cause a warning: %p', (options, text) => {
    expect(given(options).warnings[0]).toEqual(['KOA_EVENTED_SESSION_UNKNOWN_OPTION', `koa-evented-session ${text}`]);
  });

  it.each<[object, string]>([
    [{ url: undefined }, '`url: undefined` for redisStore, and connects to localhost:6379'],
    [{ url: null }, '`url: null` for redisStore, and connects to localhost:6379'],
    [{ host: undefined, port: 6380 }, '`host: undefined` for redisStore, and connects to localhost:6380'],
    [{ path: undefined }, '`path: undefined` for redisStore, and connects to localhost:6379'],
    [{ client: undefined }, '`client: undefined` for redisStore, and connects to localhost:6379'],
    [{ port: undefined }, '`port: undefined` for redisStore, and connects to localhost:6379'],
    [{ port: null }, '`port: null` for redisStore, and connects to localhost:6379'],
    [{ sentinels: undefined }, '`sentinels: undefined` for redisStore, and connects to localhost:6379'],
    [{ nodes: undefined }, '`nodes: undefined` for redisStore, and connects to localhost:6379'],
    [{ host: undefined, port: 6380 }, '`host: undefined` for redisStore, and connects to localhost:6380'],
  ])('that contain no address cause a warning: %p', (options, text) => {
    const { warnings } = given(options);
    expect(warnings).toEqual([['KOA_EVENTED_SESSION_NO_ADDRESS', expect.stringContaining(text)]]);
  });

  it.each<[object]>([
    [{}],
    [{ port: 6380 }],
    [{ url: undefined, host: 'redis.internal' }],
    [{ client: undefined, url: 'redis://redis.internal', port: undefined }],
    [{ host: undefined, sentinels: [{ host: 'a', port: 1 }], name: 'sessions' }],
    [{ password: undefined, tls: undefined, keyPrefix: 'app:' }],
    [{ isRedisCluster: false }],
  ])('that are correct cause none: %p', (options) => {
    expect(given(options).warnings).toEqual([]);
  });

  it.each<[string, object]>([
    [
      'redis://ann:pass%2Fword%401@redis.internal:6380/3',
      { host: 'redis.internal', port: 6380, username: 'ann', password: 'pass/word@1', db: 3 },
    ],
    ['redis://[::1]:6380', { host: '::1', port: 6380 }],
    ['rediss://:x@redis.internal', { host: 'redis.internal', port: 6379, password: 'x', tls: {} }],
    ['redis://redis.internal?family=6&db=2', { host: 'redis.internal', family: 6, db: 2 }],
  ])('accept the url %s', (url, options) => {
    expect(optionsOf({ url })).toMatchObject(options);
    expect(optionsOf({ url: new URL(url) })).toMatchObject(options);
  });

  const unusable = 'Expected `url` to be a url that begins with redis:// or rediss://, got one that cannot be used: ';
  it.each([
    'localhost:6379',
    '/tmp/redis.sock',
    `http://ann:${password}@localhost`,
    `redis://ann:${password}/word@localhost`,
    `redis://ann:${password}#word@localhost`,
    `redis://ann:${password}%zz@localhost`,
    `redis://ann:${password}@localhost/sessions`,
    `redis://ann:${password}@localhost:port`,
    `redis://localhost?password=${password}`,
    'redis://localhost?tls=true',
    'redis://localhost?db=two',
  ])('refuse the url %s, and do not show it', (url) => {
    expect(() => given({ url })).toThrow(TypeError);
    expect(() => given({ url })).toThrow(unusable);
    expect(() => given({ url })).not.toThrow(password);
  });

  const sentinels = [{ host: 'a', port: 26379 }];
  const client = driverOf('ioredis5').open({ host: 'localhost', port: 1 }, lazy);
  const clusterClient = driverOf('ioredis5').openCluster([{ host: 'localhost', port: 1 }], lazy);
  const nodeRedis = (interop('redis5') as { createClient(): object }).createClient();
  it.each<[string, object, string]>([
    [
      'a host beside a url',
      { url: 'redis://a', host: 'b' },
      '`host` not to be given beside `url`, which has the address',
    ],
    [
      'another password than in the url',
      { url: 'redis://:a@b', password: 'c' },
      '`password` not to be given in addition to the one in `url`',
    ],
    [
      'another database than in the url',
      { url: 'redis://b/1', db: 2 },
      '`db` not to be given in addition to the one in `url`',
    ],
    ['no TLS with rediss:', { url: 'rediss://a', tls: false }, '`tls` not to be `false` beside a `url` with rediss://'],
    ['an address beside a socket', { path: '/a', host: 'b', port: 1 }, '`host`, `port` not to be given beside `path`'],
    [
      'Sentinel options without Sentinels',
      { sentinelPassword: 'a', name: 'b' },
      '`name`, `sentinelPassword` not to be given without `sentinels`',
    ],
    ['Sentinels without a name', { sentinels }, '`name` to be the name that the Sentinels have for the primary'],
    [
      'a url beside Sentinels',
      { sentinels, name: 'a', url: 'redis://:b@c' },
      '`url` not to be given beside `sentinels`',
    ],
    [
      'a password in a Sentinel',
      { sentinels: [{ host: 'a', password: 'b' }], name: 'c' },
      '`password` not to be given in `sentinels[0]`',
    ],
    [
      'Sentinels as strings',
      { sentinels: ['a:1'], name: 'c' },
      '`sentinels[0]` to be an object with `host` and `port`',
    ],
    [
      'TLS that is turned off for Sentinels',
      { sentinels, name: 'a', tls: {}, enableTLSForSentinelMode: false },
      '`enableTLSForSentinelMode` not to be `false` beside `tls`',
    ],
    [
      'TLS for Sentinels without tls',
      { sentinels, name: 'a', enableTLSForSentinelMode: true },
      '`tls` to be given, since `enableTLSForSentinelMode` is `true`',
    ],
    [
      'options of a Cluster without one',
      { scaleReads: 'all', clusterOptions: {} },
      '`clusterOptions`, `scaleReads` not to be given without `isRedisCluster: true`',
    ],
    [
      'a host beside nodes',
      { isRedisCluster: true, nodes: [1], host: 'a' },
      '`host` not to be given with `isRedisCluster`: `nodes` have the addresses',
    ],
    [
      'a database of a Cluster',
      { isRedisCluster: true, nodes: [1], db: 3 },
      '`db` not to be given with `isRedisCluster`',
    ],
    [
      'retries that a Cluster does not make',
      { isRedisCluster: true, nodes: [1], retryStrategy: () => 1 },
      '`retryStrategy` not to be given with `isRedisCluster`: a Cluster has `clusterRetryStrategy`',
    ],
    [
      'the same in `clusterOptions`',
      { isRedisCluster: true, nodes: [1], clusterOptions: { redisOptions: { sentinels, name: 'a' } } },
      '`sentinels`, `name` not to be given with `isRedisCluster` in `clusterOptions.redisOptions`',
    ],
    [
      'TLS for some nodes',
      { isRedisCluster: true, nodes: ['rediss://a', 'redis://b', { host: 'c', tls: false }] },
      'all `nodes` to be encrypted, or none',
    ],
    [
      'an invalid node',
      { isRedisCluster: true, nodes: [null] },
      '`nodes[0]` to be a port, `host:port`, a url or an object',
    ],
    [
      'a node with an unknown option',
      { isRedisCluster: true, nodes: [{ hots: 'a', port: 1 }], password },
      '`hots` not to be given in `nodes[0]`',
    ],
    [
      'the database of a node, in its url',
      { isRedisCluster: true, nodes: ['redis://a/0', `redis://:${password}@b/3`] },
      '`nodes[1]` not to name the database 3: a Cluster has only database 0',
    ],
    [
      'the database of a node, in the url of an object',
      { isRedisCluster: true, nodes: [{ url: `redis://:${password}@b?db=3` }] },
      '`nodes[0].url` not to name the database 3',
    ],
    [
      'the database of a node, in an object',
      { isRedisCluster: true, nodes: [{ host: 'a', db: 3 }], password },
      '`nodes[0]` not to name the database 3',
    ],
    [
      'an option of the whole Cluster, in a node',
      { isRedisCluster: true, nodes: [{ host: 'a', retryStrategy: () => 1 }], password },
      '`retryStrategy` not to be given in `nodes[0]`: a Cluster has `clusterRetryStrategy`',
    ],
    [
      'a node without a host in its environment, but with a port',
      { isRedisCluster: true, nodes: [{ host: undefined, port: 7000 }], password },
      '`nodes[0].host` to be the host',
    ],
    ['a node without an address', { isRedisCluster: true, nodes: [{}], password }, '`nodes[0].host` to be the host'],
    [
      'a node without an address in its environment',
      { isRedisCluster: true, nodes: [{ host: undefined }], password },
      '`nodes[0].host` to be the host',
    ],
    [
      'a node with a url and a host',
      { isRedisCluster: true, nodes: [{ url: 'rediss://a', host: 'b' }] },
      '`host` not to be given beside `nodes[0].url`',
    ],
    ['an invalid port of a node', { isRedisCluster: true, nodes: [{ host: 'a', port: 'b' }] }, '`nodes[0].port` to be'],
    [
      'TLS beside the options of each connection',
      { isRedisCluster: true, nodes: ['a'], password, clusterOptions: { tls: {} } },
      '`tls` not to be given in `clusterOptions`',
    ],
    [
      'a Sentinel without a host',
      { sentinels: [{ host: undefined, port: 1 }], name: 'a' },
      '`sentinels[0].host` to be',
    ],
    [
      'a node without a host',
      { isRedisCluster: true, nodes: [':6379'], password },
      '`nodes[0]` to be a port, `host:port`, a url or an object',
    ],
    [
      'a node whose port is not a number',
      { isRedisCluster: true, nodes: [7000, 'a:b'], password },
      '`nodes[1]` to be a port, `host:port`, a url or an object',
    ],
    [
      'a node whose port is too high',
      { isRedisCluster: true, nodes: ['a:70000'], password },
      '`nodes[0]` to be a port, `host:port`, a url or an object',
    ],
    [
      'a node of IPv6 without brackets',
      { isRedisCluster: true, nodes: ['::1'], password },
      '`nodes[0]` to be a port, `host:port`, a url or an object',
    ],
    [
      'a node with a database',
      { isRedisCluster: true, nodes: ['a:7000/5'], password },
      '`nodes[0]` not to name the database 5',
    ],
    [
      'a port in a text that is too high',
      { isRedisCluster: true, nodes: ['70000'], password },
      '`nodes[0]` to be a number from 1 to 65535',
    ],
    [
      'an invalid port of a Sentinel',
      {
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 'c' },
        ],
        name: 'a',
      },
      '`sentinels[1].port` to be a number from 1 to 65535',
    ],
    [
      'an invalid url of a node',
      { isRedisCluster: true, nodes: [1, `http://:${password}@a`] },
      '`nodes[1]` to be a url that begins with redis:// or rediss://',
    ],
    ['`duplicate` of nothing', { duplicate: true }, '`client` to be given, since `duplicate` is `true`'],
    [
      'options beside a client',
      { client, host: 'a', tls: {} },
      '`host`, `tls`, `lazyConnect` not to be given beside `client`, which is used as it is: add `duplicate: true`',
    ],
    [
      'a Cluster from a single client',
      { client, duplicate: true, isRedisCluster: true, nodes: [1] },
      '`isRedisCluster`, `nodes` not to be given beside a `client` that is not a Cluster',
    ],
    [
      'Sentinel options for a client without',
      { client, duplicate: true, sentinelPassword: 'a' },
      '`sentinelPassword` not to be given beside a `client` without `sentinels`',
    ],
    [
      'an address for a Cluster',
      { client: clusterClient, duplicate: true, host: 'a' },
      '`host` not to be given with `isRedisCluster`',
    ],
    [
      'options of ioredis for node-redis',
      { client: nodeRedis, duplicate: true, connectTimeout: 5 },
      '`lazyConnect`, `connectTimeout` not to be given beside a `client` of node-redis',
    ],
  ])('are refused if they would have no effect: %s', (_what, options, message) => {
    expect(() => given(options)).toThrow(TypeError);
    expect(() => given(options)).toThrow(`Expected ${message}`);
    expect(() => given(options)).not.toThrow(password);
  });

  it('beside `nodes` apply to each node, and those of a Cluster to the Cluster', () => {
    const retry = () => 1;
    const each = {
      username: 'ann',
      password: 'x',
      tls: {},
      connectTimeout: 5,
      stringNumbers: true,
      maxRetriesPerRequest: null,
    };
    const ofCluster = { scaleReads: 'all', clusterRetryStrategy: retry, keyPrefix: 'app:', lazyConnect: true };
    const clusterOptions = { maxRedirections: 3, redisOptions: { password: 'y' } };
    const options = optionsOf({
      isRedisCluster: true,
      nodes: [1],
      ...each,
      ...ofCluster,
      clusterOptions,
      enableReadyCheck: false,
    });
    expect(options).toMatchObject({ ...ofCluster, maxRedirections: 3, enableReadyCheck: false });
    expect((options as { redisOptions: object }).redisOptions).toEqual({
      reconnectOnError: expect.any(Function),
      ...each,
      password: 'y',
      enableReadyCheck: false,
    });
  });

  it('in the url of a node also apply to the nodes that it finds', () => {
    const options = optionsOf({ isRedisCluster: true, nodes: [`rediss://ann:${password}@a:7000`] });
    expect(options).toMatchObject({ redisOptions: { username: 'ann', password, tls: {} } });
  });

  it.each<[string | URL, unknown]>([
    ['redis-1.internal', { host: 'redis-1.internal' }],
    ['redis-1.internal:7000', { host: 'redis-1.internal', port: 7000 }],
    ['7000', 7000],
    ['[::1]:7000', { host: '::1', port: 7000 }],
    [`ann:${password}@a:7000`, { host: 'a', port: 7000, username: 'ann', password }],
    [new URL('redis://a:7000'), { host: 'a', port: 7000 }],
  ])('accept the node %s', (node, address) => {
    expect(forCluster({ isRedisCluster: true, nodes: [node] }).nodes).toEqual([address]);
  });

  it('pass on `null` if it has a meaning for ioredis', () => {
    expect(optionsOf({ retryStrategy: null, maxRetriesPerRequest: null, host: null })).toMatchObject({
      retryStrategy: null,
      maxRetriesPerRequest: null,
      host: 'localhost',
    });
  });

  it('that override those of a client connect to the given place', () => {
    const duplicate = (more: object, options: object) => {
      const of = driverOf('ioredis5').open({ host: 'a', port: 1 }, { ...lazy, ...more });
      return optionsOf({ client: of, duplicate: true, ...options });
    };
    const behind = { sentinels, name: 'sessions' };
    expect(duplicate(behind, { host: 'b' })).toMatchObject({ host: 'b', sentinels: null });
    expect(duplicate(behind, { path: '/b' })).toMatchObject({ path: '/b', sentinels: null });
    expect(duplicate({ path: '/a' }, { port: 2 })).toMatchObject({ port: 2, path: null });
    expect(duplicate({ path: '/a' }, behind)).toMatchObject({ ...behind, path: null });
  });
});
