import type Koa from 'koa';
import type { CookieOptions, SessionOptions } from '../lib/main';
import { MapClient } from './helpers/map-client';
import { closedAfterTest } from './helpers/open-sites';
import { dataOf, openSite, type Routes, sessionOf } from './helpers/session-site';

import session = require('../lib/main');

/** The package as a process has it that has warned of nothing yet. */
function freshSession(options: SessionOptions): session.SessionMiddleware {
  let made: session.SessionMiddleware | undefined;
  jest.isolateModules(() => {
    made = (require('../lib/main') as typeof session)(options);
  });
  return made as session.SessionMiddleware;
}

let warnings: [code: string, text: string][] = [];
beforeEach(() => {
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation(((text: string, { code }: { code: string }) => {
    warnings.push([code, text]);
  }) as never);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const siteOf = (use: Koa.Middleware | Koa.Middleware[], routes?: Routes) => closedAfterTest(openSite({ use, routes }));

describe('A cookie that browsers drop over plain HTTP', () => {
  it.each<[string, CookieOptions]>([
    ["sameSite: 'none'", { sameSite: 'none' }],
    ['partitioned: true', { partitioned: true }],
  ])('is a warning, once: %s', async (why, cookie) => {
    const site = await siteOf(freshSession({ store: new MapClient(), cookie }));
    await site.visitor().get('/see');
    expect(warnings).toEqual([]);
    await site.visitor().get('/put?a=1');
    await site.visitor().get('/put?a=1');
    expect(warnings).toEqual([['KOA_EVENTED_SESSION_INSECURE_COOKIE', expect.stringContaining('app.proxy = true')]]);
    expect(warnings[0]?.[1]).toContain(`\`koa.sid\`: it has \`${why}\``);
  });

  it('is none behind a proxy that ends TLS, nor without such an attribute', async () => {
    const proxied = await siteOf(freshSession({ store: new MapClient(), cookie: { sameSite: 'none' } }));
    proxied.app.proxy = true;
    await proxied.visitor().get('/put?a=1', { 'x-forwarded-proto': 'https' });
    const lax = await siteOf(freshSession({ store: new MapClient() }));
    await lax.visitor().get('/put?a=1');
    expect(warnings).toEqual([]);
  });
});

describe('A session middleware that comes second', () => {
  const store = new MapClient();

  it.each<[string, () => Koa.Middleware, string]>([
    ['after another', () => session({ store, key: 'first' }), 'that with the cookie `first` came first'],
    [
      'after one of another package',
      () => (ctx, next) => {
        Object.assign(ctx, { session: { of: 'another' } });
        return next();
      },
      'another middleware, which provides `ctx.session`, came first',
    ],
  ])('is a warning that names the first, once: %s', async (_what, first, who) => {
    const site = await siteOf([first(), session({ store, key: 'second' })]);
    await site.visitor().get('/idle');
    await site.visitor().get('/idle');
    const text = expect.stringMatching(/^The session middleware with the cookie `second` is ignored: /);
    expect(warnings).toEqual([['KOA_EVENTED_SESSION_IGNORED', text]]);
    expect(warnings[0]?.[1]).toContain(who);
  });

  it('is none where it is the same, or for another path', async () => {
    const same = session({ store });
    await (await siteOf([same, same])).visitor().get('/idle');
    const elsewhere = session({ store, key: 'elsewhere', cookie: { path: '/elsewhere' } });
    await (await siteOf([same, elsewhere])).visitor().get('/idle');
    expect(warnings).toEqual([]);
  });
});

describe('What is set on the session after it was saved', () => {
  const after =
    (change: (ctx: Koa.Context) => unknown): Koa.Middleware =>
    async (ctx, next) => {
      await next();
      await change(ctx);
    };
  const open = async (change: (ctx: Koa.Context) => unknown, options: SessionOptions = {}) => {
    const site = await siteOf([after(change), freshSession({ store: new MapClient(), ...options })]);
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    warnings = [];
    return visitor;
  };
  const flash = async (ctx: Koa.Context) => {
    if (ctx.path === '/see') Object.assign(await sessionOf(ctx), { flash: 'sorry' });
  };

  it.each<[string, (ctx: Koa.Context) => unknown, SessionOptions?]>([
    ['a key', flash, {}],
    ['a key, deferred', flash, { defer: true }],
    ['another session', (ctx) => ctx.path === '/see' && Object.assign(ctx, { session: { b: 1 } }), {}],
    ['null', (ctx) => ctx.path === '/see' && Object.assign(ctx, { session: null }), {}],
  ])('is lost, and a warning says so, once: %s', async (_what, change, options) => {
    const visitor = await open(change, options);
    await visitor.get('/see');
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
    const [warning, ...more] = warnings;
    expect(warning).toEqual(['KOA_EVENTED_SESSION_TOO_LATE', expect.stringContaining('await ctx.saveSession()')]);
    expect(more).toEqual([]);
  });

  it('is a warning for a new session too', async () => {
    const visitor = await open(flash);
    visitor.jar.removeAllCookiesSync();
    await visitor.get('/see');
    await visitor.get('/idle');
    expect(warnings).toHaveLength(1);
  });

  it.each<[string, (ctx: Koa.Context) => unknown, SessionOptions?]>([
    ['is read', async (ctx) => dataOf(await ctx.session), {}],
    ['is saved by hand', (ctx) => flash(ctx)?.then(() => ctx.saveSession()), {}],
    ['is never saved but by hand', flash, { autoCommit: false }],
    [
      'is not to be saved',
      (ctx) => {
        ctx.sessionSave = false;
        return flash(ctx);
      },
      {},
    ],
    ['cannot be JSON', (ctx) => Object.assign(ctx.session ?? {}, { big: 1n }), {}],
  ])('is no warning where the session %s', async (_what, change, options) => {
    const visitor = await open(change, options);
    expect((await visitor.get('/see')).status).toBe(200);
    await visitor.get('/logout');
    await visitor.get('/idle');
    expect(warnings).toEqual([]);
  });
});
