import session, { MemoryStore, type SessionIdStore, type SessionOptions, Store } from '../../lib/main';
import { resolveOptions } from '../../lib/middleware/options';
import { deepFreeze } from '../helpers/options/deep-freeze';
import { siteWith } from '../helpers/sites/open-sites';
import { sentId, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

/** Options as JavaScript users may write them. */
const set = (options: unknown) => session(options as SessionOptions);

const idStore: SessionIdStore = { get: () => undefined, set: () => undefined, reset: () => undefined };

let warnings: jest.SpyInstance;

beforeEach(() => {
  warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});

afterEach(() => {
  warnings.mockRestore();
});

describe('omitted options', () => {
  it.each([
    ['no argument', undefined],
    ['null', null],
    ['an empty object', {}],
    [
      'null for every option',
      Object.fromEntries(
        'key prefix store ttl absoluteTimeout cookie defer rolling renew allowEmpty autoCommit genSid errorHandler valid beforeSave sessionIdStore reconnectTimeout timeout onConflict user device maxPerUser renewId'
          .split(' ')
          .map((name) => [name, null]),
      ),
    ],
    [
      'undefined for options',
      { key: undefined, prefix: undefined, cookie: undefined, ttl: undefined, renew: undefined },
    ],
  ])('have their defaults: %s', (_name, given) => {
    const { store, cookieOf: _c, idStore: _i, ...rest } = resolveOptions(given as SessionOptions);
    expect(rest).toEqual({
      key: 'koa.sid',
      sendsCookie: true,
      defer: false,
      rolling: false,
      allowEmpty: false,
      autoCommit: true,
      mayStayUnread: true,
      notesBeginning: false,
      renewal: undefined,
      renew: undefined,
      onConflict: 'last-write',
      genSid: undefined,
      errorHandler: undefined,
      valid: undefined,
      beforeSave: undefined,
    });
    expect(store).toBeInstanceOf(Store);
    expect(store.client).toBeInstanceOf(MemoryStore);
    expect(store.prefix).toBe('koa:sess:');
    expect(store.budget).toBe(10_000);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('give the cookie koa.sid, path /, httpOnly, signed, SameSite=Lax, for one day', async () => {
    const store = new MapClient();
    const site = await siteWith({ store });
    const before = Date.now();
    const reply = await site.visitor().get('/put?a=1');
    const line = setCookieOf(reply) as string;
    expect(line).toMatch(/^koa\.sid=[\w-]{24}; path=\/; expires=[^;]+ GMT; max-age=\d+; samesite=lax; httponly$/);
    const expires = Date.parse(line.match(/expires=([^;]+)/)?.[1] as string);
    expect(expires).toBeGreaterThanOrEqual(before + 86_399_000);
    expect(expires).toBeLessThanOrEqual(Date.now() + 86_400_000);
    expect(setCookieOf(reply, 'koa.sid.sig')).toMatch(/^koa\.sid\.sig=[\w-]{27}; path=\/; .*samesite=lax; httponly$/);
    expect([...store.ttls]).toEqual([[`koa:sess:${sentId(reply)}`, 86_400_000]]);
  });

  it('resolve to an object that cannot be changed later', () => {
    expect(Object.isFrozen(resolveOptions({}))).toBe(true);
  });
});

describe('given options', () => {
  it('are kept unchanged, falsy ones too', () => {
    const store = new MapClient();
    const given = {
      store,
      prefix: '',
      autoCommit: false,
      rolling: true,
      onConflict: 'throw',
      reconnectTimeout: 0,
      timeout: 5,
    } as const;
    const resolved = resolveOptions(given);
    expect(resolved).toMatchObject({ autoCommit: false, rolling: true, onConflict: 'throw', defer: false });
    expect(resolved.store.prefix).toBe('');
    expect(resolved.store.client).toBe(store);
    expect(resolved.store.budget).toBe(5);
  });

  it('limit waiting by the longer of reconnectTimeout and timeout', () => {
    expect(resolveOptions({ reconnectTimeout: 300 }).store.budget).toBe(300);
    expect(resolveOptions({ reconnectTimeout: 0 }).store.budget).toBe(10_000);
    expect(resolveOptions({ reconnectTimeout: 300, timeout: 700 }).store.budget).toBe(700);
  });

  it('treat `renew: true` as half of the ttl', () => {
    expect(resolveOptions({ renew: true }).renew).toBe(0.5);
    expect(resolveOptions({ renew: 1 }).renew).toBe(1);
    expect(resolveOptions({ renew: 0.01 }).renew).toBe(0.01);
    expect(resolveOptions({ renew: false, store: new MapClient() }).renew).toBeUndefined();
  });

  it('are never changed, not even nested ones, at set-up or in requests', async () => {
    const keep = () => true;
    const options = deepFreeze({
      key: 'id',
      prefix: 'p:',
      ttl: 5000,
      cookie: { maxage: 7000, domain: undefined, expires: null, sameSite: 'strict' },
      rolling: true,
      valid: keep,
      beforeSave: keep,
    } as SessionOptions);
    const copy = { ...options, cookie: { ...options.cookie } };
    const visitor = (await siteWith(options)).visitor();
    for (const path of ['/put?a=1', '/see', '/put?a=2', '/logout']) expect((await visitor.get(path)).status).toBe(200);
    expect(options).toEqual(copy);
  });

  it('may be shared by several middlewares', async () => {
    const options = { key: 'id', cookie: { maxage: 60_000 } as SessionOptions['cookie'] };
    session(options);
    const reply = await (await siteWith(options)).visitor().get('/put?a=1');
    expect(sentId(reply, 'id')).toHaveLength(24);
  });
});

describe('an option of the wrong type throws a TypeError at set-up that names the option, the expectation and the value', () => {
  const ms = 'a number of milliseconds from';
  it.each<[string, unknown[], string]>([
    ['defer', ['true', 1, 0, {}], '`true` or `false`'],
    ['rolling', ['yes', 1], '`true` or `false`'],
    ['allowEmpty', ['yes', 1], '`true` or `false`'],
    ['autoCommit', ['no', 0], '`true` or `false`'],
    ['genSid', ['uid', {}, 5, true], 'a function'],
    ['errorHandler', ['log', {}, true], 'a function'],
    ['valid', [true, 'x'], 'a function'],
    ['beforeSave', [false, []], 'a function'],
    ['sessionIdStore', [5, 'cookie', true], 'an object with `get`, `set`, `reset`'],
    [
      'onConflict',
      ['first-write', true, 5, {}],
      "'last-write', 'throw' or a function (key, base, mine, theirs) => value",
    ],
    [
      'renew',
      [0, -1, 1.01, Number.NaN, Number.POSITIVE_INFINITY, 'x', {}],
      '`true`, `false` or a fraction of the ttl above 0 and up to 1',
    ],
    ['prefix', [5, true, {}, []], 'a string'],
    [
      'ttl',
      ['1d', -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, {}, true, 5n],
      'a positive number of milliseconds or a function that returns one',
    ],
    ['reconnectTimeout', [-1, '5', Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, true], `${ms} 0 to 2147483647`],
    ['timeout', [0, -1, '5', Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31], `${ms} 1 to 2147483647`],
    ['store', [5, 'redis', true], 'an object with `get`, `set`, `destroy`'],
    ['cookie', [5, 'x', true, []], 'an object, or a function that returns one'],
  ])('%s', (name, values, expectation) => {
    for (const value of values) {
      const attempt = () => set({ [name]: value });
      expect(attempt).toThrow(TypeError);
      expect(attempt).toThrow(`Expected \`${name}\` to be ${expectation}, got `);
      const shown = Array.isArray(value) ? 'an array' : `\`${String(value)}\` (${typeof value})`;
      const got = typeof value === 'object' && !Array.isArray(value) ? 'an object' : shown;
      expect(attempt).toThrow(`, got ${got}`);
    }
  });

  it.each([5, 'redis', true, () => undefined])('the options themselves: %p', (options) => {
    expect(() => set(options)).toThrow(TypeError);
    expect(() => set(options)).toThrow('Expected `options` to be an object, got ');
  });

  it('an array or a store instead of the options', () => {
    expect(() => set([])).toThrow(TypeError);
    expect(() => set(new MapClient())).toThrow(TypeError);
    expect(() => set(new Store(new MapClient()))).toThrow(TypeError);
  });

  it.each([
    [{}, '`get`, `set`, `destroy`'],
    [{ get() {}, set() {} }, '`destroy`'],
    [{ get() {}, set: true, destroy() {} }, '`set`'],
    [class RedisStore {}, '`get`, `set`, `destroy`'],
  ])('a store that lacks methods: %p', (store, missing) => {
    expect(() => set({ store })).toThrow(TypeError);
    expect(() => set({ store })).toThrow(
      `Expected \`store\` to have the methods \`get\`, \`set\`, \`destroy\`, but ${missing} ${missing.includes(',') ? 'are' : 'is'} missing`,
    );
  });

  it('a store class without an instance gets a hint', () => {
    expect(() => set({ store: MapClient })).toThrow(
      'a function was given: call it, or make an instance of it with `new`?',
    );
  });

  it('a sessionIdStore that lacks methods', () => {
    const { reset: _, ...halfOfIt } = idStore;
    expect(() => set({ sessionIdStore: halfOfIt })).toThrow(
      new TypeError('Expected `sessionIdStore` to have the methods `get`, `set`, `reset`, but `reset` is missing'),
    );
    expect(() => set({ sessionIdStore: idStore })).not.toThrow();
  });

  it('a store whose methods are inherited is accepted, and so is a function with methods', () => {
    expect(() => set({ store: new (class extends MapClient {})() })).not.toThrow();
    expect(() => set({ store: Object.assign(() => undefined, { get() {}, set() {}, destroy() {} }) })).not.toThrow();
  });
});

describe('options that exclude each other', () => {
  it.each([
    ['prefix', 'a:'],
    ['ttl', 5],
    ['reconnectTimeout', 5],
    ['timeout', 5],
  ])('`%s` beside a Store, which has its own', (name, value) => {
    const store = new Store(new MapClient());
    expect(() => set({ store, [name]: value })).toThrow(TypeError);
    expect(() => set({ store, [name]: value })).toThrow(`\`${name}\` not to be given beside a Store`);
    expect(() => set({ store, [name]: null })).not.toThrow();
  });

  it('a Store is used unchanged', async () => {
    const client = new MapClient();
    const store = new Store(client, { prefix: 'mine:', ttl: 1234 });
    const site = await siteWith({ store });
    const reply = await site.visitor().get('/put?a=1');
    expect([...client.ttls]).toEqual([[`mine:${sentId(reply)}`, 1234]]);
  });

  it('`renew` with a store that does not report how long a record has left', () => {
    expect(() => set({ store: new MapClient(), renew: true })).toThrow(TypeError);
    expect(() => set({ store: new MapClient(), renew: true })).toThrow(/Expected `store` to tell .*`renew`/);
    expect(() => set({ renew: true })).not.toThrow();
  });
});

describe('an unknown option', () => {
  it.each([
    ['reconnectTimeOut', 'reconnectTimeout'],
    ['roling', 'rolling'],
    ['errorhandler', 'errorHandler'],
    ['sessionIDStore', 'sessionIdStore'],
    ['cookies', 'cookie'],
  ])('causes a warning that names the nearest known one: %s', (name, nearest) => {
    expect(() => set({ [name]: 'x' })).not.toThrow();
    expect(warnings.mock.calls).toEqual([
      [expect.stringContaining(`the option \`${name}\`; did you mean \`${nearest}\`?`), { code: expect.any(String) }],
    ]);
  });

  it('causes a warning without a guess if no name is near', () => {
    set({ somethingElse: 1 });
    expect(warnings.mock.calls).toEqual([[expect.stringMatching(/`somethingElse`$/), { code: expect.any(String) }]]);
  });

  it('causes one warning in a Store too, but none for options of the middleware', () => {
    const store = new Store(new MapClient(), { prefx: 'a:' } as object);
    set({ store, rolling: true });
    set({ store: new MapClient(), rolling: true, prefix: 'b:' });
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([
      "koa-evented-session does not know the Store's option `prefx`; did you mean `prefix`?",
    ]);
  });

  it('is not mistaken for a property that every object has', () => {
    set({ constructor: 1, toString: 2 });
    expect(warnings).toHaveBeenCalledTimes(2);
  });
});

describe('the default store in production', () => {
  const environment = process.env['NODE_ENV'];

  afterEach(() => {
    process.env['NODE_ENV'] = environment;
  });

  /** As in a new process, which has not warned yet. */
  function inProduction(use: (fresh: typeof import('../../lib/main')) => void): void {
    process.env['NODE_ENV'] = 'production';
    jest.isolateModules(() => use(require('../../lib/main')));
  }

  it('causes one warning', () => {
    inProduction((fresh) => {
      fresh();
      fresh({ store: new fresh.MemoryStore() });
    });
    expect(warnings.mock.calls).toEqual([
      [expect.stringMatching(/memory of this process/), { code: expect.any(String) }],
    ]);
  });

  it('causes a warning behind a Store too', () => {
    inProduction((fresh) => fresh({ store: new fresh.Store(new fresh.MemoryStore()) }));
    expect(warnings).toHaveBeenCalledTimes(1);
  });

  it('causes no warning with another store, or outside of production', () => {
    inProduction((fresh) => fresh({ store: new MapClient() }));
    process.env['NODE_ENV'] = 'development';
    jest.isolateModules(() => require('../../lib/main')());
    expect(warnings).not.toHaveBeenCalled();
  });
});
