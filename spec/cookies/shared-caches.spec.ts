import { Readable } from 'node:stream';
import Koa from 'koa';
import Koa2 from 'koa2';

import session = require('../../lib/main');

import { cookieStore } from '../../lib/cookie';
import koaSession from '../../lib/koa-session';
import minimal from '../../lib/koa-session-minimal';
import { browser, type Reply, serve } from '../helpers/http/serve';
import { RecordingStore } from '../helpers/sites/koa-session-sites';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../helpers/sites/session-site';

const caching = ({ headers }: Reply) => [headers.get('vary'), headers.get('cache-control')];
const varyOf = ({ headers }: Reply) => headers.get('vary');

const passing: Koa.Middleware = (_ctx, next) => next();

const sealed = () => cookieStore({ keys: [Buffer.alloc(64, 'k')] });

/** Carries ids in a header, as an application may do it. */
const inHeader: session.SessionIdStore = {
  get() {
    return this.get('X-Session-Id');
  },
  set(sid) {
    this.set('X-Session-Id', sid);
  },
  reset() {
    this.remove('X-Session-Id');
  },
};

describe.each([
  ['eager', false],
  ['with defer', true],
])('Vary, %s', (_mode, defer) => {
  const routes: Routes = {
    '/id': (ctx) => ctx.sessionId,
    '/handler': (ctx) => ctx.sessionHandler.isNew,
    '/before': (ctx) => {
      ctx.set('Vary', String(ctx.query['is']));
      return ctx.session;
    },
    '/after': async (ctx) => {
      await ctx.session;
      ctx.set('Vary', String(ctx.query['is']));
    },
    '/removed': async (ctx) => {
      await ctx.session;
      ctx.remove('Vary');
    },
    '/settings': (ctx) => {
      ctx.sessionSave = null;
      return [ctx.sessionSave, ctx.sessionStore.status];
    },
    '/head': async (ctx) => {
      const { user = 'nobody' } = await sessionOf(ctx);
      ctx.respond = false;
      ctx.res.writeHead(200, { 'X-Own': '1' }).end(String(user));
    },
    '/saved-before': async (ctx) => {
      ctx.session = { at: Math.random() };
      await ctx.saveSession();
      ctx.set('Vary', 'Accept');
    },
  };

  it.each([
    ['a handler reads the session', '/see', 'Cookie'],
    ['a handler reads the id', '/id', 'Cookie'],
    ['a handler reads the session’s operations', '/handler', 'Cookie'],
    ['the session is not read', '/idle', null],
    ['only settings and the store are read', '/settings', null],
    ['the handler has set another Vary', '/before?is=Accept', 'Accept, Cookie'],
    ['the handler sets another Vary later', '/after?is=Accept', 'Accept, Cookie'],
    ['the handler has set the same', '/before?is=accept,%20cookie', 'accept, cookie'],
    ['the handler sets the same later', '/after?is=COOKIE', 'COOKIE'],
    ['nothing else counts', '/before?is=*', '*'],
    ['nothing else counts, set later', '/after?is=*', '*'],
    ['the handler removes headers', '/removed', 'Cookie'],
    ['the handler sends the headers itself', '/head', 'Cookie'],
    ['the session was saved before', '/saved-before', 'Accept, Cookie'],
  ])('if %s', async (_what, path, vary) => {
    const site = await siteWith({ defer }, routes);
    const ann = site.visitor();
    const stranger = await ann.get(path);
    await ann.get('/put?user=ann');
    expect([varyOf(stranger), varyOf(await ann.get(path))]).toEqual([vary, vary]);
    expect(site.errors).toEqual([]);
  });

  it('is left to a custom sessionIdStore', async () => {
    const routes: Routes = {
      '/own': (ctx) => {
        ctx.vary('X-Session-Id');
        return ctx.session;
      },
    };
    const visitor = (await siteWith({ defer, sessionIdStore: inHeader }, routes)).visitor();
    const id = (await visitor.get('/put?user=ann')).headers.get('x-session-id') as string;
    const replies = [
      await visitor.get('/see', { 'x-session-id': id }),
      await visitor.get('/own', { 'x-session-id': id }),
    ];
    expect(replies.map(varyOf)).toEqual([null, 'X-Session-Id']);
  });

  it.each([
    ['Koa 3', Koa],
    ['Koa 2', Koa2],
  ])('is sent even if the request fails, with %s', async (_version, AnyKoa) => {
    const failing: Koa.Middleware = async (ctx, next) => {
      await next();
      if (ctx.query['late']) ctx.throw(404);
    };
    const fail = (ctx: Koa.Context) => ctx.throw(404, { headers: ctx.query['own'] ? { Vary: 'Accept' } : {} });
    const site = await closedAfterTest(
      openSite({
        Koa: AnyKoa,
        use: [failing, session({ defer })],
        routes: {
          '/read': async (ctx) => {
            await ctx.session;
            ctx.vary('Accept-Language');
            fail(ctx);
          },
          '/blind': fail,
        },
      }),
    );
    const visitor = site.visitor();
    const seen: (string | null)[] = [];
    for (const path of ['/read', '/read?own=1', '/see?late=1', '/blind', '/blind?own=1', '/idle?late=1']) {
      const reply = await visitor.get(path);
      expect(reply.status).toBe(404);
      seen.push(varyOf(reply));
    }
    expect(seen).toEqual([
      'Cookie, Accept-Language',
      'Cookie, Accept-Language, Accept',
      'Cookie',
      null,
      'Accept',
      null,
    ]);
  });
});

