import { inspect } from 'node:util';
import Koa from 'koa';
import Koa2 from 'koa2';

import session = require('../../lib/main');

import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sentId, sessionOf } from '../helpers/sites/session-site';
import { interop } from '../interop';

const TOKEN = 'token=of-the-application; path=/';

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('the cookie of a request that fails, with %s', (_version, AnyKoa) => {
  const open = (before: Koa.Middleware[] = [], error: () => Error = () => new Error('no')) =>
    closedAfterTest(
      openSite({
        Koa: AnyKoa,
        use: [...before, session()],
        routes: {
          '/fail': async (ctx) => {
            (await sessionOf(ctx))['user'] = 'ann';
            throw error();
          },
          '/save-thrice': async (ctx) => {
            for (const n of [1, 2, 3]) {
              (await sessionOf(ctx))['n'] = n;
              await ctx.saveSession();
            }
            ctx.throw(400);
          },
          '/ended': async (ctx) => {
            const current = await sessionOf(ctx);
            current['user'] = 'ann';
            await ctx.saveSession();
            await ctx.sessionStore.destroy(String(ctx.sessionId));
            current['more'] = 1;
            if (ctx.query['fail']) throw error();
          },
          '/move-and-fail': async (ctx) => {
            (await sessionOf(ctx))['before'] = true;
            await ctx.saveSession();
            ctx.session = null;
            await ctx.saveSession();
            ctx.session = { moved: true };
            await ctx.saveSession();
            throw error();
          },
        },
      }),
    );
  const onFailure =
    (react: (ctx: Koa.Context) => void): Koa.Middleware =>
    async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        react(ctx);
        throw error;
      }
    };

  it.each<[string, () => Error]>([
    ['an error', () => new Error('no')],
    ['an error with headers', () => Object.assign(new Error('no'), { headers: { 'X-Own': '1' } })],
    ['a frozen error', () => Object.freeze(new Error('no'))],
  ])('reaches the visitor, but no log: %s', async (_what, error) => {
    const site = await open([], error);
    const logged: string[] = [];
    site.app.on('error', (it: Error) => {
      logged.push(JSON.stringify(it), JSON.stringify({ ...it }), inspect(it, { depth: 5 }), String(it.stack));
    });
    const sid = sentId(await site.visitor().get('/fail')) as string;
    expect(sid).toHaveLength(24);
    expect(logged).toHaveLength(4);
    expect(logged.join('\n')).not.toContain(sid);
    expect(logged.join('\n')).not.toContain('koa.sid');
  });

  it('is sent once, however often it was set', async () => {
    const site = await open();
    const reply = await site.visitor().get('/save-thrice');
    expect([reply.status, reply.setCookie.map((line) => line.split('=', 1)[0])]).toEqual([
      400,
      ['koa.sid', 'koa.sid.sig'],
    ]);
  });

  it('keeps the Cache-Control that the application has set before', async () => {
    const caching: Koa.Middleware = (ctx, next) => {
      ctx.vary('Cookie');
      ctx.set('Cache-Control', 'no-store');
      return next();
    };
    const reply = await (await open([caching])).visitor().get('/fail');
    expect(reply.setCookie).toHaveLength(2);
    expect([reply.headers.get('vary'), reply.headers.get('cache-control')]).toEqual(['Cookie', 'no-store']);
  });

  it('is sent without the Cache-Control that an outer middleware has removed', async () => {
    const site = await open([onFailure((ctx) => ctx.remove('Cache-Control'))]);
    const reply = await site.visitor().get('/fail');
    expect([reply.setCookie.length, reply.headers.get('cache-control')]).toEqual([2, null]);
  });

  it("is sent with the application's cookies, if the error handler keeps those", async () => {
    const site = await open([
      (ctx, next) => {
        ctx.cookies.set('csrf', 'v', { signed: false });
        return next();
      },
    ]);
    (interop('koa-onerror') as (app: Koa) => void)(site.app);
    const reply = await site.visitor().get('/fail');
    expect(reply.setCookie.map((line) => line.split('=', 1)[0])).toEqual(['csrf', 'koa.sid', 'koa.sid.sig']);
  });

  it('is not sent if an outer middleware has removed it', async () => {
    const site = await open([onFailure((ctx) => ctx.remove('Set-Cookie'))]);
    const reply = await site.visitor().get('/fail');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(reply.headers.get('vary')).toContain('Cookie');
  });

  it('is sent as an outer middleware has left it', async () => {
    const takeSignature = (ctx: Koa.Context) => {
      const lines = [ctx.res.getHeader('set-cookie')].flat() as string[];
      ctx.set('Set-Cookie', [TOKEN, ...lines.filter((line) => !line.startsWith('koa.sid.sig='))]);
      ctx.remove('Vary');
    };
    const site = await open([onFailure(takeSignature)]);
    const reply = await site.visitor().get('/fail');
    // Koa drops what others have set, as it does for every error.
    expect(reply.setCookie).toEqual([expect.stringMatching(/^koa\.sid=/)]);
    expect(reply.headers.get('vary')).toBeNull();
  });

  it.each<[string, Koa.Middleware]>([
    ['nothing', (_ctx, next) => next()],
    [
      'a cookie',
      (ctx, next) => {
        ctx.cookies.set('token', 'of-the-application');
        return next();
      },
    ],
    [
      'headers',
      (ctx, next) => {
        ctx.set({ 'Set-Cookie': [TOKEN], Vary: 'Accept', 'X-Before': '1' });
        return next();
      },
    ],
  ])(
    'is sent alone, since errors drop other headers, whatever the application has set before: %s',
    async (_what, before) => {
      const site = await open([before]);
      const visitor = site.visitor();
      const reply = await visitor.get('/fail');
      expect(reply.setCookie.map((line) => line.split('=', 1)[0])).toEqual(['koa.sid', 'koa.sid.sig']);
      expect([reply.headers.get('x-before'), reply.headers.get('vary')]).toEqual([
        null,
        expect.stringContaining('Cookie'),
      ]);
      expect((await visitor.get('/see')).json()).toEqual({ user: 'ann' });
    },
  );

  it('is the last one if the request has sent several', async () => {
    const site = await open();
    const visitor = site.visitor();
    await visitor.get('/put?user=ann');
    const reply = await visitor.get('/move-and-fail');
    expect(reply.setCookie.map((line) => line.split('=', 1)[0])).toEqual(['koa.sid', 'koa.sid.sig']);
    expect(sentId(reply)).toHaveLength(24);
    expect((await visitor.get('/see')).json()).toEqual({ moved: true });
  });

  it.each(['/ended', '/ended?fail=1'])(
    'is removed again if the session has ended before the response: %s',
    async (path) => {
      const before: Koa.Middleware = (ctx, next) => {
        ctx.cookies.set('token', 'of-the-application');
        ctx.vary('Accept');
        return next();
      };
      const site = await open([before]);
      const reply = await site.visitor().get(path);
      const failed = reply.status === 500;
      expect(reply.setCookie.map((line) => line.split('=', 1)[0])).toEqual(failed ? [] : ['token']);
      expect(reply.headers.get('cache-control')).toBeNull();
      if (!failed) expect(reply.headers.get('vary')).toContain('Accept');
      expect(site.events()).toEqual(['session:created', 'session:gone']);
    },
  );
});
