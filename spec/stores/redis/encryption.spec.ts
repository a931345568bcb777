import { readFileSync } from 'node:fs';
import type { RedisConnectionOptions, RedisStore } from '../../../lib/redis';
import { redisStore } from '../../../lib/redis';
import { type Certificate, makeCertificate } from '../../helpers/network/certificate';
import { type Eavesdropper, eavesdrop } from '../../helpers/network/eavesdropper';
import { driverOf, drivers } from '../../helpers/redis/drivers';
import { freePort, type RedisServer, startRedis } from '../../helpers/redis/server';
import { ioRedisNames, redisStoreOn } from '../../helpers/redis/store-on-driver';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;
const host = '127.0.0.1';
const password = 'hunter2';
const credentials = { username: 'ann', password };
const quiet = { disconnectTimeout: 50, retryStrategy: () => 50 };
const quietCluster = { clusterOptions: { redisOptions: { disconnectTimeout: 50 } } };

/** The first byte of a handshake of TLS. */
const HANDSHAKE = 22;

const stores: RedisStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

describe('No password is sent unencrypted if TLS is requested', () => {
  let ear: Eavesdropper;
  let sentinel: Eavesdropper;
  beforeAll(async () => {
    ear = await eavesdrop();
    const primary = `*2\r\n$9\r\n${host}\r\n$${String(ear.port).length}\r\n${ear.port}\r\n`;
    const reply = (command: string) =>
      command.includes('get-master-addr') ? primary : command.includes('HELLO') ? '-ERR unknown command\r\n' : '*0\r\n';
    sentinel = await eavesdrop((asked) =>
      asked
        .split(/(?=^\*\d)/m)
        .map(reply)
        .join(''),
    );
  });
  afterAll(() => Promise.all([ear, sentinel].map((it) => it.close())));

  const ways: [string, () => RedisConnectionOptions][] = [
    [
      'beside `nodes`',
      () => ({ isRedisCluster: true, nodes: [{ host, port: ear.port }], tls: {}, ...credentials, ...quietCluster }),
    ],
    [
      'as `true` beside `nodes`',
      () => ({ isRedisCluster: true, nodes: [ear.port], tls: true, ...credentials, ...quietCluster }),
    ],
    [
      'in the url of a node',
      () => ({ isRedisCluster: true, nodes: [`rediss://ann:${password}@${host}:${ear.port}`], ...quietCluster }),
    ],
    [
      'in the url of a node that is an object',
      () => ({
        isRedisCluster: true,
        nodes: [{ url: `rediss://${host}:${ear.port}` }],
        ...credentials,
        ...quietCluster,
      }),
    ],
    [
      'in a node',
      () => ({ isRedisCluster: true, nodes: [{ host, port: ear.port, tls: {} }], ...credentials, ...quietCluster }),
    ],
    [
      'in `clusterOptions`',
      () => ({
        isRedisCluster: true,
        nodes: [{ host, port: ear.port }],
        ...credentials,
        clusterOptions: { redisOptions: { disconnectTimeout: 50, tls: {} } },
      }),
    ],
    ['beside host and port', () => ({ host, port: ear.port, tls: {}, ...credentials, ...quiet })],
    ['beside a url', () => ({ url: `redis://ann:${password}@${host}:${ear.port}`, tls: {}, ...quiet })],
    ['by a url', () => ({ url: `rediss://ann:${password}@${host}:${ear.port}`, ...quiet })],
    ['by a url in capitals', () => ({ url: `REDISS://ann:${password}@${host}:${ear.port}`, ...quiet })],
    [
      'behind Sentinels',
      () => ({
        sentinels: [{ host, port: sentinel.port }],
        name: 'sessions',
        tls: {},
        sentinelTLS: false,
        ...credentials,
        ...quiet,
      }),
    ],
    [
      'of the Sentinels',
      () => ({
        sentinels: [{ host, port: ear.port }],
        name: 'sessions',
        sentinelPassword: password,
        tls: {},
        ...quiet,
      }),
    ],
    [
      'of the Sentinels alone',
      () => ({
        sentinels: [{ host, port: ear.port }],
        name: 'sessions',
        sentinelPassword: password,
        sentinelTLS: true,
        ...quiet,
      }),
    ],
  ];
  describe.each(ioRedisNames)('with %s', (name) => {
    it.each(ways)('%s', async (_how, options) => {
      const heard = ear.heard();
      stores.push(redisStoreOn(name).redisStore(options()));
      expect((await heard)[0]).toBe(HANDSHAKE);
    });
  });

  it('but it is without TLS, on which the rest of this spec relies', async () => {
    const heard = ear.heard();
    stores.push(redisStore({ host, port: ear.port, password, ...quiet }));
    expect(String(await heard)).toContain(password);
  });

  it.each(drivers)('by `duplicate` of a client of $name', async (driver) => {
    const redis = await startRedis();
    const client = driver.open({ host, port: redis.port });
    await until(() => driver.isReady(client));
    const heard = ear.heard();
    const store = redisStore({ client, duplicate: true, host, port: ear.port, tls: {}, ...credentials });
    expect((await heard)[0]).toBe(HANDSHAKE);
    await store.close();
    await driver.end(client);
    await redis.stop();
  });

  it.each(['ioredis4', 'ioredis5', 'ioredis6'])('by `duplicate` of a Cluster of %s', async (name) => {
    const driver = driverOf(name);
    const client = driver.openCluster([{ host, port: ear.port }], {
      lazyConnect: true,
      redisOptions: { disconnectTimeout: 50 },
    });
    const heard = ear.heard();
    const store = redisStore({ client, duplicate: true, lazyConnect: false, tls: {}, ...credentials });
    expect((await heard)[0]).toBe(HANDSHAKE);
    await store.close();
    await driver.end(client);
  });

  it.each(['ioredis4', 'ioredis5', 'ioredis6'])('by `duplicate` of a client of %s behind Sentinels', async (name) => {
    const driver = driverOf(name);
    const client = driver.open(
      { host, port: sentinel.port },
      { lazyConnect: true, sentinels: [{ host, port: sentinel.port }], name: 'sessions' },
    );
    const heard = ear.heard();
    const options = { tls: {}, sentinelTLS: false, lazyConnect: false };
    const store = redisStore({ client, duplicate: true, ...options, ...credentials });
    expect((await heard)[0]).toBe(HANDSHAKE);
    await store.close();
    await driver.end(client);
  });
});

