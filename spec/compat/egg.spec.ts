import { type EggApps, type EggPlugin, moment, startEggApps } from '../helpers/egg/apps';
import { EggVisitor, type Seen } from '../helpers/egg/visitor';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

jest.setTimeout(70_000);

const hour = 60 * 60 * 1000;
const plugins: EggPlugin[] = ['egg-session', 'koa-evented-session'];

const older = 'the older key of the specs';
const thirdParty = { sameSite: 'none', secure: true };

/** What a visitor is to see the same on: what Egg's configuration says of each. */
const alike = {
  'the cookie': {},
  'a signed cookie': { session: { encrypt: false } },
  'a plain cookie': { session: { encrypt: false, signed: false } },
  'a cookie of the browser session': { session: { maxAge: 'session', key: 'sess', sameSite: 'lax', priority: 'high' } },
  'a cookie that rolls': { session: { rolling: true, path: '/', domain: 'localhost' } },
  'a cookie that is renewed': { session: { renew: true } },
  'a cookie in two partitions': { proxy: true, cookies: { autoChips: true }, session: thirdParty },
  'a partitioned cookie': { proxy: true, session: { ...thirdParty, partitioned: true, removeUnpartitioned: true } },
  memory: { sessionStore: 'memory' },
  'memory that rolls': { sessionStore: 'memory', session: { rolling: true, maxAge: 2 * hour } },
  'memory that is renewed': { sessionStore: 'memory', session: { renew: true } },
  'memory of the browser session': { sessionStore: 'memory', session: { maxAge: 'session' } },
  'a store of generators': { sessionStore: 'generators' },
  redis: { sessionStore: 'redis' },
};
/** Settings with their own specs below. */
const configurations = {
  ...alike,
  'a cookie for third parties': { proxy: true, session: thirdParty },
  'memory, by its prefix': { sessionStore: 'memory', session: { prefix: 'sess:', encrypt: false } },
  'a class of stores': { sessionStore: 'class' },
  'an older key': { keys: older },
  'an older key, signed': { keys: older, session: { encrypt: false } },
  'a signed cookie in two partitions': {
    proxy: true,
    cookies: { autoChips: true },
    session: { ...thirdParty, encrypt: false },
  },
  'a cookie for scripts': { session: { httpOnly: false } },
  'a cookie, and a log without values': { session: { logValue: false } },
  'memory, and a log without values': { sessionStore: 'memory', session: { logValue: false } },
  'no store after all': { sessionStore: 'null' },
  'a Redis for both': { sessionStore: 'redis', redis: { client: { db: 2 } } },
  'a store to try': {},
  'options that change': {},
  'a part of the site': { session: { ignore: '/see' } },
};
type Name = keyof typeof configurations;

let redis: RedisServer;
let peers: EggApps<Name>;
let ours: EggApps<Name>;

beforeAll(async () => {
  redis = await startRedis();
  const [theirs, own] = await Promise.all(
    plugins.map((plugin, db) =>
      startEggApps(plugin, configurations, { REDIS_PORT: String(redis.port), REDIS_DB: String(db) }),
    ),
  );
  peers = theirs as EggApps<Name>;
  ours = own as EggApps<Name>;
});

afterAll(async () => {
  await Promise.all([peers, ours].map((apps) => apps?.end()));
  await redis.stop();
});

