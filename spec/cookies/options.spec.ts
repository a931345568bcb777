import type Koa from 'koa';
import session, { type CookieOptions, type SessionOptions } from '../../lib/main';
import { siteWith } from '../helpers/sites/open-sites';
import { sentId, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

/** Options as JavaScript users may write them. */
const set = (options: object) => session(options as SessionOptions);

/** The attributes of the session cookie's line, without name, value and the moment it expires. */
async function attributesWith(cookie: SessionOptions['cookie'] | object, key = 'koa.sid'): Promise<string> {
  const site = await siteWith({ cookie: cookie as CookieOptions, key });
  const line = setCookieOf(await site.visitor().get('/put?a=1'), key) as string;
  return line.slice(line.indexOf(';') + 2).replace(/expires=[^;]+(; max-age=\d+)?/, 'expires');
}

describe('the name of the cookie', () => {
  it.each(['koa.sid', 'koa:sess', 'a', 'SESS-id_1', '!#$%&*+-.^_`|~', 'app/session', '(id)', 'toString'])(
    'may be %s, and is returned by a browser',
    async (key) => {
      const visitor = (await siteWith({ key })).visitor();
      const reply = await visitor.get('/put?a=1');
      expect(sentId(reply, key)).toHaveLength(24);
      expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
    },
  );

  it.each<[string, unknown]>([
    ['empty', ''],
    ['with a space', 'koa sid'],
    ['with =', 'koa=sid'],
    ['with ;', 'koa;sid'],
    ['with ,', 'koa,sid'],
    ['with "', 'koa"sid'],
    ['with a tab', 'koa\tsid'],
    ['with a line break', 'koa\r\nsid'],
    ['ending in a line break', 'koa.sid\n'],
    ['with NUL', 'koa\0sid'],
    ['with DEL', 'koa\x7fsid'],
    ['not ASCII', 'köa'],
    ['a number', 5],
    ['an object', {}],
    ['a boolean', true],
  ])('is refused at set-up if it is %s', (_what, key) => {
    expect(() => set({ key })).toThrow(TypeError);
    expect(() => set({ key })).toThrow(/^Expected `key` to be a cookie name: .*, got /);
  });

  it.each<[string, CookieOptions]>([
    ['__Secure-id', { secure: true }],
    ['__Secure-id', { secure: true, path: '/app', domain: 'example.com' }],
    ['__Host-id', { secure: true }],
    ['__Host-id', { secure: true, path: '/' }],
    ['__host-id', { secure: true }],
    ['__Hostess', {}],
  ])('%s is allowed with %j', (key, cookie) => {
    expect(() => set({ key, cookie })).not.toThrow();
  });

  it.each<[string, CookieOptions | undefined, RegExp]>([
    ['__Secure-id', undefined, /Expected `cookie.secure` to be `true`, since `key` is `__Secure-id`/],
    ['__secure-id', { secure: false }, /Expected `cookie.secure` to be `true`/],
    ['__Host-id', {}, /Expected `cookie.secure` to be `true`/],
    ['__HOST-id', { secure: true, path: '/app' }, /Expected `cookie.path` to be `\/`/],
    ['__Host-id', { secure: true, domain: 'example.com' }, /`cookie.domain` not to be given/],
  ])('%s is refused with %j, since browsers would drop the cookie', (key, cookie, message) => {
    expect(() => set({ key, cookie })).toThrow(TypeError);
    expect(() => set({ key, cookie })).toThrow(message);
  });
});

describe('an omitted attribute has its default', () => {
  const defaults = 'path=/; expires; samesite=lax; httponly';

  it.each<[string, object]>([
    ['no attribute', {}],
    ['undefined', { path: undefined, httpOnly: undefined, sameSite: undefined, maxAge: undefined, signed: undefined }],
    [
      'null',
      { path: null, httpOnly: null, sameSite: null, expires: null, domain: null, secure: null, overwrite: null },
    ],
  ])('%s', async (_what, cookie) => {
    expect(await attributesWith(cookie)).toBe(defaults);
  });

  it('a given attribute is sent, and the others keep their defaults', async () => {
    expect(await attributesWith({ sameSite: 'strict' })).toBe('path=/; expires; samesite=strict; httponly');
    expect(await attributesWith({ sameSite: false })).toBe('path=/; expires; httponly');
    expect(await attributesWith({ sameSite: 'None', httpOnly: false })).toBe('path=/; expires; samesite=none');
    expect(await attributesWith({ domain: 'example.com', priority: 'high', partitioned: true })).toBe(
      'path=/; expires; domain=example.com; priority=high; samesite=lax; httponly; partitioned',
    );
  });

  it.each([null, 0])('maxAge %p creates a browser-session cookie', async (maxAge) => {
    expect(await attributesWith({ maxAge })).toBe('path=/; samesite=lax; httponly');
  });

  it('expires may be a Date or a string, and wins over maxAge', async () => {
    const expires = new Date(Date.now() + 3_600_000);
    for (const given of [expires, expires.toISOString()]) {
      const site = await siteWith({ cookie: { expires: given, maxAge: 5000 } });
      expect(setCookieOf(await site.visitor().get('/put?a=1'))).toContain(`expires=${expires.toUTCString()}`);
    }
  });

  it.each([
    [{ maxage: 60_000 }, 60_000],
    [{ maxage: 60_000, maxAge: 5000 }, 5000],
  ])('maxage is an alias of maxAge, as in connect; maxAge itself wins: %j', async (cookie, ttl) => {
    const store = new MapClient();
    const site = await siteWith({ store, cookie: cookie as CookieOptions });
    await site.visitor().get('/put?a=1');
    expect([...store.ttls.values()]).toEqual([ttl]);
  });
});

describe('an attribute of the wrong type throws a TypeError at set-up that names the attribute, the expectation and the value', () => {
  it.each<[string, unknown[], string]>([
    [
      'maxAge',
      ['1d', -1, Number.NaN, Number.POSITIVE_INFINITY, true, 5n],
      'a positive number of milliseconds, or 0 or null for a browser-session cookie',
    ],
    ['expires', ['soon', 5, true, new Date(Number.NaN)], 'a Date or a date string'],
    ['path', ['', 'app', 5, true], 'a path that starts with `/`, of printable ASCII without `;` and `<`'],
    ['domain', [5, true, '', 'a b', 'a.com; path=/'], 'a host name'],
    ['secure', ['yes', 1, 'auto'], '`true` or `false`'],
    ['httpOnly', ['yes', 0], '`true` or `false`'],
    ['signed', ['no', 1], '`true` or `false`'],
    ['overwrite', [1], '`true` or `false`'],
    ['partitioned', ['x'], '`true` or `false`'],
    ['sameSite', ['some', '', 5], "'strict', 'lax', 'none', true or false"],
    ['priority', ['urgent', 1, true], "'low', 'medium' or 'high'"],
  ])('%s', (name, values, expectation) => {
    for (const value of values) {
      const attempt = () => set({ cookie: { [name]: value } });
      expect(attempt).toThrow(TypeError);
      expect(attempt).toThrow(`Expected \`cookie.${name}\` to be ${expectation}, got `);
    }
  });

  it('an invalid path or domain is refused at set-up, instead of failing every request', () => {
    expect(() => set({ cookie: { path: '/a;b' } })).toThrow(/`cookie.path`/);
    expect(() => set({ cookie: { path: '/a\r\nSet-Cookie: b=1' } })).toThrow(/`cookie.path`/);
    expect(() => set({ cookie: { domain: 'exa mple.com' } })).toThrow(/`cookie.domain`/);
    expect(() => set({ cookie: { domain: 'a.com; path=/' } })).toThrow(/`cookie.domain`/);
  });

  it('a maxAge beyond the range of dates still produces a date that browsers can read', async () => {
    const site = await siteWith({ cookie: { maxAge: Number.MAX_SAFE_INTEGER } });
    const line = setCookieOf(await site.visitor().get('/put?a=1')) as string;
    expect(line).not.toContain('Invalid Date');
  });
});

describe('a misspelt attribute', () => {
  let warnings: jest.SpyInstance;

  beforeEach(() => {
    warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  });
  afterEach(() => warnings.mockRestore());

  it.each([
    ['samesite', 'sameSite'],
    ['SameSite', 'sameSite'],
    ['httponly', 'httpOnly'],
    ['Secure', 'secure'],
    ['Max-Age', 'maxAge'],
    ['expire', 'expires'],
    ['domian', 'domain'],
    ['banner', undefined],
    ['constructor', undefined],
  ])('causes a warning, but not one that may be for another cookie library: %s', (name, meant) => {
    set({ cookie: { [name]: true } });
    expect(warnings.mock.calls).toEqual(
      meant === undefined
        ? []
        : [[expect.stringContaining(`\`cookie.${name}\`; did you mean \`cookie.${meant}\`?`), expect.anything()]],
    );
  });

  it("is neither a correct name nor connect's maxage", () => {
    set({ cookie: { maxage: 5000, sameSite: 'strict', httpOnly: true, secure: false, samesite: undefined } });
    expect(warnings).not.toHaveBeenCalled();
  });

  it('causes one warning, even if a function returns it for each request', async () => {
    const visitor = (await siteWith({ cookie: () => ({ samesite: 'none' }) as CookieOptions })).visitor();
    for (let request = 0; request < 3; request += 1) await visitor.get('/see');
    expect(warnings).toHaveBeenCalledTimes(1);
  });
});

describe('cookie options in the wrong place, or in a wrong combination', () => {
  let warnings: jest.SpyInstance;

  beforeEach(() => {
    warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  });
  afterEach(() => warnings.mockRestore());

  it.each([
    ['name', 'set the name of the cookie as `key`, beside `cookie`'],
    ['keys', 'set `app.keys = [secret]`'],
    ['secret', 'set `app.keys = [secret]`'],
    ['ttl', 'give `ttl` beside `cookie`, or `cookie.maxAge`'],
  ])('cause a warning that says where they belong: %s', (name, advice) => {
    set({ cookie: { [name]: 'x' } });
    expect(warnings.mock.calls).toEqual([
      [`koa-evented-session does not know \`cookie.${name}\`; ${advice}`, expect.anything()],
    ]);
  });

  it.each<[CookieOptions, string]>([
    [{ sameSite: 'none', secure: false }, "sameSite: 'none'"],
    [{ sameSite: 'None' as 'none', secure: false }, "sameSite: 'none'"],
    [{ partitioned: true, secure: false }, 'partitioned: true'],
  ])('cause a warning if browsers would drop the cookie: %p', (cookie, why) => {
    set({ cookie });
    expect(warnings.mock.calls).toEqual([
      [
        `Browsers drop a cookie with \`${why}\` that is not secure: set \`cookie: { secure: true }\`, or omit \`secure\``,
        { code: 'KOA_EVENTED_SESSION_INSECURE_COOKIE' },
      ],
    ]);
  });

  it('are fine if the connection decides', () => {
    set({ cookie: { sameSite: 'none' } });
    set({ cookie: { sameSite: 'none', secure: true } });
    set({ cookie: { sameSite: 'lax', secure: false } });
    expect(warnings).not.toHaveBeenCalled();
  });

  it('cause one warning, even if a function returns them for each request', async () => {
    const cookie = () => ({ sameSite: 'none', secure: false, ttl: 5 }) as CookieOptions;
    const visitor = (await siteWith({ cookie })).visitor();
    for (let request = 0; request < 3; request += 1) await visitor.get('/see');
    expect(warnings).toHaveBeenCalledTimes(2);
  });
});

describe('cookie options as a function of ctx', () => {
  const byHost = (ctx: Koa.Context): CookieOptions => ({ sameSite: ctx.get('x-shop') === 'b' ? 'strict' : 'none' });

  it('give each request its own attributes, and defaults for the others', async () => {
    const site = await siteWith({ cookie: byHost });
    const line = async (shop: string) => setCookieOf(await site.visitor().get('/put?a=1', { 'x-shop': shop }));
    expect(await line('a')).toMatch(/; path=\/; expires=[^;]+; max-age=\d+; samesite=none; httponly$/);
    expect(await line('b')).toMatch(/; path=\/; expires=[^;]+; max-age=\d+; samesite=strict; httponly$/);
  });

  it('are requested once per request', async () => {
    const cookie = jest.fn(() => ({ maxAge: 60_000 }));
    const visitor = (await siteWith({ cookie })).visitor();
    await visitor.get('/put?a=1');
    expect(cookie).toHaveBeenCalledTimes(1);
    await visitor.get('/put?a=2');
    await visitor.get('/logout');
    expect(cookie).toHaveBeenCalledTimes(3);
  });

  it('may return the same frozen object each time', async () => {
    const attributes = Object.freeze({ maxAge: 60_000 });
    const store = new MapClient();
    const visitor = (await siteWith({ store, cookie: () => attributes })).visitor();
    await visitor.get('/put?a=1');
    await visitor.get('/put?a=2');
    expect([...store.ttls.values()]).toEqual([60_000]);
  });

  it('set the path, and so decide where there is a session', async () => {
    const see = (ctx: Koa.Context) => ctx.session === undefined;
    const site = await siteWith({ cookie: (ctx) => ({ path: ctx.get('x-path') || '/' }) }, { '/see': see });
    expect((await site.visitor().get('/see')).json()).toBe(false);
    expect((await site.visitor().get('/see', { 'x-path': '/admin' })).json()).toBe(true);
  });

  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'Expected `cookie` to be a function that returns an object, got `undefined`'],
    ['a string', () => 'x', 'Expected `cookie` to be a function that returns an object, got `x` (string)'],
    ['an array', () => [], 'Expected `cookie` to be an object, or a function that returns one, got an array'],
    ['a wrong attribute', () => ({ maxAge: 'x' }), 'Expected `cookie.maxAge` to be'],
    ['a promise', async () => ({ maxAge: 60_000 }), 'Expected `cookie` to be a function that returns an object, got '],
  ])('that return %s fail the request with a TypeError', async (_what, cookie, message) => {
    const site = await siteWith({ cookie: cookie as () => CookieOptions });
    expect((await site.visitor().get('/put?a=1')).status).toBe(500);
    expect(site.errors).toEqual([expect.any(TypeError)]);
    expect(site.errors[0]?.message).toContain(message);
  });

  it("must follow the rules of the cookie's name", async () => {
    const site = await siteWith({ key: '__Host-id', cookie: () => ({}) });
    expect((await site.visitor().get('/put?a=1')).status).toBe(500);
    expect(site.errors[0]?.message).toContain('Expected `cookie.secure` to be `true`');
  });
});
