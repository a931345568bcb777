import minimal from '../../../lib/koa-session-minimal';
import session from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import { endOf, type KoaRedis, koaRedis, untilReady } from '../../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { MapClient } from '../../helpers/stores/map-client';
import { type Make, type MinimalContext, openMinimal, ours, peer, type Routes, type Visitor } from './site';

const DAY = 24 * 60 * 60 * 1000;

const routes: Routes = {
  '/see': (ctx) => ctx.session,
  '/put': (ctx) => Object.assign(ctx.session, ctx['query']),
  '/nest': (ctx) => {
    Object.assign(ctx.session, {
      cart: { items: [{ id: 1 }], coupon: null },
      name: 'Zoë 🎈',
      cookie: { maxAge: 'data' },
    });
  },
  '/login': (ctx) => {
    ctx.sessionHandler.regenerateId();
    ctx.session.user = 'ann';
  },
  '/logout': (ctx) => {
    ctx.session = null;
  },
};

/** The store below both packages, which may use different clients. */
interface Shared {
  theirs: object;
  own: object;
  keys(): Promise<string[]>;
}

let redis: RedisServer;
let koaRedisClient: KoaRedis;
beforeAll(async () => {
  redis = await startRedis();
  koaRedisClient = koaRedis(redis);
  await untilReady(koaRedisClient);
});
afterAll(async () => {
  await endOf(koaRedisClient);
  await redis.stop();
});
beforeEach(() => redis.command('FLUSHALL'));

const redisKeys = async () => (await redis.command('KEYS *')).split(/\s+/).filter((word) => word.includes(':'));

const grounds: [string, (run: (shared: Shared) => Promise<void>) => Promise<void>][] = [
  [
    'a client in memory',
    async (run) => {
      const client = new MapClient();
      await run({ theirs: client, own: client, keys: async () => [...client.records.keys()] });
    },
  ],
  [
    'a MemoryStore',
    async (run) => {
      const client = new session.MemoryStore();
      await run({ theirs: client, own: client, keys: async () => [] });
    },
  ],
  ['koa-redis', (run) => run({ theirs: koaRedisClient, own: koaRedisClient, keys: redisKeys })],
  [
    'koa-redis and the Redis store of this package',
    async (run) => {
      const own = redisStore({ url: redis.url });
      try {
        await run({ theirs: koaRedisClient, own, keys: redisKeys });
      } finally {
        await own.close();
      }
    },
  ],
];

describe.each(grounds)('on %s', (_, withShared) => {
  const directions: [string, (shared: Shared) => { from: [Make, object]; to: [Make, object] }][] = [
    ['moves from koa-session-minimal', ({ theirs, own }) => ({ from: [peer, theirs], to: [ours, own] })],
    ['moves back to koa-session-minimal', ({ theirs, own }) => ({ from: [ours, own], to: [peer, theirs] })],
  ];

  it.each(directions)('a session %s, changes and ends there', async (_direction, sidesOf) => {
    await withShared(async (shared) => {
      const { from, to } = sidesOf(shared);
      const before = await openMinimal(from[0]({ store: from[1] }), routes);
      const after = await openMinimal(to[0]({ store: to[1] }), routes);
      const ann = before.visitor();
      await ann.go('/nest');
      const moved = after.visitor();
      give(ann, moved);

      const expected = JSON.parse((await ann.go('/see')).text);
      expect(expected).toMatchObject({ name: 'Zoë 🎈', cookie: { maxAge: 'data' } });
      expect(JSON.parse((await moved.go('/see')).text)).toEqual(expected);

      await moved.go('/put?a=1');
      expect(JSON.parse((await ann.go('/see')).text)).toEqual({ ...expected, a: '1' });

      await moved.go('/login');
      expect(JSON.parse((await ann.go('/see')).text)).toEqual({});
      give(moved, ann);
      expect(JSON.parse((await ann.go('/see')).text)).toEqual({ ...expected, a: '1', user: 'ann' });

      await moved.go('/logout');
      expect(JSON.parse((await ann.go('/see')).text)).toEqual({});
    });
  });
});