/** Pages that a visitor requests, one after the other. A number is the time in hours since the start. */
type Visit = readonly (string | number)[];
const visits: Record<string, Visit> = {
  'reads a session without data': ['/see', '/untouched', '/see'],
  'fills its session': ['/set?user=ann', '/see', '/untouched', '/set?user=ann', '/set?cart=tea', '/see'],
  'removes something': ['/set?user=ann&cart=tea', '/forget?name=cart', '/see', '/forget?name=user', '/see'],
  'gets another object for a session': ['/set?user=ann', '/replace?cart=tea', '/see', '/replace', '/see'],
  'gets an object for a first session': ['/replace?user=ann', '/see'],
  'logs out': ['/set?user=ann', '/end', '/see', '/end', '/set?user=bob', '/see'],
  'has its session regenerated': ['/set?user=ann', '/regenerate', '/see', '/set?cart=tea', '/see'],
  'has a session saved that is empty': ['/save', '/see', '/set?user=ann', '/save', '/see'],
  'has a session of a shorter life': ['/set?user=ann', '/lifetime?ms=5000', '/see', '/set?cart=tea', '/see'],
  'has a session that ends with the browser': [
    '/set?user=ann',
    '/lifetime?ms=session',
    '/see',
    '/set?cart=tea',
    '/see',
  ],
  'comes back': ['/set?user=ann', 1, '/see', 11, '/see', 13, '/see', 22, '/see', 26, '/set?cart=tea', '/see'],
  'comes back too late': ['/set?user=ann', 25, '/see', '/see', '/set?user=bob', '/see'],
  'has a session that `valid` refuses': ['/set?banned=yes', '/see', '/set?user=bob', '/see'],
  'has a session that `beforeSave` changes': ['/set?note=a', '/see', '/set?note=b', '/see'],
  'meets a handler that fails': ['/fail?user=ann', '/see', '/fail?cart=tea', '/see'],
  'meets a handler that sets nonsense': ['/set?user=ann', '/nonsense', '/see'],
  'has a session of some size': ['/fill?length=1000', '/see', '/fill?length=3000', '/see'],
};

const savedTwice = ['has its session regenerated', 'has a session saved that is empty'];

/** Chrome, over TLS that a proxy has ended. */
const chrome = (version: number) => ({
  'x-forwarded-proto': 'https',
  'user-agent': `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`,
});

/** A visitor of this application, which starts with nothing stored. */
async function visitor(apps: EggApps<Name>, name: Name, cookies: string[] = []): Promise<EggVisitor> {
  const it = new EggVisitor(apps.urls[name], cookies);
  await it.start(moment);
  return it;
}

/** The value of the session's cookie. */
function sessionCookie({ cookies }: EggVisitor): string {
  return cookies.find((cookie) => cookie.startsWith('EGG_SESS='))?.slice('EGG_SESS='.length) ?? '';
}

async function go(visitor: EggVisitor, steps: Visit, headers?: Record<string, string>): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const step of steps) {
    if (typeof step === 'number') await visitor.goOn(moment + step * hour);
    else seen.push(await visitor.see(step, headers));
  }
  return seen;
}

/** Plays the same with both, and returns what egg-session and this package show. */
async function both<T>(play: (apps: EggApps<Name>) => Promise<T>): Promise<[T, T]> {
  return Promise.all([play(peers), play(ours)]);
}

describe.each(Object.keys(alike) as (keyof typeof alike)[])(
  'on %s, shows what egg-session shows a visitor who',
  (name) => {
    // What is saved twice in one request is below.
    const isEach = ([who]: [string, Visit]) => !(name.endsWith('of the browser session') && savedTwice.includes(who));

    it.each(Object.entries(visits).filter(isEach))('%s', async (_who, steps) => {
      const headers = 'proxy' in alike[name] ? chrome(120) : {};
      const [theirs, own] = await both(async (apps) => go(await visitor(apps, name), steps, headers));
      expect(own).toEqual(theirs);
    });
  },
);

