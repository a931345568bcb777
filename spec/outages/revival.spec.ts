import { Store } from '../../lib/main';
import type { RedisStore } from '../../lib/redis';
import { redisStore } from '../../lib/redis';
import type { RedisClient } from '../../lib/stores/redis/driver';
import { type SilentProxy, startSilentProxy } from '../helpers/network/silent-proxy';
import { driverOf, drivers } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { ioRedisNames, redisStoreOn } from '../helpers/redis/store-on-driver';
import { until } from '../helpers/time/until';

const host = '127.0.0.1';
const quiet = { disconnectTimeout: 50, retryStrategy: () => 20 };
const session = (user: string) => ({ cookie: {}, user });

let redis: RedisServer;
let other: RedisServer;
let proxy: SilentProxy;
let target: () => number;
beforeAll(async () => {
  [redis, other] = await Promise.all([startRedis(), startRedis()]);
  proxy = await startSilentProxy(() => target());
});
beforeEach(() => {
  target = () => redis.port;
});
afterAll(async () => {
  await proxy.close();
  await Promise.all([redis, other].map((server) => server.stop()));
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  proxy.speak();
  for (const end of ends.splice(0).reverse()) await end();
});

const storeOn = async (client: RedisStore, timeout = 1000) => {
  const store = new Store(client, { timeout });
  const heard: string[] = [];
  for (const event of ['connect', 'disconnect'] as const) store.on(event, () => heard.push(event));
  ends.push(
    () => client.close(),
    () => store.close(),
  );
  await store.set('sid', session('ann'));
  return { store, heard };
};

/** The connections that redisStore opens. */
const own: [string, () => RedisStore][] = [
  ...ioRedisNames.map((name): [string, () => RedisStore] => [
    `with ${name}`,
    () => redisStoreOn(name).redisStore({ host, port: proxy.port, ...quiet }),
  ]),
  ...drivers.map((driver): [string, () => RedisStore] => [
    `as a duplicate of a client of ${driver.name}`,
    () => {
      const client: RedisClient = driver.open({ host, port: proxy.port });
      ends.push(() => driver.end(client));
      return redisStore({ client, duplicate: true });
    },
  ]),
];

type Opened = Awaited<ReturnType<typeof storeOn>>;
const codeOf = (error: Error & { code?: string }) => error.code ?? error.message;

/** Opens all of them; `fates` sends a command on each, and returns the results. */
const openAll = async () => {
  const all = await Promise.all(own.map(async ([how, open]) => ({ how, ...(await storeOn(open())) })));
  const fates = async (ask: (it: Opened) => Promise<unknown>) =>
    Object.fromEntries(await Promise.all(all.map(async (it) => [it.how, await ask(it).catch(codeOf)])));
  return { fates };
};
const same = (fate: unknown) => Object.fromEntries(own.map(([how]) => [how, fate]));
const userOf = async ({ store }: Opened) => (await store.get('sid'))?.['user'];

