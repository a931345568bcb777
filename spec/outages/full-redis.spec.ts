import session from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { cookieOf, member } from '../helpers/requests/variant';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../helpers/sites/session-site';

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = 'bob';
  },
  '/rotate': async (ctx) => {
    (await sessionOf(ctx))['rotated'] = true;
    await ctx.regenerateSession({ keepData: true });
  },
  '/destroy': (ctx) => ctx.sessionHandler.destroy(),
};

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
});
afterEach(() => redis.command('CONFIG SET maxmemory 0'));
afterAll(() => redis.stop());

describe.each(['ioredis5', 'redis5'])('a full Redis, with %s', (name) => {
  const fill = () => redis.command('CONFIG SET maxmemory 1');

  async function siteWithAnn() {
    const client = driverOf(name).open({ host: '127.0.0.1', port: redis.port });
    const use = session({ store: redisStore({ client }) });
    const site = await closedAfterTest(openSite({ use, routes }));
    const ann = await member(site);
    const close = () => driverOf(name).end(client);
    return { site, ann, close, store: use.store, recordOf: (sid: string) => redis.command(`GET koa:sess:${sid}`) };
  }

  it.each(['/logout', '/destroy'])('still logs users out: %s', async (path) => {
    const { site, ann, close, recordOf } = await siteWithAnn();
    await fill();
    const reply = await ann.get(path);
    expect([reply.status, sentId(reply), site.errors]).toEqual([200, '', []]);
    expect(await recordOf(ann.sid)).toBe('');
    await close();
  });

  it('still ends all sessions of a Store', async () => {
    const { ann, close, recordOf, store } = await siteWithAnn();
    await fill();
    expect(await store.clear()).toBeGreaterThan(0);
    expect([await recordOf(ann.sid), await store.count()]).toEqual(['', 0]);
    await close();
  });

  it.each(['/login', '/rotate'])('fails %s, and leaves the old session unchanged', async (path) => {
    const { site, ann, close } = await siteWithAnn();
    await fill();
    const reply = await ann.get(path);
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors[0]?.message).toMatch(/OOM/);
    expect(await cookieOf(ann, site)).toBe(ann.sid);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    await redis.command('CONFIG SET maxmemory 0');
    expect(sentId(await ann.get(path))).toMatch(/./);
    await close();
  });
});