describe('cookies', () => {
  const attributes = 'path=/; max-age=86400; expires=Wed, 07 May 2031 12:00:00 GMT';
  const lines = async (name: Name, headers?: Record<string, string>) => {
    const [theirs, own] = await both(async (apps) => (await visitor(apps, name)).see('/set?user=ann', headers));
    expect(own).toEqual(theirs);
    return own.setCookie;
  };

  it('are encrypted by Egg, last one day, and are hidden from scripts', async () => {
    expect(await lines('the cookie')).toEqual([`EGG_SESS=<value>; ${attributes}; httponly`]);
    const ann = await visitor(ours, 'the cookie');
    await ann.see('/set?user=ann');
    const value = sessionCookie(ann);
    expect([value.length > 20, Buffer.from(value, 'base64').toString().includes('ann')]).toEqual([true, false]);
  });

  it('have a signature by Egg if they are not encrypted', async () => {
    expect(await lines('a signed cookie')).toEqual([
      `EGG_SESS=<value>; ${attributes}; httponly`,
      `EGG_SESS.sig=<value>; ${attributes}; httponly`,
    ]);
  });

  it('are for third parties over TLS', async () => {
    const secure = `EGG_SESS=<value>; ${attributes}; samesite=none; secure; httponly`;
    expect(await lines('a cookie for third parties', chrome(120))).toEqual([secure]);
  });

  it('are not marked for third parties if the browser does not support that', async () => {
    const secure = `EGG_SESS=<value>; ${attributes}; secure; httponly`;
    expect(await lines('a cookie for third parties', chrome(70))).toEqual([secure]);
  });

  it('are refused if they require TLS and there is none', async () => {
    const [theirs, own] = await both(async (apps) =>
      go(await visitor(apps, 'a cookie for third parties'), ['/see', '/set?user=ann', '/see']),
    );
    expect(own.map(({ status, setCookie }) => [status, setCookie])).toEqual([
      [200, []],
      [500, []],
      [200, []],
    ]);
    expect(own).toEqual(theirs);
  });

  it('are sent twice to browsers with partitions, and once to others', async () => {
    const rest = `${attributes}; samesite=none; secure; httponly`;
    expect(await lines('a cookie in two partitions', chrome(120))).toEqual([
      `_CHIPS-EGG_SESS=<value>; ${rest}; partitioned`,
      `EGG_SESS=<value>; ${rest}`,
    ]);
    expect(await lines('a cookie in two partitions', chrome(117))).toEqual([`EGG_SESS=<value>; ${rest}`]);
    expect(await lines('a signed cookie in two partitions', chrome(120))).toHaveLength(4);
  });

  it.each(['a cookie in two partitions', 'a signed cookie in two partitions'] as const)(
    'are read from the partition that the browser sends: %s',
    async (name) => {
      const [theirs, own] = await both(async (apps) => {
        const ann = await visitor(apps, name);
        await ann.see('/set?user=ann', chrome(120));
        const partitioned = ann.cookies.filter((cookie) => cookie.startsWith('_CHIPS'));
        return go(await visitor(apps, name, partitioned), ['/see', '/set?cart=tea', '/end'], chrome(120));
      });
      expect(own[0]?.body).toMatchObject({ session: { user: 'ann' } });
      expect(own).toEqual(theirs);
    },
  );

  it('replace those without a partition', async () => {
    expect(await lines('a partitioned cookie', chrome(120))).toEqual([
      'EGG_SESS=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; samesite=none; secure; httponly',
      `EGG_SESS=<value>; ${attributes}; samesite=none; secure; httponly; partitioned`,
    ]);
    expect(await lines('a partitioned cookie', chrome(100))).toEqual([
      `EGG_SESS=<value>; ${attributes}; samesite=none; secure; httponly`,
    ]);
  });

  it.each([
    ['the cookie', 'an older key'],
    ['a signed cookie', 'an older key, signed'],
  ] as const)('made with an older key are valid: %s', async (name, before) => {
    const [theirs, own] = await both(async (apps) => {
      const ann = await visitor(apps, before);
      await ann.see('/set?user=ann');
      return go(await visitor(apps, name, ann.cookies), ['/see', '/see', '/set?cart=tea', '/see']);
    });
    expect(own[0]?.body).toMatchObject({ session: { user: 'ann' } });
    expect(own).toEqual(theirs);
  });

  it.each(['the cookie', 'a signed cookie', 'a plain cookie', 'memory', 'memory, by its prefix', 'redis'] as const)(
    'that Egg did not create become a new session: %s',
    async (name) => {
      const strange = ['', 'x', '=', '%00', 'null', 'bnVsbA==', 'e30=', 'e30', 'a'.repeat(4000)];
      for (const value of strange) {
        const [theirs, own] = await both(async (apps) => {
          const cookies = [`EGG_SESS=${value}`, 'EGG_SESS.sig=x'];
          return go(await visitor(apps, name, cookies), ['/see', '/set?user=ann', '/see']);
        });
        expect([value, own]).toEqual([value, theirs]);
        expect(own[2]?.body).toMatchObject({ session: { user: 'ann' } });
      }
    },
  );

  it('that were altered become a new session', async () => {
    const [theirs, own] = await both(async (apps) => {
      const ann = await visitor(apps, 'the cookie');
      await ann.see('/set?user=ann');
      const value = sessionCookie(ann);
      const altered = `${value.slice(0, 10)}${value[10] === 'A' ? 'B' : 'A'}${value.slice(11)}`;
      return go(await visitor(apps, 'the cookie', [`EGG_SESS=${altered}`]), ['/see']);
    });
    expect(own[0]).toMatchObject({ status: 200, body: { session: {} } });
    expect(own).toEqual(theirs);
  });
});