describe('A connection that redisStore opened', () => {
  it('is replaced after a call without an answer, if nothing else has arrived', async () => {
    const { fates } = await openAll();
    proxy.silence();
    expect(await fates(userOf)).toEqual(same('ERR_SESSION_STORE_TIMEOUT'));
    expect(await fates(userOf)).toEqual(same('ann'));
    expect(await fates(async ({ store }) => store.set('sid', session('bob')))).toEqual(same(undefined));
    expect(await fates(userOf)).toEqual(same('bob'));
  });

  it('is replaced if its server has become a replica, and no request fails', async () => {
    const { fates } = await openAll();
    // The address leads to the new primary, but who is connected stays connected.
    target = () => other.port;
    await redis.command(`REPLICAOF ${host} 1`);
    const change = async ({ store }: Opened) => {
      await Promise.all(['sid', 'more'].map((sid) => store.set(sid, session('bob'))));
      return store.get('sid').then((found) => found?.['user']);
    };
    expect(await fates(change)).toEqual(same('bob'));
    expect(JSON.parse(await other.command('GET koa:sess:sid'))).toMatchObject({ user: 'bob' });
    await redis.command('REPLICAOF NO ONE');
  });

  it('is not replaced with each request if the server stays a replica', async () => {
    const { fates } = await openAll();
    await redis.command(`REPLICAOF ${host} 1`);
    const before = proxy.connections;
    const change = ({ store }: Opened) =>
      store.set('sid', session('bob')).catch((error: Error) => error.message.slice(0, 8));
    expect(await fates(change)).toEqual(same('READONLY'));
    for (const _more of [1, 2, 3]) await fates(change);
    expect(proxy.connections - before).toBeLessThanOrEqual(own.length * 4);
    await redis.command('REPLICAOF NO ONE');
  });

  it('stays if the server is busy for a moment', async () => {
    const { store, heard } = await storeOn(redisStore({ host, port: proxy.port, ...quiet }), 100);
    heard.length = 0;
    const { client } = store.client as unknown as { client: { blpop(...args: unknown[]): Promise<unknown> } };
    const before = proxy.connections;
    // What comes behind it on the connection waits for its end.
    const blocked = client.blpop('nothing', 0.4);
    await expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' });
    await blocked;
    expect(await store.get('sid')).toMatchObject({ user: 'ann' });
    expect([proxy.connections - before, heard]).toEqual([0, []]);
  });

  it('is replaced if its server accepts connections and never answers', async () => {
    const { store, heard } = await storeOn(redisStore({ host, port: proxy.port, ...quiet, connectTimeout: 100 }), 100);
    heard.length = 0;
    proxy.silenceAll();
    await until(
      () =>
        heard.includes('disconnect') ||
        store.get('sid').then(
          () => false,
          () => false,
        ),
    );
    proxy.speak();
    await until(() => heard.includes('connect'));
    expect(await store.get('sid')).toMatchObject({ user: 'ann' });
  });
});

it('A client that was passed in is left alone', async () => {
  const client = driverOf('ioredis5').open({ host, port: proxy.port });
  ends.push(() => driverOf('ioredis5').end(client));
  const { store, heard } = await storeOn(redisStore({ client }), 100);
  heard.length = 0;
  const before = proxy.connections;
  proxy.silence();
  for (const _call of [1, 2, 3])
    await expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' });
  expect([proxy.connections - before, heard, store.status]).toEqual([0, [], 'available']);
});

describe('The options of docs/redis.md reconnect your own client', () => {
  const comesBack = async (client: RedisClient, end: () => unknown) => {
    ends.push(end);
    const { store } = await storeOn(redisStore({ client }), 2000);
    proxy.silence();
    await store.get('sid').catch(() => undefined);
    expect(await store.get('sid')).toMatchObject({ user: 'ann' });
    return store;
  };

  it.each(['ioredis5', 'ioredis6'])('of %s', async (name) => {
    const driver = driverOf(name);
    const reconnectOnError = (error: Error) => (error.message.includes('READONLY') ? 2 : false);
    const client = driver.open({ host, port: proxy.port }, { reconnectOnError, socketTimeout: 200 });
    const store = await comesBack(client, () => driver.end(client));
    target = () => other.port;
    await redis.command(`REPLICAOF ${host} 1`);
    await store.set('sid', session('bob'));
    await redis.command('REPLICAOF NO ONE');
    expect(await store.get('sid')).toMatchObject({ user: 'bob' });
  });

  it.each(['redis5', 'redis6'])('of %s', async (name) => {
    const driver = driverOf(name);
    const socket = { host, port: proxy.port, reconnectStrategy: 20, socketTimeout: 300 };
    const client = driver.open({ host, port: proxy.port }, { socket, pingInterval: 100 });
    await comesBack(client, () => driver.end(client));
  });
});
