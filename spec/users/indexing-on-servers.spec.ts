import { setTimeout as pause } from 'node:timers/promises';

import session = require('../../lib/main');

import { indexOf } from '../../lib/persistence/user-index';
import { redisStore } from '../../lib/redis';
import { browser } from '../helpers/http/serve';
import { type RedisCluster, startCluster } from '../helpers/redis/cluster';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { walkContract } from '../helpers/stores/walk-contract';
import { until } from '../helpers/time/until';

type Sessions = session.SessionMiddleware<string | undefined>;
type Client = session.SessionStore & { close(): unknown };

const HOUR = 60 * 60 * 1000;
const MANY = 2_000;
/** More than a page. */
const SOME = 1_200;
const user = ({ user: id }: session.Session) => id as string | undefined;

const routes: Routes = {
  '/login': async (ctx) => {
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
};

let redis: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster()]);
});
const ends: (() => unknown)[] = [];
afterEach(() => Promise.all(ends.splice(0).map((end) => end())));
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

/** Connects to a store that all other clients share. */
const stores: Record<string, () => () => Client | Promise<Client>> = {
  'a MemoryStore': () => {
    const store = new session.MemoryStore();
    return () => store;
  },
  'Redis with ioredis': () => () => redisStore({ host: '127.0.0.1', port: redis.port }),
  'Redis with node-redis': () => async () => {
    const driver = driverOf('redis6');
    const client = driver.open({ host: '127.0.0.1', port: redis.port });
    await until(() => driver.isReady(client));
    ends.push(() => driver.end(client));
    return redisStore({ client });
  },
  'a Redis Cluster with ioredis': () => () => redisStore({ isRedisCluster: true, nodes: cluster.addresses }),
  'a Redis Cluster with node-redis': () => async () => {
    const driver = driverOf('redis6');
    const client = driver.openCluster(cluster.addresses);
    await until(() => driver.isReady(client));
    ends.push(() => driver.end(client));
    return redisStore({ client });
  },
};

let prefixes = 0;

/** A middleware without `user`, and one with it that shares its records. */
async function deployed(
  connect: () => Client | Promise<Client>,
  options: session.SessionOptions<string | undefined> = {},
) {
  prefixes += 1;
  const prefix = `walk[${prefixes}]:`;
  const open = async (more: session.SessionOptions<string | undefined>): Promise<Sessions> => {
    const client = await connect();
    const opened = session({ store: client, prefix, ...options, ...more });
    if (!(client instanceof session.MemoryStore)) ends.push(() => client.close());
    return opened;
  };
  const old = await open({});
  const sessions = await open({ user });
  return { old, sessions, open: () => open({ user }) };
}

/** Stores so many sessions of ten users, and some of nobody. */
async function keep({ store }: Sessions, count: number) {
  await Promise.all(
    Array.from({ length: count }, (_, n) => store.set(`sid-${n}`, { cookie: { maxAge: HOUR }, user: `u${n % 10}` })),
  );
  for (let n = 0; n < 10; n += 1) await store.set(`nobody-${n}`, { cookie: { maxAge: HOUR }, n });
}

function countsOf(sessions: Sessions): Promise<number[]> {
  return Promise.all(Array.from({ length: 10 }, (_, n) => sessions.of(`u${n}`).count()));
}

const equal = (each: number) => Array.from({ length: 10 }, () => each);

describe.each(Object.entries(stores))('index() on %s', (_name, make) => {
  const connect = make();

  it('lists sessions that were stored before `user` was given', async () => {
    const { old, sessions } = await deployed(connect);
    const site = await closedAfterTest(openSite({ use: old, routes }));
    const [ann, bob, eve] = [site.visitor(), site.visitor(), site.visitor()];
    await ann.get('/login?user=ann');
    await bob.get('/login?user=bob');
    await eve.get('/login?user=eve');
    const now = await closedAfterTest(openSite({ use: sessions, routes }));
    const later = browser(now.url, eve.jar);
    await later.get('/put?n=1');
    expect(await sessions.of('eve').count()).toBe(1);
    await keep(old, MANY);
    expect(await sessions.of('ann').list()).toEqual([]);
    expect(await countsOf(sessions)).toEqual(equal(0));

    const progress: session.IndexProgress[] = [];
    const result = await sessions.index({ onProgress: (each) => progress.push(each) });
    expect(result).toEqual({ scanned: expect.any(Number), listed: expect.any(Number), skipped: 0 });
    expect(result.scanned).toBeGreaterThanOrEqual(MANY + 13);
    expect(result.listed).toBeGreaterThanOrEqual(MANY + 3);
    expect(result.scanned - result.listed).toBeLessThan(20);
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.at(-1)).toEqual({ ...result, cursor: undefined });

    expect(await countsOf(sessions)).toEqual(equal(MANY / 10));
    expect(await sessions.of('ann').list()).toHaveLength(1);
    expect(await sessions.of('ann').endAll()).toBe(1);
    expect(await sessions.of('u1').endAll()).toBe(MANY / 10);
    expect((await browser(now.url, ann.jar).get('/see')).json()).toEqual({});
    expect((await browser(now.url, bob.jar).get('/see')).json()).toEqual({ user: 'bob' });
    expect(await countsOf(sessions)).toEqual([MANY / 10, 0, ...equal(MANY / 10).slice(2)]);
  });
});

