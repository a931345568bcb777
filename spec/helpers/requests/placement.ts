import type Koa from 'koa';
import mount from 'koa-mount';

import session = require('../../../lib/main');

import { answer, cookieHeader, dataOf, sentId, sessionOf } from '../sites/session-site';
import { countCalls, recordOf } from '../stores/open-clients';
import { casesIf, keyOf, member, siteOpener, type Variant } from './variant';

/**
 * The place of the middleware: among others, below a path, in a mounted application; and the names that it defines on
 * ctx.
 */
export function placementContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('ctx.sessionId', () => {
    records.it("is the visitor's id, existing or new", async () => {
      const site = await open(
        {},
        {
          '/id': async (ctx) => {
            (await sessionOf(ctx))['user'] = 'ann';
            return ctx.sessionId;
          },
        },
      );
      const visitor = site.visitor();
      const first = await visitor.get('/id');
      expect(first.json()).toBe(sentId(first));
      expect((await visitor.get('/id')).json()).toBe(sentId(first));
    });

    records.it('that an earlier middleware has set is used instead of the cookie', async () => {
      const before: Koa.Middleware = (ctx, next) => {
        if (ctx.get('authorization')) ctx.sessionId = ctx.get('authorization');
        return next();
      };
      const site = await open({}, { '/id': async (ctx) => [dataOf(await ctx.session), ctx.sessionId] }, { before });
      const ann = await member(site);
      const bob = await member(site);
      const reply = await bob.get('/id', { authorization: ann.sid });
      expect(reply.json()).toEqual([{ user: 'ann' }, ann.sid]);
      expect((await site.visitor().get('/id', { authorization: ann.sid })).json()).toEqual([{ user: 'ann' }, ann.sid]);
    });

    it('that an earlier middleware has set is not adopted if the store does not know it', async () => {
      const before: Koa.Middleware = (ctx, next) => {
        ctx.sessionId = 'made-up';
        return next();
      };
      const site = await open({}, {}, { before });
      expect(sentId(await site.visitor().get('/put?user=ann'))).not.toBe('made-up');
      expect(await recordOf(site.client, keyOf(variant, 'made-up'))).toBeUndefined();
    });

    records.it('can be chosen for a new session only', async () => {
      const site = await open(
        {},
        {
          '/choose': async (ctx) => {
            (await sessionOf(ctx))['user'] = 'ann';
            ctx.sessionId = 'chosen';
          },
          '/change': async (ctx) => {
            await ctx.session;
            ctx.sessionId = 'another';
          },
        },
      );
      const visitor = site.visitor();
      expect(sentId(await visitor.get('/choose'))).toBe('chosen');
      expect((await visitor.get('/choose')).status).toBe(200);
      expect((await visitor.get('/change')).status).toBe(500);
      expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_ID' })]);
    });
  });

  describe('ctx.sessionStore', () => {
    records.it('is the Store behind the middleware', async () => {
      const site = await open(
        {},
        {
          '/store': async (ctx) => [
            ctx.sessionStore === site.middleware.store,
            ctx.sessionStore instanceof session.Store,
            dataOf(await ctx.sessionStore.get(String(ctx.query['sid']))),
          ],
        },
      );
      const { sid } = await member(site);
      expect((await site.visitor().get(`/store?sid=${sid}`)).json()).toEqual([true, true, { user: 'ann' }]);
    });
  });

  describe('a second session middleware', () => {
    it('skips a request that the first one handles', async () => {
      const other = variant.newClient();
      const after = session({ key: 'other', store: other, defer: variant.defer });
      const site = await open({}, {}, { after });
      const calls = countCalls(other);
      const visitor = site.visitor();
      const reply = await visitor.get('/put?user=ann');
      expect(sentId(reply, 'other')).toBeUndefined();
      expect((await visitor.get('/see')).json()).toEqual({ user: 'ann' });
      expect([site.client.size, other.size, calls.of('read')]).toEqual([1, 0, 0]);
    });

    it('handles the requests that the first one does not cover', async () => {
      const other = variant.newClient();
      const after = session({ key: 'other', store: other, defer: variant.defer });
      const route = async (ctx: Koa.Context) => Object.assign(await sessionOf(ctx), { user: 'ann' });
      const site = await open({ cookie: { path: '/admin' } }, { '/admin': route, '/shop': route }, { after });
      expect(sentId(await site.visitor().get('/admin'))).toBeDefined();
      expect(sentId(await site.visitor().get('/shop'), 'other')).toBeDefined();
      expect([site.client.size, other.size]).toEqual([1, 1]);
    });

    it("leaves another package's session alone", async () => {
      const before: Koa.Middleware = (ctx, next) => {
        Object.defineProperty(ctx, 'session', { value: { from: 'elsewhere' } });
        return next();
      };
      const site = await open({}, { '/whose': (ctx) => ctx.session }, { before });
      expect((await site.visitor().get('/whose')).json()).toEqual({ from: 'elsewhere' });
    });
  });

  describe("the cookie's path", () => {
    const tell = async (ctx: Koa.Context) => {
      if (ctx.session === undefined) return 'no session';
      const current = await sessionOf(ctx);
      current['seen'] = true;
      return 'session';
    };
    const paths = ['/', '/admin', '/admin/', '/admin/users', '/administrator', '/admins/1', '/shop/admin'];
    const routes = Object.fromEntries(paths.map((path) => [path, tell]));

    it.each([
      ['/admin', ['/admin', '/admin/', '/admin/users', '/admin?x=/', '/admin/?x']],
      ['/admin/', ['/admin/', '/admin/users', '/admin/?x']],
    ])('%s covers whole segments: %j', async (path, covered) => {
      const site = await open({ cookie: { path } }, routes);
      for (const target of [...paths, '/admin?x=/', '/admin/?x']) {
        const reply = await site.visitor().get(target);
        const expected = covered.includes(target) ? 'session' : 'no session';
        expect([target, reply.json()]).toEqual([target, expected]);
        expect(reply.setCookie.length > 0).toBe(expected === 'session');
      }
    });

    it('does not call the store elsewhere', async () => {
      const site = await open({ cookie: { path: '/admin' } }, routes);
      const visitor = site.visitor();
      const set = await visitor.get('/admin');
      const calls = countCalls(site.client);
      await visitor.get('/', { cookie: cookieHeader(set) });
      expect(calls.of('read')).toBe(0);
    });

    it('is compared with the URL that the visitor sees, even if a middleware rewrites it', async () => {
      const after: Koa.Middleware = (ctx, next) => {
        ctx.url = '/elsewhere';
        return next();
      };
      const site = await open({ cookie: { path: '/admin' } }, { '/elsewhere': tell }, { after });
      expect((await site.visitor().get('/admin')).json()).toBe('session');
      expect((await site.visitor().get('/elsewhere')).json()).toBe('no session');
    });

    it('is compared with the whole path inside koa-mount', async () => {
      const client = variant.newClient();
      const inner = new variant.Koa();
      inner.use(session({ store: client, defer: variant.defer, cookie: { path: '/admin' } }));
      inner.use(answer({ '/': tell, '/users': tell }));
      const site = await open({ cookie: { path: '/unused' } }, {}, { after: mount('/admin', inner) });
      const visitor = site.visitor();
      expect((await visitor.get('/admin/users')).json()).toBe('session');
      expect((await visitor.get('/admin')).json()).toBe('session');
      expect(client.size).toBe(1);
    });
  });

  describe('the names on ctx', () => {
    it('can be used freely without a session', async () => {
      const site = await open(
        { cookie: { path: '/admin' } },
        {
          '/free': (ctx) => {
            const names = [
              'session',
              'sessionId',
              'sessionSave',
              'sessionStore',
              'sessionHandler',
              'saveSession',
              'regenerateSession',
            ];
            const read = (name: string) => (ctx as unknown as Record<string, unknown>)[name] ?? 'unset';
            const before = names.map(read);
            for (const name of names) (ctx as unknown as Record<string, unknown>)[name] = `own ${name}`;
            return [
              new Set([...before]).size,
              before[0],
              names.map(read).every((value) => String(value).startsWith('own ')),
            ];
          },
          '/admin': (ctx) => sessionOf(ctx).then(dataOf),
        },
      );
      // Only the first request below the path defines the names.
      await site.visitor().get('/admin');
      expect((await site.visitor().get('/free')).json()).toEqual([1, 'unset', true]);
      expect((await site.visitor().get('/admin')).json()).toEqual({});
    });
  });
}
