import type Koa from 'koa';
import { SessionCookie } from '../../lib/cookies/session-cookie';
import type { CookieOptions, Session } from '../../lib/main';
import { siteWith } from '../helpers/sites/open-sites';
import { lifetime, onlyRecord, settingCookie } from '../helpers/sites/session-cookies';
import { type Routes, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 1);

everyTestStartsAt(NOW);

let store: MapClient;

beforeEach(() => {
  store = new MapClient();
});

describe('what a handler sets on session.cookie', () => {
  it('is sent, stored, and marked as its own', async () => {
    const site = await siteWith({ store }, settingCookie({ sameSite: 'strict', path: '/set' }));
    const reply = await site.visitor().get('/set');
    expect(setCookieOf(reply)).toMatch(/; path=\/set; expires=[^;]+; max-age=\d+; samesite=strict; httponly$/);
    expect(setCookieOf(reply, 'koa.sid.sig')).toMatch(
      /; path=\/set; expires=[^;]+; max-age=\d+; samesite=strict; httponly$/,
    );
    expect(onlyRecord(store).cookie).toMatchObject({
      path: '/set',
      sameSite: 'strict',
      httpOnly: true,
      own: ['sameSite', 'path'],
    });
  });

  it('survives later saves', async () => {
    const site = await siteWith({ store }, settingCookie({ sameSite: 'strict' }));
    const visitor = site.visitor();
    await visitor.get('/set');
    expect(setCookieOf(await visitor.get('/put?b=1'))).toContain('samesite=strict');
    expect(onlyRecord(store).cookie.own).toEqual(['sameSite']);
  });

  it('counts as a change, and is saved', async () => {
    const site = await siteWith(
      { store },
      { '/longer': async (ctx) => Object.assign((await sessionOf(ctx)).cookie, { maxAge: 7 * DAY }) },
    );
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    expect(lifetime(setCookieOf(await visitor.get('/longer')))).toBe(7 * DAY);
    expect(onlyRecord(store).ttl).toBe(7 * DAY);
  });

  it('reads as it was set, and otherwise as the options', async () => {
    const seen: CookieOptions[] = [];
    const look: Routes = {
      '/look': async (ctx) => void seen.push({ ...JSON.parse(JSON.stringify((await sessionOf(ctx)).cookie)) }),
    };
    const site = await siteWith({ store, cookie: { domain: undefined, maxAge: 5 * MINUTE } }, look);
    await site.visitor().get('/look');
    expect(seen).toMatchObject([
      { path: '/', httpOnly: true, overwrite: true, signed: true, maxAge: 5 * MINUTE, sameSite: 'lax', own: [] },
    ]);
  });
});

describe('the last one set of expires and maxAge wins, for cookie and record alike', () => {
  const at = (ms: number) => new Date(NOW + ms);

  it.each<[string, object[], number]>([
    ['maxAge', [{ maxAge: 5 * MINUTE }], 5 * MINUTE],
    ['expires', [{ expires: at(7 * DAY) }], 7 * DAY],
    ['expires as a string', [{ expires: at(7 * DAY).toISOString() }], 7 * DAY],
    ['expires, then maxAge', [{ expires: at(7 * DAY), maxAge: 5 * MINUTE }], 5 * MINUTE],
    ['maxAge, then expires', [{ maxAge: 5 * MINUTE, expires: at(7 * DAY) }], 7 * DAY],
    ['maxage, as connect spells it', [{ maxage: 5 * MINUTE }], 5 * MINUTE],
    ['expires, then maxage', [{ expires: at(7 * DAY), maxage: 5 * MINUTE }], 5 * MINUTE],
    ['maxAge, taken back', [{ maxAge: 5 * MINUTE }, { maxAge: undefined }], DAY],
  ])('%s', async (_what, attributes, expected) => {
    const visitor = (await siteWith({ store }, settingCookie(...attributes))).visitor();
    expect(lifetime(setCookieOf(await visitor.get('/set')))).toBe(expected);
    expect(onlyRecord(store).ttl).toBe(expected);
    // The same after a round trip through the store.
    expect(lifetime(setCookieOf(await visitor.get('/put?b=1')))).toBe(expected);
    expect(onlyRecord(store).ttl).toBe(expected);
  });

  it('a maxAge wins over the expires of the options', async () => {
    const options = { store, cookie: { expires: at(7 * DAY) } };
    const site = await siteWith(options, settingCookie({ maxAge: 5 * MINUTE }));
    const plain = await site.visitor().get('/put?a=1');
    expect([lifetime(setCookieOf(plain)), onlyRecord(store).ttl]).toEqual([7 * DAY, 7 * DAY]);
    store.records.clear();
    const reply = await site.visitor().get('/set');
    expect([lifetime(setCookieOf(reply)), onlyRecord(store).ttl]).toEqual([5 * MINUTE, 5 * MINUTE]);
  });

  it.each([0, null])('maxAge %p: the cookie ends with the browser, the record after a day', async (maxAge) => {
    const visitor = (await siteWith({ store }, settingCookie({ maxAge }))).visitor();
    expect(lifetime(setCookieOf(await visitor.get('/set')))).toBeUndefined();
    expect(onlyRecord(store).ttl).toBe(DAY);
    expect(lifetime(setCookieOf(await visitor.get('/put?b=1')))).toBeUndefined();
  });

  it('a fixed expires is counted from now on', async () => {
    const site = await siteWith({ store, rolling: true }, settingCookie({ expires: at(7 * DAY) }));
    const visitor = site.visitor();
    await visitor.get('/set');
    pass(6 * DAY);
    expect(lifetime(setCookieOf(await visitor.get('/see')))).toBe(DAY);
    expect(onlyRecord(store).ttl).toBe(DAY);
  });
});