describe('Cache-Control of a response that sets the cookie', () => {
  const routes: Routes = {
    '/regenerate': (ctx) => ctx.regenerateSession({ keepData: true }),
    '/redirect': async (ctx) => {
      (await sessionOf(ctx))['at'] = Math.random();
      ctx.redirect('/see');
    },
    '/twice': async (ctx) => {
      (await sessionOf(ctx))['n'] = 1;
      await ctx.saveSession();
      if (ctx.query['own']) ctx.set('Cache-Control', 'private, max-age=5');
      await ctx.regenerateSession();
      (await sessionOf(ctx))['n'] = 2;
      await ctx.saveSession();
    },
    '/not-modified': async (ctx) => {
      (await sessionOf(ctx))['at'] = Math.random();
      ctx.status = 304;
    },
  };

  it.each<[string, session.SessionOptions, [path: string, rule: string | null][]]>([
    [
      'forbids storing a new or cleared id, and makes responses that extend one private',
      {},
      [
        ['/idle', null],
        ['/put?a=1', 'no-store'],
        ['/see', null],
        ['/put?a=2', 'private'],
        ['/redirect', 'private'],
        ['/not-modified', 'private'],
        ['/regenerate', 'no-store'],
        ['/logout', 'no-store'],
        ['/see', null],
      ],
    ],
    [
      'keeps the back button working on pages of a rolling session',
      { rolling: true },
      [
        ['/put?a=1', 'no-store'],
        ['/see', 'private'],
        ['/idle', 'private'],
      ],
    ],
    [
      'is the same if the session is in the cookie',
      { store: sealed(), rolling: true },
      [
        ['/put?a=1', 'no-store'],
        ['/see', 'private'],
        ['/put?a=2', 'private'],
        ['/logout', 'no-store'],
      ],
    ],
    [
      'is what the last cookie of the request needs',
      { autoCommit: false },
      [
        ['/twice', 'no-store'],
        ['/twice', 'no-store'],
        ['/twice?own=1', 'private, max-age=5'],
      ],
    ],
  ])('%s', async (_what, options, steps) => {
    const site = await siteWith(options, routes);
    const ann = site.visitor();
    const seen: typeof steps = [];
    for (const [path] of steps) seen.push([path, (await ann.get(path)).headers.get('cache-control')]);
    expect(seen).toEqual(steps);
    expect(site.errors).toEqual([]);
  });

  it('is there for a HEAD request', async () => {
    const reply = await (await siteWith({})).visitor().request('HEAD', '/put?a=1');
    expect([sentId(reply)?.length, ...caching(reply)]).toEqual([24, 'Cookie', 'no-store']);
  });

  it('keeps a new signature private to the visitor', async () => {
    const site = await siteWith({});
    const ann = site.visitor();
    await ann.get('/put?a=1');
    site.app.keys = ['newer key', ...(site.app.keys as string[])];
    const reply = await ann.get('/idle');
    expect([reply.setCookie.length, ...caching(reply)]).toEqual([1, 'Cookie', 'private']);
  });

  it('is set for a cookie of a custom sessionIdStore, but not for its header', async () => {
    const inCookie: session.SessionIdStore = {
      get() {
        return this.cookies.get('own', { signed: false });
      },
      set(sid) {
        this.cookies.set('own', sid, { signed: false });
      },
      reset() {
        this.cookies.set('own', null, { signed: false });
      },
    };
    const own = (await siteWith({ sessionIdStore: inCookie })).visitor();
    const replies = [await own.get('/put?a=1'), await own.get('/put?a=2'), await own.get('/logout')];
    expect(replies.map(caching)).toEqual([
      ['Cookie', 'no-store'],
      ['Cookie', 'private'],
      ['Cookie', 'no-store'],
    ]);
    const header = (await siteWith({ sessionIdStore: inHeader })).visitor();
    expect(caching(await header.get('/put?a=1'))).toEqual([null, null]);
  });

  it.each<[string, Koa.Middleware]>([
    [
      'before',
      (ctx, next) => {
        ctx.set('Cache-Control', 'no-cache');
        return next();
      },
    ],
    [
      'after the handler, if it fails',
      async (ctx, next) => {
        try {
          await next();
        } finally {
          ctx.set('Cache-Control', 'no-cache');
        }
      },
    ],
  ])('is the application’s, if it has set one: %s', async (_when, before) => {
    const fail: Routes = {
      '/fail': async (ctx) => {
        (await sessionOf(ctx))['a'] = 1;
        ctx.throw(404);
      },
    };
    const site = await closedAfterTest(openSite({ use: [before, session()], routes: fail }));
    for (const path of ['/put?a=1', '/fail']) {
      const reply = await site.visitor().get(path);
      expect([path, reply.setCookie.length, ...caching(reply)]).toEqual([path, 2, 'Cookie', 'no-cache']);
    }
  });
});

