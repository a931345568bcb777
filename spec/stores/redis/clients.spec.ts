import session, { Store } from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import type { IoRedisClient, NodeRedisClient } from '../../../lib/stores/redis/driver';
import { storeContract } from '../../../lib/testing';
import { startSentinel } from '../../helpers/redis/sentinel';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite, type Routes } from '../../helpers/sites/session-site';
import { until } from '../../helpers/time/until';
import { interop } from '../../interop';

const HOUR = 60 * 60 * 1000;
const host = '127.0.0.1';

interface NodeRedis {
  createClient(options?: object): NodeRedisClient;
  createClientPool(options: object, pool?: object): NodeRedisClient & { close(): Promise<void>; destroy(): void };
  createSentinel(options: object): NodeRedisClient & { close(): Promise<void> };
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('A RedisStore on ioredis-mock', () => {
  const Mock = interop('ioredis-mock') as new (options?: object) => IoRedisClient;
  let client: InstanceType<typeof Mock>;
  beforeAll(() => {
    client = new Mock();
  });
  afterAll(() => client.disconnect());

  it('serves a site: logins, parallel changes, `rolling`, and logouts', async () => {
    const use = session({ store: redisStore({ client }), rolling: true });
    const routes: Routes = {
      '/login': async (ctx) => {
        await ctx['regenerateSession']();
        (ctx['session'] as Record<string, unknown>)['user'] = 'ann';
      },
      '/rotate': (ctx) => ctx['regenerateSession']({ keepData: true }),
    };
    const site = await closedAfterTest(openSite({ use, routes }));
    const ann = site.visitor();
    await ann.get('/put?basket=1');
    await ann.get('/login');
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => ann.get(`/put?${name}=1`)));
    await ann.get('/rotate');
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', a: '1', b: '1', c: '1', d: '1' });
    await ann.get('/logout');
    expect((await ann.get('/see')).json()).toEqual({});
    expect(site.errors).toEqual([]);
  });

  it('recognises missing records', async () => {
    const store = redisStore({ client });
    expect(await store.swap('gone', '{}', HOUR, '{"a":1}')).toEqual({ ok: false, gone: true });
    expect([await store.touch('gone', HOUR), await store.load('gone', { ttl: true })]).toEqual([false, null]);
  });

  it('keeps long records, although its scripts compute no digests', async () => {
    const store = redisStore({ client });
    const long = JSON.stringify({ text: 'x'.repeat(5_000) });
    await store.create('long', long, HOUR);
    const { revision } = (await store.load('long')) as { revision: string };
    expect(await store.swap('long', '{"n":1}', HOUR, revision)).toMatchObject({ ok: true });
    expect(await store.swap('long', '{"n":2}', HOUR, revision)).toMatchObject({ ok: false, record: '{"n":1}' });
  });

  it('notices its end', async () => {
    const ended = new Mock();
    const store = redisStore({ client: ended });
    const said: string[] = [];
    for (const event of ['connect', 'disconnect'] as const) store.on(event, () => said.push(event));
    await until(() => said.length === 1);
    await ended.quit();
    await until(() => said.length === 2);
    expect([said, store.connected]).toEqual([['connect', 'disconnect'], false]);
  });
});

describe.each(['redis5', 'redis6'])('A RedisStore on a pool of %s', (name) => {
  const { createClientPool } = interop(name) as NodeRedis;
  const open = () => {
    const pool = createClientPool(
      { socket: { host, port: redis.port, reconnectStrategy: 20 } },
      { cleanupDelay: 3_600_000 },
    );
    pool.on('error', () => undefined);
    return pool;
  };
  let pool: ReturnType<typeof open>;
  beforeAll(async () => {
    pool = open();
    await pool.connect();
  });
  afterAll(() => {
    pool.destroy();
    clearTimeout(Reflect.get(Object.getPrototypeOf(pool), 'cleanupTimeout'));
  });

  const client = () => ({
    client: redisStore({ client: pool }),
    ttlLeft: async (key: string) => Number(await redis.command(`PTTL ${key}`)),
  });
  storeContract('keeps the contract:', client, { guarantee: 'compare-and-set' });

  it('serves a site, even while the pool is still connecting, and after Redis was away', async () => {
    const fresh = open();
    const connecting = fresh.connect();
    const site = await closedAfterTest(openSite({ use: session({ store: redisStore({ client: fresh }) }) }));
    const ann = site.visitor();
    expect((await ann.get('/put?user=ann')).status).toBe(200);
    await connecting;
    await redis.restart();
    expect((await ann.get('/put?user=bob')).status).toBe(200);
    fresh.destroy();
    clearTimeout(Reflect.get(Object.getPrototypeOf(fresh), 'cleanupTimeout'));
  });

  it('reports that it was never connected', async () => {
    const store = new Store(redisStore({ client: open() }));
    await expect(store.get('sid')).rejects.toThrow('the pool was never connected, or was closed: await pool.connect()');
    await store.close();
  });

  it('cannot be duplicated', () => {
    expect(() => redisStore({ client: pool, duplicate: true })).toThrow(
      new TypeError('Expected `duplicate` not to be given beside a pool: create another with `createClientPool`'),
    );
  });
});

it('A RedisStore works on a Sentinel client of node-redis 5 and 6', async () => {
  const topology = await startSentinel(60_000);
  const { sentinels: sentinelRootNodes, name: group } = topology.options;
  for (const name of ['redis5', 'redis6']) {
    const client = (interop(name) as NodeRedis).createSentinel({ name: group, sentinelRootNodes });
    client.on('error', () => undefined);
    await client.connect();
    const store = new Store(redisStore({ client }), { reconnectTimeout: 2_000 });
    await store.set('sid', { cookie: {}, user: name });
    expect(await store.get('sid')).toMatchObject({ user: name });
    await store.close();
    await client.close();
  }
  await topology.stop();
});

describe('The error for a refused `client` names what it lacks', () => {
  const words = 'Expected `client` to be a client of ioredis (4 or later) or of node-redis (4 or later), got ';
  it.each<[string, () => unknown, string]>([
    [
      'a client of node-redis 3',
      () => (interop('redis3') as NodeRedis).createClient({ port: redis.port }),
      'one without `disconnect`',
    ],
    [
      'a client of node-redis 4 whose commands call back',
      () => (interop('redis4') as NodeRedis).createClient({ legacyMode: true }),
      'one with `legacyMode`: create it without',
    ],
    ['a Map', () => new Map(), 'one without `del`, `eval`, `on`, `evalSha`'],
    ['a promise', () => Promise.resolve(), 'a promise'],
  ])('%s', (_what, make, got) => {
    const client = make() as object & { end?(flush: boolean): void };
    expect(() => redisStore({ client })).toThrow(new TypeError(words + got));
    client.end?.(false);
  });
});
