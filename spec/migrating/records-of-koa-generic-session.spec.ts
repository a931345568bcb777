import type Koa from 'koa';
import predecessor from 'koa-generic-session';
import session, { MemoryStore, type Session, type SessionStore } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { type Browser, browser } from '../helpers/http/serve';
import { endOf, type KoaRedis, koaRedis } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, type Site, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

const DAY = 24 * 60 * 60 * 1000;

/** Keeps the very objects it is given, as the predecessor's own memory store does. */
class ObjectClient implements SessionStore {
  readonly #sessions = new Map<string, Session>();
  get(key: string) {
    return this.#sessions.get(key);
  }
  set(key: string, it: Session) {
    this.#sessions.set(key, it);
  }
  destroy(key: string) {
    this.#sessions.delete(key);
  }
}

const cookieOf = async (ctx: Koa.Context) => (await sessionOf(ctx)).cookie;

const routes: Routes = {
  '/week': async (ctx) => {
    (await cookieOf(ctx)).maxAge = 7 * DAY;
  },
  '/month': async (ctx) => {
    (await cookieOf(ctx)).expires = new Date(Date.now() + 30 * DAY);
  },
  '/browser-session': async (ctx) => {
    (await cookieOf(ctx)).maxAge = null;
  },
  '/strict': async (ctx) => {
    Object.assign(await cookieOf(ctx), { sameSite: 'strict', httpOnly: false });
  },
  '/nested': async (ctx) => {
    Object.assign(await sessionOf(ctx), { cart: { items: [{ id: 1 }], coupon: null }, name: 'Zoë 🎈' });
  },
  '/renew': (ctx) => ctx['regenerateSession'](),
};

/** Days until the cookie ends, by the reply's Set-Cookie; undefined for one that ends with the browser. */
function daysOf(reply: Awaited<ReturnType<Browser['get']>>): number | undefined {
  const line = setCookieOf(reply, 'sid');
  if (line === undefined) throw new Error('The reply has no Set-Cookie');
  const [, date] = /expires=([^;]+)/i.exec(line) ?? [];
  return date === undefined ? undefined : Math.round((Date.parse(date) - Date.now()) / DAY);
}

/** koa-generic-session would end the process ten seconds after the disconnect. */
function endBeside(client: KoaRedis): Promise<void> {
  client.removeAllListeners('disconnect');
  return endOf(client);
}

/** What a handler may set, the route that does, and for how many days the cookie lives then. */
const lifetimes: [string, string, number | undefined][] = [
  ['maxAge', '/week', 7],
  ['expires', '/month', 30],
  ['maxAge of null', '/browser-session', undefined],
];

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** What both use, or what the predecessor uses, and `own` what this package uses on the same records. */
interface Shared {
  client: SessionStore;
  own?: SessionStore;
  end?: () => Promise<void>;
}

const sharedClients: [string, () => Shared][] = [
  [
    'koa-redis',
    () => {
      const client = koaRedis(redis);
      return { client, end: () => endBeside(client) };
    },
  ],
  [
    'koa-redis, with the RedisStore here',
    () => {
      const client = koaRedis(redis);
      const own = redisStore({ host: '127.0.0.1', port: redis.port });
      return { client, own, end: () => Promise.all([endBeside(client), own.close()]).then(() => undefined) };
    },
  ],
  ['a client that keeps JSON', () => ({ client: new MapClient() })],
  ['a client that keeps objects', () => ({ client: new ObjectClient() })],
  ['a MemoryStore', () => ({ client: new MemoryStore() })],
];

