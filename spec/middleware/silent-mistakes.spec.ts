import type Koa from 'koa';
import compose from 'koa-compose';
import type { CookieOptions, SessionOptions } from '../../lib/main';
import type { Reply } from '../helpers/http/serve';
import { fresh, heardWarnings } from '../helpers/programs/process-warnings';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { dataOf, openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

import session = require('../../lib/main');
import koaSession = require('../../lib/koa-session');
import minimal = require('../../lib/koa-session-minimal');

const freshSession = (options: SessionOptions) => fresh(() => require('../../lib/main') as typeof session)(options);
const freshMinimal = (options: minimal.SessionOptions) =>
  fresh(() => require('../../lib/koa-session-minimal') as typeof minimal)(options);
const freshKoaSession = (options: koaSession.CreateSessionOptions, app: Koa) =>
  fresh(() => require('../../lib/koa-session') as typeof koaSession)(options, app);

const warnings = heardWarnings();

const siteOf = (use: Koa.Middleware | Koa.Middleware[], routes?: Routes) => closedAfterTest(openSite({ use, routes }));

describe('A cookie that browsers drop over plain HTTP', () => {
  it.each<[string, CookieOptions]>([
    ["sameSite: 'none'", { sameSite: 'none' }],
    ['partitioned: true', { partitioned: true }],
  ])('causes one warning: %s', async (why, cookie) => {
    const site = await siteOf(freshSession({ store: new MapClient(), cookie }));
    await site.visitor().get('/see');
    expect(warnings).toEqual([]);
    await site.visitor().get('/put?a=1');
    await site.visitor().get('/put?a=1');
    expect(warnings).toEqual([['KOA_EVENTED_SESSION_INSECURE_COOKIE', expect.stringContaining('app.proxy = true')]]);
    expect(warnings[0]?.[1]).toContain(`\`koa.sid\`: it has \`${why}\``);
  });

  it('causes none behind a proxy that terminates TLS, nor without such an attribute', async () => {
    const proxied = await siteOf(freshSession({ store: new MapClient(), cookie: { sameSite: 'none' } }));
    proxied.app.proxy = true;
    await proxied.visitor().get('/put?a=1', { 'x-forwarded-proto': 'https' });
    const lax = await siteOf(freshSession({ store: new MapClient() }));
    await lax.visitor().get('/put?a=1');
    expect(warnings).toEqual([]);
  });
});

/** The names of the data in a session; koa-session has some beside them. */
const namesIn = (seen: Reply) =>
  Object.keys(seen.json() as object).filter((name) => name !== 'isNew' && !name.startsWith('_'));

/** Serves a middleware that needs the application. */
async function siteWith(make: (app: Koa) => Koa.Middleware | Koa.Middleware[], keys?: string[]) {
  const made: Koa.Middleware[] = [];
  const site = await closedAfterTest(openSite({ use: (ctx, next) => compose(made)(ctx, next), ...(keys && { keys }) }));
  made.push(...[make(site.app)].flat());
  return site;
}

describe('A cookie of another entry point that browsers drop over plain HTTP', () => {
  const attributes: [string, { sameSite?: 'none'; partitioned?: boolean; secure?: boolean }][] = [
    ["sameSite: 'none'", { sameSite: 'none' }],
    ['partitioned: true', { partitioned: true }],
    ["sameSite: 'none'", { sameSite: 'none', secure: false }],
  ];
  const faces: [string, (given: object, app: Koa) => Koa.Middleware][] = [
    ['koa-session', (given, app) => freshKoaSession({ key: 'sid', ...given }, app)],
    ['koa-session-minimal', (cookie) => freshMinimal({ key: 'sid', cookie: () => cookie })],
  ];

  describe.each(faces)('of %s', (_face, make) => {
    it.each(attributes)('causes one warning: %s %j', async (why, given) => {
      const site = await siteWith((app) => make(given, app));
      warnings.length = 0;
      await site.visitor().get('/put?a=1');
      await site.visitor().get('/put?a=1');
      expect(warnings).toEqual([['KOA_EVENTED_SESSION_INSECURE_COOKIE', expect.stringContaining('app.proxy = true')]]);
      expect(warnings[0]?.[1]).toContain(`\`sid\`: it has \`${why}\``);
    });

    it('causes none over TLS, without such an attribute, nor if `ctx.cookies` leaves it out', async () => {
      const tls = await siteWith((app) => make({ sameSite: 'none' }, app));
      tls.app.proxy = true;
      await tls.visitor().get('/put?a=1', { 'x-forwarded-proto': 'https' });
      const lax = await siteWith((app) => make({ sameSite: 'lax' }, app));
      await lax.visitor().get('/put?a=1');
      const egg = await siteWith((app) => [withoutSameSite, make({ sameSite: 'none' }, app)]);
      await egg.visitor().get('/put?a=1');
      expect(warnings.filter(([code]) => code === 'KOA_EVENTED_SESSION_INSECURE_COOKIE')).toEqual([]);
    });
  });
});

/** As egg-cookies does it over plain HTTP. */
const withoutSameSite: Koa.Middleware = (ctx, next) => {
  const { cookies } = ctx;
  const set = cookies.set.bind(cookies);
  cookies.set = (name, value, attributes) => set(name, value, { ...attributes, sameSite: undefined });
  return next();
};

describe('A second session middleware', () => {
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
  ])('causes one warning that names the first: %s', async (_what, first, who) => {
    const site = await siteOf([first(), session({ store, key: 'second' })]);
    await site.visitor().get('/idle');
    await site.visitor().get('/idle');
    const text = expect.stringMatching(/^The session middleware with the cookie `second` is ignored: /);
    expect(warnings).toEqual([['KOA_EVENTED_SESSION_IGNORED', text]]);
    expect(warnings[0]?.[1]).toContain(who);
  });

  const kinds: Record<string, (key: string, app: Koa) => Koa.Middleware> = {
    main: (key) => session({ store, key }),
    minimal: (key) => minimal({ key }),
    'koa-session': (key, app) => koaSession({ key }, app),
  };
  const pairs = Object.keys(kinds).flatMap((first) => Object.keys(kinds).map((second) => [first, second] as const));

  it.each(pairs)('leaves the request to the first, and one warning says so: %s, then %s', async (first, second) => {
    const [one, two] = [`${first}-before-${second}`, `${second}-after-${first}`];
    const site = await siteWith((app) => [kinds[first]?.(one, app), kinds[second]?.(two, app)] as Koa.Middleware[]);
    // koa-session has the application from the start on, wherever its middleware is.
    const [taker, ignored] = first === 'main' && second === 'koa-session' ? [two, one] : [one, two];
    for (const path of ['/put?a=1', '/see']) await site.visitor().get(path);
    const visitor = site.visitor();
    const lines = (await visitor.get('/put?a=1')).setCookie.join();
    expect([lines.includes(`${taker}=`), lines.includes(`${ignored}=`)]).toEqual([true, false]);
    expect(namesIn(await visitor.get('/see'))).toEqual(['a']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.[1]).toContain(`with the cookie \`${ignored}\` is ignored: `);
    if (ignored === two) expect(warnings[0]?.[1]).toContain(`that with the cookie \`${one}\` came first`);
    expect(site.errors).toEqual([]);
  });

  it('causes another warning for each other pair', async () => {
    const third = session({ store, key: 'third' });
    const paths: Koa.Middleware = (ctx, next) =>
      compose([ctx.path === '/idle' ? session({ store, key: 'left' }) : session({ store, key: 'right' }), third])(
        ctx,
        next,
      );
    const site = await siteOf(paths);
    for (const path of ['/idle', '/see', '/idle', '/see']) await site.visitor().get(path);
    expect(warnings.map(([, text]) => /that with the cookie `(\w+)`/.exec(text)?.[1])).toEqual(['left', 'right']);
  });

  it('causes a warning if both have a cookie of the same name', async () => {
    const site = await siteOf([session({ store, key: 'same' }), session({ store, key: 'same' })]);
    await site.visitor().get('/idle');
    expect(warnings[0]?.[1]).toContain('cookie `same` is ignored: another one with that cookie came first');
  });

  it('of koa-session causes a warning after one of another package', async () => {
    const foreign: Koa.Middleware = (ctx, next) => {
      Object.defineProperty(ctx, 'session', { value: { of: 'another' } });
      return next();
    };
    const site = await siteWith((app) => [foreign, koaSession({ key: 'third.party' }, app)]);
    expect((await site.visitor().get('/see')).json()).toEqual({ of: 'another' });
    expect(warnings[0]?.[1]).toContain('another middleware, which provides `ctx.session`,');
  });

  it.each(Object.keys(kinds))('causes none if it is the same: %s', async (kind) => {
    const site = await siteWith((app) => {
      const one = kinds[kind]?.(`twice-${kind}`, app) as Koa.Middleware;
      return [one, one];
    });
    await site.visitor().get('/put?a=1');
    expect(warnings).toEqual([]);
  });

  it('causes none if it is the same one, or for another path', async () => {
    const same = session({ store });
    await (await siteOf([same, same])).visitor().get('/idle');
    const elsewhere = session({ store, key: 'elsewhere', cookie: { path: '/elsewhere' } });
    await (await siteOf([same, elsewhere])).visitor().get('/idle');
    expect(warnings).toEqual([]);
  });
});

