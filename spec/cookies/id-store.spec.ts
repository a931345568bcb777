import { createHmac } from 'node:crypto';
import type Koa from 'koa';
import session, { type CookieOptions, SessionError, type SessionOptions } from '../../lib/main';
import { type Browser, browser } from '../helpers/http/serve';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { lifetime, settingCookie } from '../helpers/sites/session-cookies';
import { cookieHeader, openSite, type Routes, sentId, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

let store: MapClient;

beforeEach(() => {
  store = new MapClient();
});

/** A visitor of a site with these keys; one with another's jar is that visitor after a deployment. */
async function visitorWith(keys: unknown, options: SessionOptions = {}, routes: Routes = {}, before?: Browser) {
  const site = await siteWith({ store, ...options }, routes);
  site.app.keys = keys as string[];
  return { site, visitor: browser(site.url, before?.jar) };
}

describe('a signature', () => {
  it.each<[string, (cookies: Record<string, string>) => Record<string, string>]>([
    ['is missing', ({ 'koa.sid.sig': _, ...cookies }) => cookies],
    ['is empty', (cookies) => ({ ...cookies, 'koa.sid.sig': '' })],
    ['is another', (cookies) => ({ ...cookies, 'koa.sid.sig': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' })],
    ['is cut', (cookies) => ({ ...cookies, 'koa.sid.sig': (cookies['koa.sid.sig'] as string).slice(0, -1) })],
    ['is longer', (cookies) => ({ ...cookies, 'koa.sid.sig': `${cookies['koa.sid.sig']}A` })],
    ['belongs to another id', (cookies) => ({ ...cookies, 'koa.sid': 'A'.repeat(24) })],
  ])('that %s: a new session, the store is not called, and no cookie is changed', async (_what, forge) => {
    const { visitor, site } = await visitorWith(['key']);
    await visitor.get('/put?a=1');
    const cookies = Object.fromEntries(
      (await visitor.jar.getCookies(site.url)).map((cookie) => [cookie.key, cookie.value]),
    );
    const header = Object.entries(forge(cookies))
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
    const get = jest.spyOn(store, 'get');
    const reply = await visitor.get('/see', { cookie: header });
    expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
    expect(get).not.toHaveBeenCalled();
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
  });

  it('that was valid is worth nothing once its key is gone, however often it was sent before', async () => {
    const keys = ['old'];
    const { visitor, site } = await visitorWith(keys);
    await visitor.get('/put?a=1');
    await visitor.get('/see');
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
    keys[0] = 'new';
    expect((await visitor.get('/see')).json()).toEqual({});
    site.app.keys = ['old'];
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
  });

  it('is verified by what replaces `ctx.cookies.get`, however often it was valid before', async () => {
    let isReplaced = false;
    const replacing: Koa.Middleware = (ctx, next) => {
      if (isReplaced) ctx.cookies.get = () => undefined;
      return next();
    };
    const visitor = (await closedAfterTest(openSite({ use: [replacing, session({ store })] }))).visitor();
    await visitor.get('/put?a=1');
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
    isReplaced = true;
    expect((await visitor.get('/see')).json()).toEqual({});
  });

  it('by keys that another server already has is kept, so that a rolling deployment logs nobody out', async () => {
    const updated = await visitorWith(['new', 'old']);
    await updated.visitor.get('/put?a=1');
    const outdated = await visitorWith(['old'], {}, {}, updated.visitor);
    const reply = await outdated.visitor.get('/see');
    expect([reply.json(), reply.setCookie]).toEqual([{}, []]);
    expect((await updated.visitor.get('/see')).json()).toEqual({ a: '1' });
  });

  it('covers both the name and the id, so that it is worthless under another name', async () => {
    const one = await visitorWith(['key'], { key: 'one' });
    const sid = sentId(await one.visitor.get('/put?a=1'), 'one');
    const sig = (await one.visitor.jar.getCookies(one.site.url)).find(({ key }) => key === 'one.sig')?.value;
    const two = await visitorWith(['key'], { key: 'two' });
    expect((await two.visitor.get('/see', { cookie: `two=${sid}; two.sig=${sig}` })).json()).toEqual({});
    expect((await one.visitor.get('/see', { cookie: `one=${sid}; one.sig=${sig}` })).json()).toEqual({ a: '1' });
  });
});

describe('a signature by an older key', () => {
  const attributes = { domain: '127.0.0.1', sameSite: 'strict', priority: 'high' } as const;
  const line =
    /^koa\.sid\.sig=[\w-]{27}; path=\/; expires=[^;]+; max-age=\d+; domain=127\.0\.0\.1; priority=high; samesite=strict; httponly$/;

  it('is renewed, with the attributes of the session cookie', async () => {
    const before = await visitorWith(['old'], { cookie: attributes });
    await before.visitor.get('/put?a=1');
    const { visitor } = await visitorWith(['new', 'old'], { cookie: attributes }, {}, before.visitor);
    const reply = await visitor.get('/see');
    expect(reply.json()).toEqual({ a: '1' });
    expect(reply.setCookie).toEqual([expect.stringMatching(line)]);
    const after = await visitorWith(['new'], { cookie: attributes }, {}, visitor);
    const last = await after.visitor.get('/see');
    expect([last.json(), last.setCookie]).toEqual([{ a: '1' }, []]);
  });

  it('is renewed with the attributes that a handler has set for this session', async () => {
    const routes = settingCookie({ sameSite: 'strict', maxAge: 7_200_000 });
    const before = await visitorWith(['old'], {}, routes);
    await before.visitor.get('/set');
    const { visitor } = await visitorWith(['new', 'old'], {}, {}, before.visitor);
    const sig = setCookieOf(await visitor.get('/see'), 'koa.sid.sig');
    expect(sig).toContain('samesite=strict');
    expect(Math.abs((lifetime(sig) as number) - 7_200_000)).toBeLessThan(60_000);
  });

  it('is sent once if the session is saved too', async () => {
    const before = await visitorWith(['old']);
    await before.visitor.get('/put?a=1');
    const { visitor } = await visitorWith(['new', 'old'], {}, {}, before.visitor);
    const reply = await visitor.get('/put?a=2');
    expect(reply.setCookie.map((it) => it.split('=', 1)[0]).sort()).toEqual(['koa.sid', 'koa.sid.sig']);
    const after = await visitorWith(['new'], {}, {}, visitor);
    expect((await after.visitor.get('/see')).json()).toEqual({ a: '2' });
  });

  it('of a session that is not in the store is not renewed', async () => {
    const before = await visitorWith(['old']);
    await before.visitor.get('/put?a=1');
    store.records.clear();
    const { visitor } = await visitorWith(['new', 'old'], {}, {}, before.visitor);
    expect((await visitor.get('/see')).setCookie).toEqual([]);
  });

  it('is renewed in defer mode when the session is requested', async () => {
    const before = await visitorWith(['old']);
    await before.visitor.get('/put?a=1');
    const { visitor } = await visitorWith(['new', 'old'], { defer: true }, {}, before.visitor);
    expect((await visitor.get('/idle')).setCookie).toEqual([]);
    expect((await visitor.get('/see')).setCookie).toEqual([expect.stringMatching(/^koa\.sid\.sig=/)]);
  });

  it('can log out like any other', async () => {
    const before = await visitorWith(['old']);
    await before.visitor.get('/put?a=1');
    const { visitor, site } = await visitorWith(['new', 'old'], {}, {}, before.visitor);
    await visitor.get('/logout');
    expect(store.size).toBe(0);
    expect(await visitor.jar.getCookies(site.url)).toEqual([]);
  });
});

describe('app.keys', () => {
  it.each<[string, unknown, string]>([
    ['not set', undefined, 'is not set'],
    ['empty', [], 'is empty'],
    ['null', null, 'is not set'],
    ['a string instead of an array of strings', 'hunter2', 'is a string'],
    ['an object that cannot sign', { key: 'hunter2' }, 'is an object'],
    [
      'a list with nothing in it, as a missing environment variable leaves it',
      [undefined],
      'is an array with a key that is missing or empty',
    ],
    [
      'a list with an empty key, under which anybody can sign',
      ['hunter2', ''],
      'is an array with a key that is missing or empty',
    ],
  ])('that is %s causes one clear error', async (_what, keys, why) => {
    const { site, visitor } = await visitorWith(keys);
    for (const cookie of ['', 'koa.sid=x', 'koa.sid=x; koa.sid.sig=y']) {
      expect((await visitor.get('/put?a=1', { cookie })).status).toBe(500);
    }
    expect(site.errors).toHaveLength(3);
    for (const error of site.errors) {
      expect(error).toBeInstanceOf(SessionError);
      expect(error).toMatchObject({
        code: 'ERR_SESSION_KEYS',
        message: expect.stringMatching(/`app\.keys = \[process\.env\.SESSION_SECRET\]`.*signed: false/),
      });
      expect(error.message).toContain(`The session cookie is signed, but \`app.keys\` ${why}`);
      expect(error.message).not.toContain('hunter2');
    }
    expect(store.size).toBe(0);
  });

  it('are not needed without signatures, or if a request does not use a deferred session', async () => {
    const unsigned = await visitorWith(undefined, { cookie: { signed: false } });
    await unsigned.visitor.get('/put?a=1');
    expect((await unsigned.visitor.get('/see')).json()).toEqual({ a: '1' });
    const deferred = await visitorWith(undefined, { defer: true });
    expect((await deferred.visitor.get('/idle')).status).toBe(200);
    expect((await deferred.visitor.get('/see')).status).toBe(500);
    expect(deferred.site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_KEYS' })]);
  });

  it('may be an object that signs, such as Keygrip', async () => {
    const sign = (data: string) => createHmac('sha256', 'k').update(data).digest('base64url');
    const keygrip = {
      sign,
      index: (data: string, digest: string) => (sign(data) === digest ? 0 : -1),
      verify: (data: string, digest: string) => sign(data) === digest,
    };
    const { visitor } = await visitorWith(keygrip);
    const reply = await visitor.get('/put?a=1');
    expect(setCookieOf(reply, 'koa.sid.sig')).toContain(`koa.sid.sig=${sign(`koa.sid=${sentId(reply)}`)};`);
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
  });
});

describe('a secure cookie over plain HTTP', () => {
  const secure: SessionOptions = { cookie: { secure: true } };

  it.each([false, true])('causes an error with advice, and leaves no record behind (defer: %p)', async (defer) => {
    const { site, visitor } = await visitorWith(['key'], { ...secure, defer });
    const reply = await visitor.get('/put?a=1');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors).toEqual([expect.any(SessionError)]);
    expect(site.errors[0]).toMatchObject({
      code: 'ERR_SESSION_COOKIE',
      message: expect.stringMatching(/plain HTTP.*`app\.proxy = true`.*`secure: false`/),
    });
    expect(store.size).toBe(0);
    expect(site.events()).not.toContain('session:created');
  });

  it('causes the same error if the cookie must be cleared, or sent again', async () => {
    const { site, visitor } = await visitorWith(['key'], { ...secure, rolling: true });
    site.app.proxy = true;
    const tls = { 'x-forwarded-proto': 'https' };
    const cookie = cookieHeader(await visitor.get('/put?a=1', tls));
    for (const path of ['/see', '/logout']) expect((await visitor.get(path, { cookie })).status).toBe(500);
    expect(site.errors).toHaveLength(2);
    for (const error of site.errors) {
      expect(error).toMatchObject({
        code: 'ERR_SESSION_COOKIE',
        docs: 'docs/errors.md#err_session_cookie',
        message: expect.stringMatching(/plain HTTP.*`app\.proxy = true`.*`secure: false`/),
        cause: new Error('Cannot send secure cookie over unencrypted connection'),
      });
    }
  });

  it('does no harm to visitors without a session', async () => {
    const { visitor } = await visitorWith(['key'], secure);
    expect((await visitor.get('/see')).status).toBe(200);
  });

  it('is sent behind a proxy that terminates TLS', async () => {
    const { site, visitor } = await visitorWith(['key'], secure);
    site.app.proxy = true;
    const reply = await visitor.get('/put?a=1', { 'x-forwarded-proto': 'https' });
    expect(setCookieOf(reply)).toMatch(/; secure; httponly$/);
    expect(store.size).toBe(1);
  });
});

describe('clearing the cookie', () => {
  it.each<[string, CookieOptions]>([
    ['domain', { domain: '127.0.0.1' }],
    ['path', { path: '/app' }],
    ['sameSite', { sameSite: 'none' }],
    ['secure and partitioned', { secure: true, partitioned: true }],
    ['priority', { priority: 'high' }],
    ['httpOnly off', { httpOnly: false }],
    ['all at once', { domain: '127.0.0.1', path: '/app', sameSite: 'strict', secure: true, partitioned: true }],
  ])('repeats the attributes that it was set with: %s', async (_what, cookie) => {
    const routes: Routes = {
      '/app/put': (ctx) => {
        ctx.session = { a: 1 };
      },
      '/app/out': (ctx) => {
        ctx.session = null;
      },
    };
    const { site, visitor } = await visitorWith(['key'], { cookie }, routes);
    site.app.proxy = true;
    const tls = { 'x-forwarded-proto': 'https' };
    const given = await visitor.get('/app/put', tls);
    const header = given.setCookie.map((line) => line.split(';', 1)[0]).join('; ');
    const taken = await visitor.get('/app/out', { ...tls, cookie: header });
    const rest = (lines: string[]) =>
      lines.map((line) => line.replace(/=[^;]*/, '=').replace(/expires=[^;]+(; max-age=\d+)?/, 'expires'));
    expect(taken.setCookie).toHaveLength(2);
    expect(rest(taken.setCookie)).toEqual(rest(given.setCookie));
    expect(sentId(taken)).toBe('');
    for (const line of taken.setCookie) expect(line).toContain('expires=Thu, 01 Jan 1970 00:00:00 GMT');
    expect(store.size).toBe(0);
  });

  it('repeats what a handler has set for this session', async () => {
    const { site, visitor } = await visitorWith(
      ['key'],
      {},
      settingCookie({ domain: '127.0.0.1', sameSite: 'strict' }),
    );
    await visitor.get('/set');
    const reply = await visitor.get('/logout');
    expect(setCookieOf(reply)).toMatch(
      /^koa\.sid=; path=\/; expires=Thu, 01 Jan 1970[^;]+; domain=127\.0\.0\.1; samesite=strict; httponly$/,
    );
    expect(await visitor.jar.getCookies(site.url)).toEqual([]);
  });
});

describe('a response with the cookie', () => {
  const caching = (value: string): Routes => ({
    '/put': (ctx) => {
      ctx.set('Cache-Control', value);
      ctx.session = { a: 1 };
    },
  });

  it("keeps the application's Cache-Control", async () => {
    const { visitor } = await visitorWith(['key'], {}, caching('private, max-age=5'));
    expect((await visitor.get('/put')).headers.get('cache-control')).toBe('private, max-age=5');
  });

  it('lets the application set its own Cache-Control after the cookie', async () => {
    const late = async (ctx: Koa.Context) => {
      ctx.session = { a: 1 };
      await ctx.saveSession();
      ctx.set('Cache-Control', 'no-store');
    };
    const { visitor } = await visitorWith(['key'], {}, { '/put': late });
    expect((await visitor.get('/put')).headers.get('cache-control')).toBe('no-store');
  });

  it("adds to the application's Vary", async () => {
    const vary = (ctx: Koa.Context) => {
      ctx.vary('Accept');
      ctx.session = { a: 1 };
    };
    const { visitor } = await visitorWith(['key'], {}, { '/put': vary });
    expect((await visitor.get('/put')).headers.get('vary')).toBe('Accept, Cookie');
  });

  it('keeps other cookies', async () => {
    const other = (ctx: Koa.Context) => {
      ctx.cookies.set('theme', 'dark', { signed: false });
      ctx.session = { a: 1 };
    };
    const { visitor } = await visitorWith(['key'], {}, { '/put': other });
    const names = (await visitor.get('/put')).setCookie.map((line) => line.split('=', 1)[0]);
    expect(names).toEqual(['theme', 'koa.sid', 'koa.sid.sig']);
  });
});

it('two middlewares with different keys and paths do not interfere with each other', async () => {
  const use = [
    session({ store, key: 'shop', prefix: 'shop:', cookie: { path: '/shop' } }),
    session({ store, key: 'site', prefix: 'site:' }),
  ];
  const put = (ctx: Koa.Context) => {
    ctx.session = { at: ctx.path };
  };
  const site = await closedAfterTest(openSite({ use, routes: { '/shop/put': put, '/put': put } }));
  const visitor = site.visitor();
  await visitor.get('/shop/put');
  await visitor.get('/put');
  expect([...store.records.keys()].map((key) => key.slice(0, 5))).toEqual(['shop:', 'site:']);
});