describe('sessions of one', () => {
  const directions = [
    ['egg-session', 'this plugin', () => [peers, ours]],
    ['this plugin', 'egg-session', () => [ours, peers]],
  ] as const;

  it.each(directions)('%s, held in the cookie, are read and written by %s', async (_from, _to, between) => {
    const [from, to] = between() as [EggApps<Name>, EggApps<Name>];
    for (const name of [
      'the cookie',
      'a signed cookie',
      'a plain cookie',
      'a cookie of the browser session',
    ] as const) {
      const ann = await visitor(from, name);
      await ann.see('/set?user=ann');
      const moved = await visitor(to, name, ann.cookies);
      const [seen] = await go(moved, ['/see', '/set?cart=tea']);
      expect([name, seen?.body]).toEqual([name, expect.objectContaining({ session: { user: 'ann' }, isNew: false })]);
      const back = await visitor(from, name, moved.cookies);
      expect((await back.see('/see')).body).toMatchObject({ session: { user: 'ann', cart: 'tea' } });
    }
  });

  it.each(directions)('%s, kept in Redis, are read and written by %s', async (_from, _to, between) => {
    const [from, to] = between() as [EggApps<Name>, EggApps<Name>];
    const ann = await visitor(from, 'a Redis for both');
    await ann.see('/set?user=ann');
    const moved = new EggVisitor(to.urls['a Redis for both'], ann.cookies);
    await moved.goOn(moment);
    const [seen] = await go(moved, ['/see', '/set?cart=tea']);
    expect(seen?.body).toMatchObject({ session: { user: 'ann' }, isNew: false });
    expect((await ann.see('/see')).body).toMatchObject({ session: { user: 'ann', cart: 'tea' } });
    expect((await moved.see('/end')).records).toEqual({});
    expect((await ann.see('/see')).body).toMatchObject({ session: {} });
  });
});

describe('a login with koa-passport', () => {
  it.each<Name>(['the cookie', 'memory'])('lasts until the logout, as with egg-session: %s', async (name) => {
    const [theirs, own] = await both(async (apps) =>
      go(await visitor(apps, name), [
        '/set?cart=tea',
        '/passport-login?username=ann&password=wrong',
        '/passport-login?username=ann&password=right',
        '/passport-member',
        '/passport-logout',
        '/passport-member',
      ]),
    );
    const seen = (steps: Seen[]) => steps.slice(1).map(({ status, body }) => [status, body]);
    expect(seen(own)).toEqual(seen(theirs));
    const member = { user: { name: 'ann' }, cart: 'tea', passport: { user: 'ann' } };
    const nobody = { user: null, cart: 'tea', passport: {} };
    expect(seen(own)).toEqual([[401, 'Unauthorized'], ...[member, member, nobody, nobody].map((body) => [200, body])]);
  });
});