describe.each(sharedClients)('Beside koa-generic-session on %s', (_name, share) => {
  let shared: ReturnType<typeof share>;
  let old: Site;
  let young: Site;
  let inOld: Browser;
  let inYoung: Browser;

  beforeEach(async () => {
    shared = share();
    const options = { key: 'sid', prefix: 'app:' };
    const keys = ['a key of both'];
    old = await closedAfterTest(openSite({ use: predecessor({ ...options, store: shared.client }), keys, routes }));
    young = await closedAfterTest(
      openSite({ use: session({ ...options, store: shared.own ?? shared.client }), keys, routes }),
    );
    // One visitor: cookies do not distinguish ports.
    inOld = old.visitor();
    inYoung = browser(young.url, inOld.jar);
  });
  afterEach(async () => {
    await shared.end?.();
  });

  const see = async (visitor: Browser) => (await visitor.get('/see')).json();

  describe('a session of koa-generic-session', () => {
    it('continues in this package', async () => {
      await inOld.get('/put?user=ann');
      expect(await see(inYoung)).toEqual({ user: 'ann' });
      expect(young.heard).toEqual([]);
    });

    it('can be changed by either package, and is read by both', async () => {
      await inOld.get('/nested');
      await inYoung.get('/put?young=1');
      await inOld.get('/put?old=1');
      const data = { cart: { items: [{ id: 1 }], coupon: null }, name: 'Zoë 🎈', young: '1', old: '1' };
      expect([await see(inOld), await see(inYoung)]).toEqual([data, data]);
    });

    it('ends in both when this package ends it', async () => {
      await inOld.get('/put?user=ann');
      const held = await inOld.jar.getCookieString(old.url);
      await inYoung.get('/logout');
      expect(await inOld.jar.getCookieString(old.url)).toBe('');
      expect((await old.visitor().get('/see', { cookie: held })).json()).toEqual({});
    });

    it('cannot be used under its old id after this package has regenerated it', async () => {
      await inOld.get('/put?user=ann');
      const held = await inOld.jar.getCookieString(old.url);
      await inYoung.get('/renew');
      await inYoung.get('/put?user=bob');
      expect((await old.visitor().get('/see', { cookie: held })).json()).toEqual({});
      expect([await see(inOld), await see(inYoung)]).toEqual([{ user: 'bob' }, { user: 'bob' }]);
    });

    it.each(lifetimes)('keeps the %s that a handler has set, in either package', async (_attribute, path, days) => {
      await inOld.get('/put?user=ann');
      await inOld.get(path);
      expect(daysOf(await inYoung.get('/put?step=1'))).toBe(days);
      expect(daysOf(await inOld.get('/put?step=2'))).toBe(days);
      expect(daysOf(await inYoung.get('/put?step=3'))).toBe(days);
      expect(await see(inYoung)).toEqual({ user: 'ann', step: '3' });
    });
  });

  describe('a session of this package', () => {
    it('continues in koa-generic-session', async () => {
      await inYoung.get('/put?user=ann');
      expect(await see(inOld)).toEqual({ user: 'ann' });
    });

    it('can be changed by either package, and is read by both', async () => {
      await inYoung.get('/nested');
      await inOld.get('/put?old=1');
      await inYoung.get('/put?young=1');
      const data = { cart: { items: [{ id: 1 }], coupon: null }, name: 'Zoë 🎈', old: '1', young: '1' };
      expect([await see(inOld), await see(inYoung)]).toEqual([data, data]);
    });

    it('ends in both when koa-generic-session ends it', async () => {
      await inYoung.get('/put?user=ann');
      const held = await inYoung.jar.getCookieString(young.url);
      await inOld.get('/logout');
      expect((await young.visitor().get('/see', { cookie: held })).json()).toEqual({});
      expect(young.events()).toContain('session:missed');
    });

    it('cannot be used under its old id after koa-generic-session has regenerated it', async () => {
      await inYoung.get('/put?user=ann');
      const held = await inYoung.jar.getCookieString(young.url);
      await inOld.get('/renew');
      await inOld.get('/put?user=bob');
      expect((await young.visitor().get('/see', { cookie: held })).json()).toEqual({});
    });

    it.each(lifetimes)('keeps the %s that a handler has set, in either package', async (_attribute, path, days) => {
      await inYoung.get('/put?user=ann');
      await inYoung.get(path);
      expect(daysOf(await inOld.get('/put?step=1'))).toBe(days);
      expect(daysOf(await inYoung.get('/put?step=2'))).toBe(days);
      expect(await see(inOld)).toEqual({ user: 'ann', step: '2' });
    });

    it('keeps the maxAge that a handler in koa-generic-session has set', async () => {
      await inYoung.get('/put?user=ann');
      expect(daysOf(await inOld.get('/week'))).toBe(7);
      expect(daysOf(await inYoung.get('/put?step=1'))).toBe(7);
    });

    it('keeps other attributes that a handler has set, in either package', async () => {
      await inYoung.get('/put?user=ann');
      await inYoung.get('/strict');
      for (const visitor of [inOld, inYoung]) {
        const line = setCookieOf(await visitor.get(`/put?step=${visitor === inOld}`), 'sid');
        expect(line).toMatch(/samesite=strict/i);
        expect(line).not.toMatch(/httponly/i);
      }
    });
  });
});

describe('Records in Redis', () => {
  let client: KoaRedis;
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    client = koaRedis(redis);
  });
  afterEach(() => endBeside(client));
  const onlyRecord = async () => {
    const key = await redis.command('RANDOMKEY');
    return { ttl: Number(await redis.command(`TTL ${key}`)), session: JSON.parse(await redis.command(`GET ${key}`)) };
  };

  it.each([
    ['koa-generic-session', predecessor as (options: object) => Koa.Middleware],
    ['this package', session as (options: object) => Koa.Middleware],
  ])('written by %s contain the session with its cookie, for the lifetime of the cookie', async (_name, make) => {
    const site = await closedAfterTest(openSite({ use: make({ store: client }), routes }));
    const visitor = site.visitor();
    await visitor.get('/put?user=ann');
    const first = await onlyRecord();
    await visitor.get('/week');
    const second = await onlyRecord();
    expect(first.session).toMatchObject({
      user: 'ann',
      cookie: { path: '/', httpOnly: true, overwrite: true, signed: true, maxAge: DAY },
    });
    expect([first.ttl, second.ttl].map((seconds) => Math.ceil(seconds / 86_400))).toEqual([1, 7]);
    expect(second.session.cookie.maxAge).toBe(7 * DAY);
  });
});