describe('The same holds for the entry points that replace other packages:', () => {
  interface Shown {
    session: Record<string, unknown> | null;
  }
  const handler: Koa.Middleware = (ctx) => {
    const held = ctx as unknown as Shown;
    if (ctx.path === '/put') Object.assign(held.session as object, ctx.query);
    else if (ctx.path === '/see') ctx.vary('Accept');
    else if (ctx.path === '/logout') held.session = null;
    ctx.body = ctx.path === '/see' ? JSON.stringify(held.session) : 'done';
  };
  const visitorOf = async (use: (app: Koa) => Koa.Middleware) => {
    const app = new Koa();
    app.keys = ['key'];
    app.use(use(app)).use(handler);
    return browser((await closedAfterTest(serve(app))).url);
  };
  const life = ['/idle', '/see', '/put?a=1', '/see', '/idle', '/put?a=2', '/logout'];

  it.each<[string, (app: Koa) => Koa.Middleware]>([
    ['koa-session, in the cookie', (app) => koaSession(app)],
    ['koa-session, in a store', (app) => koaSession({ store: new RecordingStore() }, app)],
    ['koa-session-minimal', () => minimal()],
  ])('%s', async (_face, use) => {
    const visitor = await visitorOf(use);
    const seen: unknown[] = [];
    for (const path of life) seen.push(caching(await visitor.get(path)));
    expect(seen).toEqual([
      [null, null],
      ['Accept, Cookie', null],
      ['Cookie', 'no-store'],
      ['Accept, Cookie', null],
      [null, null],
      ['Cookie', 'private'],
      ['Cookie', 'no-store'],
    ]);
  });

  it('except for the externalKey of koa-session, which is not a cookie', async () => {
    const externalKey = {
      get: (ctx: Koa.Context) => ctx.get('x-key'),
      set: (ctx: Koa.Context, key: string) => ctx.set('x-key', key),
    };
    const visitor = await visitorOf((app) => koaSession({ store: new RecordingStore(), externalKey }, app));
    const key = (await visitor.get('/put?a=1')).headers.get('x-key') as string;
    const reply = await visitor.get('/see', { 'x-key': key });
    expect([reply.text, ...caching(reply)]).toEqual(['{"a":"1"}', 'Accept', null]);
  });
});