describe('a cookie object that a handler assigns', () => {
  const replacing = (value: () => unknown): Routes => ({
    '/set': async (ctx) => void Object.assign(await sessionOf(ctx), { a: 1, cookie: value() }),
    '/assign': (ctx) => {
      ctx.session = { a: 1, cookie: value() };
    },
  });

  it.each(['/set', '/assign'])('overrides the options: %s', async (path) => {
    const site = await siteWith(
      { store, cookie: { domain: '127.0.0.1' } },
      replacing(() => ({ maxAge: 5 * MINUTE })),
    );
    const reply = await site.visitor().get(path);
    expect(setCookieOf(reply)).toMatch(
      /; path=\/; expires=[^;]+; max-age=\d+; domain=127\.0\.0\.1; samesite=lax; httponly$/,
    );
    expect(lifetime(setCookieOf(reply))).toBe(5 * MINUTE);
    expect(onlyRecord(store)).toMatchObject({
      ttl: 5 * MINUTE,
      cookie: { path: '/', domain: '127.0.0.1', httpOnly: true },
    });
  });

  it.each(['/set', '/assign'])('may use maxage, as with koa-generic-session: %s', async (path) => {
    const site = await siteWith(
      { store },
      replacing(() => ({ maxage: 5 * MINUTE })),
    );
    expect(lifetime(setCookieOf(await site.visitor().get(path)))).toBe(5 * MINUTE);
    expect(onlyRecord(store).ttl).toBe(5 * MINUTE);
  });

  it.each(['/set', '/assign'])('keeps what the session had set before: %s', async (path) => {
    const routes = {
      ...replacing(() => ({ maxAge: 5 * MINUTE })),
      '/strict': settingCookie({ sameSite: 'strict' })['/set'] as Routes[string],
    };
    const visitor = (await siteWith({ store }, routes)).visitor();
    await visitor.get('/strict');
    const line = setCookieOf(await visitor.get(path));
    expect(line).toContain('samesite=strict');
    expect(lifetime(line)).toBe(5 * MINUTE);
  });

  it.each([null, undefined])('changes nothing if it is %p', async (value) => {
    const visitor = (
      await siteWith(
        { store },
        replacing(() => value),
      )
    ).visitor();
    expect(lifetime(setCookieOf(await visitor.get('/set')))).toBe(DAY);
    expect(onlyRecord(store).cookie).toMatchObject({ path: '/', maxAge: DAY });
    expect((await visitor.get('/see')).json()).toEqual({ a: 1 });
  });

  it('may be deleted: the session still keeps a cookie', async () => {
    const remove = async (ctx: Koa.Context) => {
      const current: Partial<Session> = await sessionOf(ctx);
      current['b'] = 1;
      delete current.cookie;
    };
    const visitor = (await siteWith({ store }, { '/remove': remove })).visitor();
    await visitor.get('/put?a=1');
    expect((await visitor.get('/remove')).status).toBe(200);
    expect(onlyRecord(store)).toMatchObject({ ttl: DAY, cookie: { path: '/', maxAge: DAY } });
    expect((await visitor.get('/see')).json()).toEqual({ a: '1', b: 1 });
  });

  it('may be a copy of the session made through JSON', async () => {
    const copy: Routes = {
      '/copy': async (ctx) => {
        ctx.session = { ...JSON.parse(JSON.stringify(await ctx.session)), b: 1 };
      },
    };
    const routes = { ...copy, ...settingCookie({ maxAge: 5 * MINUTE }) };
    const visitor = (await siteWith({ store }, routes)).visitor();
    await visitor.get('/set');
    expect(lifetime(setCookieOf(await visitor.get('/copy')))).toBe(5 * MINUTE);
    expect(onlyRecord(store).ttl).toBe(5 * MINUTE);
  });
});