/** koa-session throws for what can be no session. */
const guarded = (change: (ctx: Koa.Context) => unknown) => (ctx: Koa.Context) => {
  try {
    return change(ctx);
  } catch {
    return undefined;
  }
};

describe('A change of the session after it was saved', () => {
  const afterNext =
    (change: (ctx: Koa.Context) => unknown): Koa.Middleware =>
    async (ctx, next) => {
      await next();
      await change(ctx);
    };
  const open = async (change: (ctx: Koa.Context) => unknown, options: SessionOptions = {}) => {
    const site = await siteOf([afterNext(change), freshSession({ store: new MapClient(), ...options })]);
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    warnings.length = 0;
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
  ])('is lost, and one warning says so: %s', async (_what, change, options) => {
    const visitor = await open(change, options);
    await visitor.get('/see');
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
    const [warning, ...more] = warnings;
    expect(warning).toEqual(['KOA_EVENTED_SESSION_TOO_LATE', expect.stringContaining('await ctx.saveSession()')]);
    expect(more).toEqual([]);
  });

  const faces: [string, (app: Koa) => Koa.Middleware][] = [
    ['koa-session', (app) => freshKoaSession({}, app)],
    ['koa-session-minimal', () => freshMinimal({})],
  ];
  describe.each(faces)('with the entry point for %s', (_face, make) => {
    const openFace = async (change: (ctx: Koa.Context) => unknown) => {
      const site = await siteWith((app) => [afterNext((ctx) => ctx.path === '/see' && change(ctx)), make(app)]);
      const visitor = site.visitor();
      await visitor.get('/put?a=1');
      warnings.length = 0;
      return { site, visitor };
    };

    it.each<[string, (ctx: Koa.Context) => unknown]>([
      ['a key', (ctx) => Object.assign(ctx.session ?? {}, { flash: 'sorry' })],
      ['a key of a part', (ctx) => Object.assign((ctx.session as never)['part'] ?? ctx.session, { flash: 'sorry' })],
      ['another session', (ctx) => Object.assign(ctx, { session: { b: 1 } })],
      ['null', (ctx) => Object.assign(ctx, { session: null })],
    ])('is lost, and one warning says so: %s', async (_what, change) => {
      const { site, visitor } = await openFace(change);
      await visitor.get('/see');
      expect(namesIn(await visitor.get('/see'))).toEqual(['a']);
      const [warning, ...more] = warnings;
      expect(warning).toEqual([
        'KOA_EVENTED_SESSION_TOO_LATE',
        expect.stringContaining('after the session middleware'),
      ]);
      expect([more, site.errors]).toEqual([[], []]);
    });

    it('causes a warning even if the session was not read before', async () => {
      const site = await siteWith((app) => [
        afterNext((ctx) => ctx.path === '/idle' && Object.assign(ctx.session ?? {}, { flash: 'sorry' })),
        make(app),
      ]);
      const visitor = site.visitor();
      await visitor.get('/idle');
      await visitor.get('/see');
      expect(warnings).toHaveLength(1);
    });

    it.each<[string, (ctx: Koa.Context) => unknown]>([
      ['is read', (ctx) => JSON.stringify(ctx.session)],
      [
        'is saved by hand',
        async (ctx) => {
          Object.assign(ctx.session ?? {}, { flash: 'sorry' });
          const { session } = ctx.request as unknown as { session?: { save(done: () => void): void } };
          await new Promise<void>((done) => (session ?? (ctx.session as never as typeof session))?.save(done));
        },
      ],
      ['is set to a value that cannot be a session', (ctx) => Reflect.set(ctx, 'session', [1]) && undefined],
    ])('causes no warning if the session %s', async (what, change) => {
      const { visitor } = await openFace(
        what === 'is set to a value that cannot be a session' ? guarded(change) : change,
      );
      expect((await visitor.get('/see')).status).toBe(200);
      await visitor.get('/idle');
      expect(warnings).toEqual([]);
    });
  });

  it('causes a warning for a new session too', async () => {
    const visitor = await open(flash);
    visitor.jar.removeAllCookiesSync();
    await visitor.get('/see');
    await visitor.get('/idle');
    expect(warnings).toHaveLength(1);
  });

  it.each<[string, (ctx: Koa.Context) => unknown, SessionOptions?]>([
    ['is read', async (ctx) => dataOf(await ctx.session), {}],
    ['is saved by hand', (ctx) => flash(ctx)?.then(() => ctx.saveSession()), {}],
    ['is saved only by hand', flash, { autoCommit: false }],
    [
      'must not be saved',
      (ctx) => {
        ctx.sessionSave = false;
        return flash(ctx);
      },
      {},
    ],
    ['cannot be JSON', (ctx) => Object.assign(ctx.session ?? {}, { big: 1n }), {}],
  ])('causes no warning if the session %s', async (_what, change, options) => {
    const visitor = await open(change, options);
    expect((await visitor.get('/see')).status).toBe(200);
    await visitor.get('/logout');
    await visitor.get('/idle');
    expect(warnings).toEqual([]);
  });
});
