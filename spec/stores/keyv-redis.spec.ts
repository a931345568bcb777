import { once } from 'node:events';
import { fromKeyv, type KeyvLike } from '../../lib/keyv';
import session, { type SessionOptions } from '../../lib/main';
import { storeContract } from '../../lib/testing';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../helpers/sites/session-site';
import { interop } from '../interop';

const HOUR = 60 * 60 * 1000;
const WEEK = 7 * 24 * HOUR;

type Opened = KeyvLike & { disconnect(): Promise<void> };
const { Keyv } = interop('keyv') as { Keyv: new (options: object) => Opened };
const { default: KeyvRedis, createKeyv } = interop('@keyv/redis') as {
  default: new (url: string, options?: object) => object;
  createKeyv(url: string, options?: object): Opened;
};

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** The two ways to create one, and the beginning of its keys. */
const makers: Record<string, { make(url: string): Opened; prefix: string }> = {
  'Keyv on a KeyvRedis': {
    make: (url) => new Keyv({ store: new KeyvRedis(url, { throwOnErrors: true }), throwOnErrors: true }),
    prefix: 'keyv::keyv:',
  },
  'createKeyv() of @keyv/redis': { make: (url) => createKeyv(url, { throwOnErrors: true }), prefix: '' },
};

describe.each(Object.entries(makers))('%s', (_name, { make, prefix }) => {
  let keyv: Opened;
  beforeAll(() => {
    keyv = make(redis.url);
  });
  afterAll(() => keyv.disconnect());
  const ttlLeft = async (key: string) => Number(await redis.command(`PTTL ${prefix}${key}`));

  storeContract('keeps the contract:', () => ({ client: fromKeyv(keyv), ttlLeft }));

  describe('keeps the sessions of a site', () => {
    const routes: Routes = {
      '/login': async (ctx) => {
        await ctx['regenerateSession']();
        (await sessionOf(ctx))['user'] = 'ann';
      },
      '/remember': async (ctx) => {
        (await sessionOf(ctx)).cookie.maxAge = WEEK;
      },
    };
    const siteOf = async (options: SessionOptions = {}) => {
      const use = session({ store: fromKeyv(keyv), ...options });
      const site = await openSite({ use, routes });
      const close = () => Promise.all([site.close(), use.close()]).then(() => undefined);
      await closedAfterTest(Promise.resolve({ ...site, close }));
      const ann = site.visitor();
      const key = `koa:sess:${sentId(await ann.get('/put?user=nobody'))}`;
      const see = async () => (await ann.get('/see')).json();
      return { site, ann, key, see };
    };

    it('in which users log in and out', async () => {
      const { site, ann, key, see } = await siteOf();
      const fresh = `koa:sess:${sentId(await ann.get('/login'))}`;
      expect(await see()).toEqual({ user: 'ann' });
      expect([await keyv.get(key), await keyv.get(fresh)]).toMatchObject([undefined, { user: 'ann' }]);
      const cookie = await ann.jar.getCookieString(site.url);
      await ann.get('/logout');
      expect(await keyv.get(fresh)).toBeUndefined();
      expect((await site.visitor().get('/see', { cookie })).json()).toEqual({});
    });

    it('for the lifetime of their cookies, counted from the last request with `rolling`', async () => {
      const { ann, key } = await siteOf({ cookie: { maxAge: 2 * HOUR }, rolling: true });
      expect(Math.round((await ttlLeft(key)) / HOUR)).toBe(2);
      await ann.get('/remember');
      expect(Math.round((await ttlLeft(key)) / HOUR)).toBe(WEEK / HOUR);
      await redis.command(`PEXPIRE ${prefix}${key} 60000`);
      await ann.get('/see');
      expect(Math.round((await ttlLeft(key)) / HOUR)).toBe(WEEK / HOUR);
    });

    it('and loses no changes of parallel requests', async () => {
      const { ann, see } = await siteOf({ rolling: true });
      const names = Array.from({ length: 20 }, (_, n) => `k${n}`);
      await Promise.all(names.flatMap((name) => [ann.get(`/put?${name}=1`), ann.get('/see')]));
      expect(await see()).toEqual({ user: 'nobody', ...Object.fromEntries(names.map((name) => [name, '1'])) });
    });

    it('and logs nobody out if Redis answers with an error', async () => {
      const { site, ann, key, see } = await siteOf();
      await redis.command(`RENAME ${prefix}${key} aside`);
      await redis.command(`LPUSH ${prefix}${key} 1`);
      const reply = await ann.get('/see');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_STORE', message: expect.stringContaining('WRONGTYPE') }]);
      await redis.command(`RENAME aside ${prefix}${key}`);
      expect(await see()).toEqual({ user: 'nobody' });
    });
  });
});

describe.each(Object.entries(makers))('%s whose Redis goes away', (_name, { make }) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('reports an outage to the application, and continues once Redis is back', async () => {
    const keyv = make(server.url);
    const sessions = session({ store: fromKeyv(keyv), reconnectTimeout: 50, timeout: 10_000 });
    // It connects with the first command.
    expect(sessions.store.status).toBe('available');
    await sessions.store.set('sid', { cookie: {}, user: 'ann' });
    const heard: string[] = [];
    for (const event of ['connect', 'disconnect'] as const) sessions.store.on(event, () => heard.push(event));

    const gone = once(sessions.store, 'disconnect');
    await server.kill('SIGKILL');
    await gone;
    await expect(sessions.store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_UNAVAILABLE' });

    const back = once(sessions.store, 'connect');
    await server.restart();
    await back;
    expect(await sessions.store.get('sid')).toBeUndefined();
    expect(heard).toEqual(['disconnect', 'connect']);
    await sessions.close();
    await keyv.disconnect();
  });
});
