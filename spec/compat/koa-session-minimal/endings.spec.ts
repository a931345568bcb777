import { MemoryStore, type SwapResult } from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import { driverOf } from '../../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { MapClient } from '../../helpers/stores/map-client';
import { gate } from '../../helpers/time/gate';
import { openMinimal, ours, type Routes } from './site';

const logouts: Routes = {
  '/null': (ctx) => {
    ctx.session = null;
  },
  '/empty': (ctx) => {
    ctx.session = {};
  },
  '/delete': (ctx) => {
    delete (ctx as Partial<typeof ctx>).session;
  },
  '/keys': (ctx) => {
    for (const key of Object.keys(ctx.session)) delete ctx.session[key];
  },
};

/** Another process writes before each swap, so no swap finds what it expects. */
class ContestedStore extends MemoryStore {
  contested = false;

  override swap(key: string, record: string, ttl: number, expected: number): SwapResult<number> {
    const now = this.contested ? this.load(key) : undefined;
    if (now) super.swap(key, ` ${now.record}`, ttl, now.revision);
    return super.swap(key, record, ttl, expected);
  }
}

async function loggedIn(store: object, more: Routes = {}) {
  const site = await openMinimal(ours({ store: store as MapClient }), {
    ...logouts,
    '/login': (ctx) => {
      ctx.session.user = 'ann';
    },
    '/rotate': (ctx) => ctx.sessionHandler.regenerateId(),
    '/see': (ctx) => ctx.session,
    ...more,
  });
  const ann = site.visitor();
  await ann.go('/login');
  const see = async (cookie: string) => JSON.parse((await ann.go('/see', cookie)).text);
  const cookieOf = () => [...ann.cookies].map((pair) => pair.join('=')).join('; ');
  return { site, ann, see, cookieOf };
}

const stores: [string, () => object][] = [
  ['a client that compares', () => new MemoryStore()],
  ['a client that only gets, sets and destroys', () => new MapClient()],
];

describe.each(stores)('a session that a handler of koa-session-minimal ends, on %s,', (_name, newStore) => {
  it.each(Object.keys(logouts))('also ends if another request renews its id at the same time: %s', async (path) => {
    const [loaded, renewed] = [gate(), gate()];
    const { ann, see, cookieOf } = await loggedIn(newStore(), {
      '/slow': async (ctx) => {
        await ctx.session;
        loaded.open();
        await renewed.opened;
        await logouts[path]?.(ctx);
      },
    });
    const old = cookieOf();
    const logout = ann.go('/slow', old);
    await loaded.opened;
    await ann.go('/rotate', old);
    const renewedCookie = cookieOf();
    expect(await see(renewedCookie)).toEqual({ user: 'ann' });
    renewed.open();
    expect((await logout).status).toBe(200);
    expect([await see(old), await see(renewedCookie)]).toEqual([{}, {}]);
  });

  it('also ends if the logout comes with an id that was renewed before', async () => {
    const { ann, see, cookieOf } = await loggedIn(newStore());
    const old = cookieOf();
    await ann.go('/rotate', old);
    const renewedCookie = cookieOf();
    expect((await ann.go('/null', old)).status).toBe(200);
    expect(await see(renewedCookie)).toEqual({});
  });
});

it.each(Object.keys(logouts))('a logout of koa-session-minimal wins against a constant writer: %s', async (path) => {
  const store = new ContestedStore();
  const { ann, see, cookieOf } = await loggedIn(store);
  const cookie = cookieOf();
  store.contested = true;
  expect((await ann.go(path)).status).toBe(200);
  store.contested = false;
  expect(ann.cookies.size).toBe(0);
  expect(await see(cookie)).toEqual({});
});

describe('on a full Redis', () => {
  let redis: RedisServer;
  let client: ReturnType<ReturnType<typeof driverOf>['open']>;
  beforeAll(async () => {
    redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
    client = driverOf('ioredis5').open({ host: '127.0.0.1', port: redis.port });
  });
  afterEach(() => redis.command('CONFIG SET maxmemory 0'));
  afterAll(async () => {
    await driverOf('ioredis5').end(client);
    await redis.stop();
  });

  it.each(Object.keys(logouts))('a logout of koa-session-minimal works: %s', async (path) => {
    const { site, ann, see, cookieOf } = await loggedIn(redisStore({ client }));
    const cookie = cookieOf();
    await redis.command('CONFIG SET maxmemory 1');
    expect([(await ann.go(path)).status, site.errors]).toEqual([200, []]);
    await redis.command('CONFIG SET maxmemory 0');
    expect([ann.cookies.size, await see(cookie)]).toEqual([0, {}]);
  });
});