describe('the cookie of one session', () => {
  it("is the same session.cookie during the whole request, and not part of the session's data", async () => {
    const same = async (ctx: Koa.Context) => {
      const [one, other] = [await sessionOf(ctx), await sessionOf(ctx)];
      return one.cookie === other.cookie;
    };
    const visitor = (await siteWith({ store }, { '/same': same })).visitor();
    expect((await visitor.get('/same')).json()).toBe(true);
    expect(store.size).toBe(0);
  });

  it('does not leak to the next visitor, or into the options', async () => {
    const cookie = { maxAge: DAY };
    const site = await siteWith({ store, cookie }, settingCookie({ maxAge: 5, sameSite: 'strict' }));
    await site.visitor().get('/set');
    expect(setCookieOf(await site.visitor().get('/put?a=1'))).toContain('samesite=lax');
    expect(cookie).toEqual({ maxAge: DAY });
  });

  it('does not leak to the next visitor through its JSON', async () => {
    const routes: Routes = {
      '/tamper': async (ctx) => {
        const current = await sessionOf(ctx);
        current['a'] = 1;
        const json = (current.cookie as unknown as SessionCookie).toJSON();
        const changes = [() => (json.own as string[]).push('maxAge'), () => Object.assign(json, { maxAge: 5 })];
        return changes.map((change) => {
          try {
            return String(change());
          } catch (error) {
            return (error as Error).name;
          }
        });
      },
    };
    const site = await siteWith({ store, cookie: { maxAge: DAY } }, routes);
    await site.visitor().get('/tamper');
    store.records.clear();
    await site.visitor().get('/put?a=1');
    expect(onlyRecord(store).cookie).toMatchObject({ maxAge: DAY, own: [] });
  });

  it('knows whether a handler has set anything', () => {
    const cookie = new SessionCookie({ maxAge: DAY });
    expect(cookie.changed).toBe(false);
    cookie.maxAge = DAY;
    expect(cookie.changed).toBe(true);
    expect(cookie.attributes()).toEqual({ maxAge: DAY, expires: undefined });
  });

  it('ignores unknown attributes in a record', () => {
    const cookie = SessionCookie.fromRecord(
      { path: '/' },
      { own: ['constructor', '__proto__', 5, 'path'], path: '/a', constructor: 1 },
    );
    expect(cookie.attributes()).toEqual({ path: '/a' });
    expect(Object.getPrototypeOf(cookie)).toBe(SessionCookie.prototype);
  });

  it('is printed as its attributes', () => {
    const { inspect } = jest.requireActual<typeof import('node:util')>('node:util');
    expect(inspect(new SessionCookie({ maxAge: 5 }))).toBe('{ maxAge: 5 }');
  });
});

it('is a new one for a regenerated session', async () => {
  const routes = {
    ...settingCookie({ sameSite: 'strict' }),
    '/anew': async (ctx: Koa.Context) => {
      await ctx.regenerateSession();
      (await sessionOf(ctx))['b'] = 1;
    },
  };
  const visitor = (await siteWith({ store }, routes)).visitor();
  await visitor.get('/set');
  expect(setCookieOf(await visitor.get('/anew'))).toContain('samesite=lax');
});