describe('app.sessionStore', () => {
  const set = async (is: string) => {
    const [theirs, own] = await both(async (apps) => (await visitor(apps, 'a store to try')).ask(`/store?is=${is}`));
    expect(own).toEqual(theirs);
    return own;
  };

  it.each([
    ['memory', 'object'],
    ['generators', 'object'],
    ['class', 'object'],
    ['null', 'undefined'],
  ])('accepts a store: %s', async (is, type) => {
    expect(await set(is)).toEqual({ is: type });
  });

  it.each(['get', 'set', 'destroy'])('must have the method %s', async (name) => {
    expect(await set(`without ${name}`)).toEqual({
      name: 'AssertionError',
      code: 'ERR_ASSERTION',
      message: `store.${name} must be function`,
    });
  });

  it('is undefined if it was set to null, and sessions are in the cookie', async () => {
    const [theirs, own] = await both(async (apps) => (await visitor(apps, 'no store after all')).see('/set?user=ann'));
    expect(own).toMatchObject({ cookie: { user: 'ann' }, records: {} });
    expect(own).toEqual(theirs);
  });

  it('takes effect at once, while the application runs', async () => {
    const [theirs, own] = await both(async (apps) => {
      const ann = await visitor(apps, 'a store to try');
      const seen: Seen[] = [];
      for (const is of ['memory', 'generators', 'null', 'class']) {
        await ann.get(`/store?is=${is}`, { cookie: '' });
        seen.push(...(await go(ann, ['/see', '/set?user=ann', '/see'])));
      }
      return seen;
    });
    expect(own.map(({ body }) => (body as { external: string }).external)).toEqual([
      ...Array(6).fill('string'),
      ...Array(3).fill('undefined'),
      ...Array(3).fill('string'),
    ]);
    expect(own).toEqual(theirs);
  });

  it('logs that one replaced another', async () => {
    const app = await visitor(ours, 'a store to try');
    await app.get('/store?is=memory');
    await app.get('/store?is=generators');
    expect(await ours.log('a store to try', 'egg-app-web.log')).toMatch(
      /WARN .* \[koa-evented-session\] app\.sessionStore is set already; the new store takes its place\./,
    );
  });

  it('returns the given store, with methods that return promises', async () => {
    const [theirs, own] = await both(async (apps) => {
      const app = await visitor(apps, 'a store of generators');
      return app.ask('/direct');
    });
    expect(own).toEqual({ isPromise: true, found: { user: 'ann' } });
    expect(own).toEqual(theirs);
  });
});

describe('config.session', () => {
  it('has the defaults of egg-session', async () => {
    const [theirs, own] = await both(async (apps) => (await visitor(apps, 'the cookie')).ask('/config'));
    const defaults = { key: 'EGG_SESS', maxAge: 24 * hour, httpOnly: true, encrypt: true, logValue: true };
    expect(theirs).toMatchObject(defaults);
    expect(own).toEqual(defaults);
  });

  it('warns of a cookie that scripts can read, and of no other', async () => {
    const warned = async (name: Name) =>
      (await ours.log(name, 'egg-app-web.log')).match(
        /WARN .*\[koa-evented-session\] Set `config\.session\.httpOnly`/g,
      );
    expect(await warned('a cookie for scripts')).toHaveLength(1);
    expect(await warned('the cookie')).toBeNull();
  });

  it('may be changed in place while the application runs', async () => {
    const [theirs, own] = await both(async (apps) => {
      const ann = await visitor(apps, 'options that change');
      const change = (to: string) => ann.get(`/change?to=${encodeURIComponent(to)}`);
      const seen = await go(ann, ['/set?user=ann', '/see']);
      await change('refuse everybody');
      seen.push(...(await go(ann, ['/see'])));
      await change('log no values');
      seen.push(...(await go(ann, ['/see'])));
      await change('refuse nobody');
      await change('note who saves');
      seen.push(...(await go(ann, ['/see', '/set?cart=tea', '/see'])));
      await change('live for a minute');
      seen.push(...(await go(ann, ['/see', '/see'])));
      const refused = async () =>
        (await apps.log('options that change', 'egg-web.log')).match(/\[session\]\[invalid\].*$/gm) ?? [];
      await until(async () => (await refused()).length >= 2);
      return [...seen, await refused()];
    });
    expect(own).toEqual(theirs);
    expect(own?.at(-1)).toEqual([expect.stringContaining('"user":"ann"'), expect.stringContaining('value("")')]);
  });

  it('separates sessions from requests that `ignore` names', async () => {
    const [theirs, own] = await both(async (apps) =>
      go(await visitor(apps, 'a part of the site'), ['/set?user=ann', '/see', '/untouched', '/set?cart=tea', '/see']),
    );
    expect(own).toEqual(theirs);
  });
});