describe.each(Object.entries(stores))('a Store on %s', (_name, make) => {
  const connect = make();
  walkContract(async () => {
    const client = await connect();
    if (!(client instanceof session.MemoryStore)) ends.push(() => client.close());
    return client;
  });
});

const some = ['a MemoryStore', 'Redis with ioredis', 'a Redis Cluster with node-redis'];

describe.each(some)('index() on %s', (name) => {
  const connect = (stores[name] as () => () => Client | Promise<Client>)();

  it('goes on after it was aborted, in another process', async () => {
    const { old, sessions, open } = await deployed(connect);
    await keep(old, SOME);
    const abort = new AbortController();
    let cursor: string | undefined;
    let scanned = 0;
    const onProgress = (progress: session.IndexProgress) => {
      ({ cursor, scanned } = progress);
      abort.abort(new Error('enough'));
    };
    await expect(sessions.index({ signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect(scanned).toBeLessThan(SOME);
    expect((await countsOf(sessions)).reduce((sum, count) => sum + count)).toBeLessThan(SOME);
    const rest = await (await open()).index({ from: cursor });
    expect(rest.scanned).toBeLessThan(SOME + 10);
    expect(await countsOf(sessions)).toEqual(equal(SOME / 10));
  });

  it('runs beside logins, writes and logouts', async () => {
    const { old, sessions } = await deployed(connect);
    await keep(old, SOME);
    const site = await closedAfterTest(openSite({ use: sessions, routes }));
    let isDone = false;
    const indexing = sessions.index().finally(() => {
      isDone = true;
    });
    const visitors: number[] = [];
    for (let n = 0; !isDone || n < 5; n += 1) {
      const one = site.visitor();
      await one.get(`/login?user=v${n % 2}`);
      if (n % 3 === 0) await one.get('/logout');
      else visitors.push(n);
      await Promise.all([0, 1, 2, 3].map((m) => old.store.destroy(`sid-${10 * n + 10 * m}`)));
      await old.store.set(`sid-${SOME - 10 * n - 9}`, { cookie: { maxAge: HOUR }, user: 'other' });
      await pause(1);
    }
    await indexing;
    const kept = await Promise.all(
      Array.from({ length: SOME }, async (_, n) => (await old.store.get(`sid-${n}`))?.['user']),
    );
    const alive = (name: string) => kept.filter((each) => each === name).length;
    expect(await countsOf(sessions)).toEqual(Array.from({ length: 10 }, (_, n) => alive(`u${n}`)));
    expect(await sessions.of('v0').count()).toBe(visitors.filter((n) => n % 2 === 0).length);
    expect(await sessions.of('v1').count()).toBe(visitors.filter((n) => n % 2 === 1).length);
  });
});

it('index() on Redis mends an index that was lost', async () => {
  const client = redisStore({ host: '127.0.0.1', port: redis.port });
  ends.push(() => client.close());
  const sessions = session({ store: client, prefix: 'lost:', user, rolling: true });
  const site = await closedAfterTest(openSite({ use: sessions, routes }));
  const ann = site.visitor();
  await ann.get('/login?user=ann');
  expect(await sessions.of('ann').count()).toBe(1);
  const key = `lost:\u001fuser:${indexOf('ann')}`;
  const left = Number(await redis.command(`PTTL ${key}`));
  await redis.command(`DEL ${key}`);
  // The record's note says that it is listed, so that no request lists it again for now.
  await ann.get('/see');
  expect(await sessions.of('ann').count()).toBe(0);
  expect(await sessions.index()).toEqual({ scanned: 1, listed: 1, skipped: 0 });
  expect(await sessions.of('ann').count()).toBe(1);
  expect(Number(await redis.command(`PTTL ${key}`))).toBeGreaterThan(left - 10_000);
  expect(await sessions.of('ann').endAll()).toBe(1);
  expect((await ann.get('/see')).json()).toEqual({});
});