describe('records', () => {
  it.each([
    ['one day for a cookie that ends with the browser', undefined, DAY],
    ['the maxAge of the cookie', { maxAge: 60_000 }, 60_000],
    ['the maxAge that the cookie function returns', () => ({ maxAge: 120_000 }), 120_000],
  ])('live in Redis for %s', async (_, cookie, ttl) => {
    for (const make of [peer, ours]) {
      await redis.command('FLUSHALL');
      const site = await openMinimal(make({ store: koaRedisClient, cookie }), routes);
      const ann = site.visitor();
      await ann.go('/put?a=1');
      const key = `koa:sess:${ann.cookies.get('koa:sess')}`;
      expect(await redis.command(`GET ${key}`)).toBe('{"a":"1"}');
      expect(Math.ceil(Number(await redis.command(`PTTL ${key}`)) / 60_000) * 60_000).toBe(ttl);
    }
  });

  it('live as long as the cookie function says if two requests were stored together', async () => {
    const client = new session.MemoryStore();
    const set = jest.spyOn(client, 'swap');
    const site = await openMinimal(ours({ store: client, cookie: () => ({ maxAge: 30 * DAY }) }), routes);
    const ann = site.visitor();
    await ann.go('/put?a=1');
    await Promise.all(['b', 'c', 'd', 'e'].map((name) => ann.go(`/put?${name}=1`)));
    expect(JSON.parse((await ann.go('/see')).text)).toEqual({ a: '1', b: '1', c: '1', d: '1', e: '1' });
    expect(new Set(set.mock.calls.map(([, , ttl]) => ttl))).toEqual(new Set([30 * DAY]));
  });

  it('are shared by all middlewares with the same client', async () => {
    const client = new MapClient();
    const sites = [];
    for (let i = 0; i < 2; i += 1) sites.push(await openMinimal(ours({ store: client }), routes));
    const [ann, again] = sites.map((site) => site.visitor()) as [Visitor, Visitor];
    await ann.go('/put?a=1');
    give(ann, again);
    await Promise.all([ann.go('/put?b=1'), again.go('/put?c=1')]);
    expect(JSON.parse((await ann.go('/see')).text)).toEqual({ a: '1', b: '1', c: '1' });
  });

  it('keep what an application has under `cookie` in a session that moves while another request writes', async () => {
    const client = new session.MemoryStore();
    const mark = jest.spyOn(client, 'mark');
    const move = async (ctx: MinimalContext) => {
      ctx.session.moved = true;
      await ann.go('/put?a=1');
      ctx.sessionHandler.regenerateId();
    };
    const site = await openMinimal(ours({ store: client }), { ...routes, '/move': move });
    const ann = site.visitor();
    await ann.go('/nest');
    const before = JSON.parse((await ann.go('/see')).text);
    await ann.go('/move');
    expect(mark).toHaveBeenCalled();
    expect(JSON.parse((await ann.go('/see')).text)).toEqual({ ...before, a: '1', moved: true });
    expect(site.errors).toEqual([]);
  });

  it('may come from frozen clients, and from thunks', async () => {
    const records = new Map<string, string>();
    type Callback = (error: unknown, value?: unknown) => void;
    const store = Object.freeze({
      get: (key: string) => (callback: Callback) => callback(null, JSON.parse(records.get(key) ?? 'null')),
      set: (key: string, it: object) => (callback: Callback) => {
        records.set(key, JSON.stringify(it));
        callback(null);
      },
      destroy: (key: string) => (callback: Callback) => callback(null, records.delete(key)),
    });
    const ann = (await openMinimal(minimal({ store }), routes)).visitor();
    await ann.go('/nest');
    await ann.go('/put?a=1');
    expect(JSON.parse((await ann.go('/see')).text)).toMatchObject({ a: '1', cookie: { maxAge: 'data' } });
    expect([...records.values()].map((record) => JSON.parse(record).cookie)).toEqual([{ maxAge: 'data' }]);
  });

  it('are distinguished from anything but a session', async () => {
    const client = new session.MemoryStore();
    const ann = (await openMinimal(ours({ store: client }), routes)).visitor();
    await client.create('koa:sess:an-id', '"a text"', DAY);
    expect((await ann.go('/see', 'koa:sess=an-id')).text).toBe('{}');
  });
});

function give(from: Visitor, to: Visitor): void {
  to.cookies.clear();
  for (const [name, value] of from.cookies) to.cookies.set(name, value);
}