describe('the log', () => {
  /** The lines about sessions, without random parts. */
  const lines = async (apps: EggApps<Name>, name: Name) => {
    const found = (await apps.log(name, 'egg-web.log')).match(/\[session\].*$/gm) ?? [];
    return found.map((line) => line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '<id>'));
  };
  const ann = '{"user":"ann","_expire":1935921600000,"_maxAge":86400000}';
  const banned = '{"banned":"yes","_expire":1936011600000,"_maxAge":86400000}';

  it.each<[Name, string[]]>([
    ['the cookie', [`[expired] key(undefined) value(${ann})`, `[invalid] key(undefined) value(${banned})`]],
    [
      'a cookie, and a log without values',
      ['[expired] key(undefined) value("")', '[invalid] key(undefined) value("")'],
    ],
    ['memory', [`[expired] key(<id>) value(${ann})`, `[invalid] key(<id>) value(${banned})`]],
    ['memory, and a log without values', ['[expired] key(<id>) value("")', '[invalid] key(<id>) value("")']],
  ])('contains expired and invalid sessions: %s', async (name, told) => {
    for (const apps of [peers, ours]) {
      const before = (await lines(apps, name)).length;
      const late = await visitor(apps, name);
      await late.get('/set?user=ann');
      await late.goOn(moment + 25 * hour);
      await late.get('/see');
      const refused = new EggVisitor(apps.urls[name]);
      await refused.get('/set?banned=yes');
      await refused.get('/see');
      // Events come a moment after their requests.
      await until(async () => (await lines(apps, name)).length >= before + told.length);
      expect((await lines(apps, name)).slice(before)).toEqual(told.map((line) => `[session]${line}`));
    }
  });

  it('contains nothing about a page that does not use its cookie', async () => {
    for (const apps of [peers, ours]) {
      const before = (await lines(apps, 'a signed cookie')).length;
      const late = await visitor(apps, 'a signed cookie');
      await late.get('/set?user=ann');
      await late.goOn(moment + 25 * hour);
      await late.get('/untouched');
      await late.get('/see');
      await until(async () => (await lines(apps, 'a signed cookie')).length > before);
      expect((await lines(apps, 'a signed cookie')).slice(before)).toHaveLength(1);
    }
  });

  it('contains missed sessions', async () => {
    for (const apps of [peers, ours]) {
      const before = (await lines(apps, 'a class of stores')).length;
      const ann = await visitor(apps, 'a class of stores');
      await ann.get('/set?user=ann');
      await ann.start(moment);
      await ann.get('/see');
      await until(async () => (await lines(apps, 'a class of stores')).length > before);
      expect((await lines(apps, 'a class of stores')).slice(before)).toEqual(['[session][missed] key(<id>)']);
    }
  });
});