describe('Sessions are kept over TLS', () => {
  let certificate: Certificate;
  let redis: RedisServer;
  let cluster: RedisServer;
  let tls: { ca: string };
  const tlsPorts = new Map<RedisServer, number>();
  const start = async (...args: string[]) => {
    const tlsPort = await freePort();
    const server = await startRedis({
      args: [
        ...['--tls-port', String(tlsPort), '--tls-cert-file', certificate.cert, '--tls-key-file', certificate.key],
        ...['--tls-ca-cert-file', certificate.cert, '--tls-auth-clients', 'no', ...args],
      ],
    });
    tlsPorts.set(server, tlsPort);
    return server;
  };
  beforeAll(async () => {
    certificate = await makeCertificate();
    tls = { ca: readFileSync(certificate.cert, 'utf8') };
    const asCluster = [
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      'nodes.conf',
      '--cluster-announce-ip',
      host,
    ];
    const busPort = String(await freePort());
    [redis, cluster] = await Promise.all([
      start('--user', 'ann', 'on', `>${password}`, '~*', '+@all'),
      start(...asCluster, '--cluster-port', busPort, '--tls-cluster', 'yes'),
    ]);
    await cluster.command('CLUSTER ADDSLOTSRANGE 0 16383');
    await until(async () => (await cluster.command('CLUSTER INFO')).includes('cluster_state:ok'));
    await cluster.command(`CONFIG SET requirepass ${password}`);
  });
  afterAll(async () => {
    await Promise.all([redis, cluster].map((server) => server.stop()));
    await certificate.remove();
  });
  const keeps = async (store: RedisStore) => {
    stores.push(store);
    await store.set('sid', { cookie: {}, user: 'ann' }, HOUR);
    return (await store.get('sid'))?.['user'];
  };

  it.each(ioRedisNames)('with %s', async (name) => {
    const { redisStore } = redisStoreOn(name);
    const port = Number(tlsPorts.get(redis));
    expect(await keeps(redisStore({ host, port, tls, ...credentials }))).toBe('ann');
    expect(await keeps(redisStore({ url: `rediss://ann:${password}@${host}:${port}/3`, tls }))).toBe('ann');
    expect((await redis.info('keyspace'))['db3']).toMatch(/^keys=1,/);
  });

  it.each(drivers)('by `duplicate` of a client of $name that has none', async (driver) => {
    const client = driver.open({ host, port: redis.port });
    const port = Number(tlsPorts.get(redis));
    expect(await keeps(redisStore({ client, duplicate: true, port, tls, ...credentials }))).toBe('ann');
    await driver.end(client);
  });

  it.each(ioRedisNames)('on all nodes of a Cluster, of which one is named: %s', async (name) => {
    const nodes = [`rediss://:${password}@localhost:${tlsPorts.get(cluster)}`];
    const { redisStore } = redisStoreOn(name);
    expect(await keeps(redisStore({ isRedisCluster: true, nodes, tls, keyPrefix: `${name}:` }))).toBe('ann');
  });

  it('and not if the certificate of the server is not trusted', async () => {
    const store = redisStore({ host, port: Number(tlsPorts.get(redis)), tls: {}, ...quiet });
    stores.push(store);
    const reasons: unknown[] = [];
    store.on('error', (error) => reasons.push(error));
    await until(() => reasons.length > 0);
    expect(reasons[0]).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });
});