describe('A response with the cookie that the application makes cacheable for everybody', () => {
  let warnings: jest.SpyInstance;
  beforeEach(() => {
    warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  });
  afterEach(() => warnings.mockRestore());

  /** A process that has not warned yet. */
  function freshSession(): typeof session {
    let fresh: typeof session | undefined;
    jest.isolateModules(() => {
      fresh = require('../../lib/main');
    });
    return fresh as typeof session;
  }

  const tell =
    (rule: string): Koa.Middleware =>
    async (ctx, next) => {
      await next();
      ctx.set('Cache-Control', rule);
    };

  /** The codes of the warnings when a visitor requests these paths. */
  async function warned(paths: string[], before: Koa.Middleware, routes: Routes = {}) {
    const fresh = freshSession();
    const site = await closedAfterTest(openSite({ use: [before, fresh()], routes }));
    const visitor = site.visitor();
    for (const path of paths) await visitor.get(path);
    // The server has finished when it is closed.
    await site.close();
    return warnings.mock.calls.map(([, { code }]) => code);
  }
  const own = (rule: string, more: (ctx: Koa.Context) => unknown = () => undefined): Routes => ({
    '/own': async (ctx) => {
      if (rule) ctx.set('Cache-Control', rule);
      (await sessionOf(ctx))['at'] = Math.random();
      return more(ctx);
    },
  });

  it.each<[string, () => Promise<unknown[]>]>([
    ['in the handler', () => warned(['/own'], passing, own('public, max-age=60'))],
    [
      'by s-maxage, for a redirect',
      () =>
        warned(
          ['/own'],
          passing,
          own('S-MaxAge=60', (ctx) => ctx.redirect('/')),
        ),
    ],
    [
      'in a middleware in front, at last, several times',
      () => warned(['/own', '/own', '/logout'], tell('public'), own('')),
    ],
    [
      'in the head of a stream',
      () =>
        warned(['/stream'], passing, {
          '/stream': async (ctx) => {
            (await sessionOf(ctx))['a'] = 1;
            await ctx.saveSession();
            ctx.respond = false;
            ctx.res.writeHead(200, { 'Cache-Control': 'public' });
            Readable.from(['a', 'b']).pipe(ctx.res);
          },
        }),
    ],
  ])('causes one process warning: %s', async (_where, codes) => {
    expect(await codes()).toEqual(['KOA_EVENTED_SESSION_SHARED_CACHE']);
    expect(warnings.mock.calls[0]?.[0]).toMatch(/Cache-Control: .*(public|s-maxage).*`private` or `no-store`/i);
  });

  it('causes no warning if the header keeps it private, or the cookie is not sent', async () => {
    const routes: Routes = {
      '/rule': async (ctx) => {
        (await sessionOf(ctx))['at'] = Math.random();
        if (ctx.query['is']) ctx.set('Cache-Control', String(ctx.query['is']));
      },
      '/gone': async (ctx) => {
        await ctx.sessionStore.destroy(ctx.sessionId);
        (await sessionOf(ctx))['a'] = 2;
        ctx.set('Cache-Control', 'public');
      },
    };
    const publicUnlessRead: Koa.Middleware = async (ctx, next) => {
      await next();
      if (ctx.path === '/idle' || ctx.path === '/see') ctx.set('Cache-Control', 'public');
    };
    const rules = ['private,max-age=60', 'public,no-store', 'max-age=60', ''].map((rule) => `/rule?is=${rule}`);
    expect(await warned([...rules, '/idle', '/see', '/gone', '/put?a=1', '/logout'], publicUnlessRead, routes)).toEqual(
      [],
    );
  });
});