describe('differences to egg-session', () => {
  /**
   * A page that already has its session while `meanwhile` happens, and then puts tea into the cart. Returns what the
   * visitor finds.
   */
  const slowly = (meanwhile: string) => async (apps: EggApps<Name>) => {
    const ann = await visitor(apps, 'memory');
    await ann.get('/set?user=ann');
    const elsewhere = new EggVisitor(apps.urls.memory, ann.cookies);
    const page = ann.get('/hold?cart=tea');
    await until(async () => (await elsewhere.get('/held', { cookie: '' })).text === '1');
    await elsewhere.get(meanwhile);
    await elsewhere.get('/release', { cookie: '' });
    await page;
    return (await ann.see('/see')).body;
  };

  it('a slow page does not log in a user who has logged out', async () => {
    const [theirs, own] = await both(slowly('/end'));
    expect(theirs).toMatchObject({ session: { user: 'ann', cart: 'tea' } });
    expect(own).toMatchObject({ session: {}, isNew: true });
  });

  it('changes of two parallel pages are both kept', async () => {
    const [theirs, own] = await both(slowly('/set?language=en'));
    expect(theirs).toMatchObject({ session: { user: 'ann', cart: 'tea' } });
    expect(own).toMatchObject({ session: { user: 'ann', cart: 'tea', language: 'en' } });
  });

  it.each(['1', '"text"', '[]'])('a cookie that contains only %s becomes a new session', async (text) => {
    const cookies = [`EGG_SESS=${Buffer.from(text).toString('base64')}`];
    const [theirs, own] = await both(async (apps) => (await visitor(apps, 'a plain cookie', cookies)).see('/see'));
    expect(theirs?.body).toMatchObject({ isNew: false });
    expect(own?.body).toMatchObject({ isNew: true, session: {} });
  });

  it("a session with `maxAge: 'session'` keeps that after `save()`", async () => {
    const [theirs, own] = await both(async (apps) =>
      (await visitor(apps, 'memory of the browser session')).see('/save'),
    );
    expect(theirs?.body).not.toHaveProperty('maxAge');
    expect(own?.body).toHaveProperty('maxAge', 'session');
  });
});

describe('a context that Egg did not create for a request', () => {
  const find = async (name: Name, how: string) => {
    const [theirs, own] = await both(async (apps) => {
      const ann = await visitor(apps, name);
      await ann.get('/set?user=ann');
      const cookie = encodeURIComponent(ann.cookies.join('; '));
      return ann.ask(`/anonymous?cookie=${cookie}${how}`);
    });
    expect(own).toEqual(theirs);
    return own;
  };

  it('has the session in its cookie', async () => {
    expect(await find('the cookie', '')).toEqual({ session: { user: 'ann' } });
  });

  it('has a new session if it would need the store', async () => {
    expect(await find('memory', '')).toEqual({ session: {} });
  });

  it.each(['the cookie', 'memory'] as const)(
    'has its session after a middleware made for it has run: %s',
    async (name) => {
      expect(await find(name, '&middleware=yes')).toEqual({ session: { user: 'ann' } });
    },
  );
});

describe('a session that a test has put in the place of all', () => {
  it.each(['the cookie', 'memory'] as const)('is what handlers get, and is not stored: %s', async (name) => {
    const [theirs, own] = await both(async (apps) => {
      const ann = await visitor(apps, name);
      await ann.get('/mock?user=mocked');
      const mocked = await go(ann, ['/see', '/see']);
      await ann.get('/restore');
      return [...mocked, ...(await go(ann, ['/see', '/set?user=ann', '/see']))];
    });
    expect(own.map(({ body }) => (body as { session: unknown }).session)).toEqual([
      { user: 'mocked' },
      { user: 'mocked' },
      {},
      { user: 'ann' },
      { user: 'ann' },
    ]);
    expect(own).toEqual(theirs);
  });
});

describe('the plugin', () => {
  it('is also enabled by its name, as `package`', async () => {
    const plugin = { session: { enable: true, package: 'koa-evented-session/egg' } };
    const apps = await startEggApps('koa-evented-session', { it: {} }, { EGG_PLUGINS: JSON.stringify(plugin) });
    try {
      const ann = new EggVisitor(apps.urls.it);
      await go(ann, ['/set?user=ann']);
      expect((await ann.see('/see')).body).toMatchObject({ session: { user: 'ann' } });
      expect(await apps.log('it', 'common-error.log')).toBe('');
    } finally {
      await apps.end();
    }
  });
});
