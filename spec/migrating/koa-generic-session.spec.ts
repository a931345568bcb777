import type Koa from 'koa';
import predecessor from 'koa-generic-session';
import { Cookie, CookieJar } from 'tough-cookie';
import session, { type SessionOptions } from '../../lib/main';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { cookieHeader, openSite, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

type Make = (options?: SessionOptions) => Koa.Middleware;

const theirs = predecessor as Make;
const ours: Make = session;

/** The cookie that a login page sends. */
async function loginCookie(make: Make, options: SessionOptions = {}): Promise<string> {
  const site = await closedAfterTest(openSite({ use: make({ store: new MapClient(), ...options }) }));
  return String(setCookieOf(await site.visitor().get('/put?state=1')));
}

/** Whether a browser sends the cookie along with a form that another site posts back. */
async function comesWithForm(line: string): Promise<boolean> {
  const jar = new CookieJar(undefined, { prefixSecurity: 'unsafe-disabled' });
  await jar.setCookie(Cookie.parse(line) as Cookie, 'https://shop.example/');
  const cookies = await jar.getCookies('https://shop.example/callback', { sameSiteContext: 'none' });
  return cookies.length > 0;
}

describe('A login that returns through another site’s form', () => {
  it.each([
    ['finds its session with koa-generic-session', theirs, {}, true],
    ['finds no session by default', ours, {}, false],
    ["finds its session with sameSite: 'none'", ours, { cookie: { sameSite: 'none' } }, true],
    ['finds its session with sameSite: false, as far as browsers let it', ours, { cookie: { sameSite: false } }, true],
  ] as const)('%s', async (_, make, options, comes) => {
    expect(await comesWithForm(await loginCookie(make, options))).toBe(comes);
  });
});

describe('A request', () => {
  it.each([
    ['has its cookie cleared if the session is unknown, with koa-generic-session', theirs, true],
    ['keeps its cookie if the session is unknown', ours, false],
  ])('%s', async (_, make, isCleared) => {
    const store = new MapClient();
    const site = await closedAfterTest(openSite({ use: make({ store }) }));
    const cookie = cookieHeader(await site.visitor().get('/put?user=ann'));
    store.records.clear();
    const reply = await site.visitor().get('/see', { cookie });
    expect(setCookieOf(reply)?.startsWith('koa.sid=;') ?? false).toBe(isCleared);
  });

  it.each([
    ['has its signature cleared if that is wrong, with koa-generic-session', theirs, true],
    ['keeps its signature if that is wrong', ours, false],
  ])('%s', async (_, make, isCleared) => {
    const site = await closedAfterTest(openSite({ use: make({ store: new MapClient() }) }));
    const reply = await site.visitor().get('/see', { cookie: 'koa.sid=an-id; koa.sid.sig=wrong' });
    expect(reply.setCookie.some((line) => line.startsWith('koa.sid.sig=;'))).toBe(isCleared);
  });

  it.each([
    [
      'fails with the client’s error, renamed, with koa-generic-session',
      theirs,
      'koa-generic-session get error',
      undefined,
    ],
    ['fails with a StoreError', ours, 'StoreError', 'no disk'],
  ])('%s', async (_, make, name, cause) => {
    const store = Object.assign(new MapClient(), { get: () => Promise.reject(new Error('no disk')) });
    const site = await closedAfterTest(openSite({ use: make({ store, cookie: { signed: false } }) }));
    await site.visitor().get('/see', { cookie: 'koa.sid=an-id' });
    const [error] = site.errors;
    expect(error).toMatchObject({ name, message: 'no disk' });
    expect((error?.cause as Error | undefined)?.message).toBe(cause);
  });
});

describe('Rolled back to koa-generic-session', () => {
  it('a session keeps the sameSite with which it was stored', async () => {
    const store = new MapClient();
    const here = await closedAfterTest(openSite({ use: ours({ store }) }));
    const there = await closedAfterTest(openSite({ use: theirs({ store }) }));
    const cookie = cookieHeader(await here.visitor().get('/put?user=ann'));
    expect((await there.visitor().get('/see', { cookie })).json()).toEqual({ user: 'ann' });
    expect(setCookieOf(await there.visitor().get('/put?seen=1', { cookie }))).toMatch(/samesite=lax/i);
  });
});
