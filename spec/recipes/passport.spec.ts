import type Koa from 'koa';
import koaSession from '../../lib/koa-session';
import minimal from '../../lib/koa-session-minimal';
import session from '../../lib/main';
import { recipe } from '../helpers/docs/recipe';
import { browser } from '../helpers/http/serve';
import { clears, openPassportSite, type PassportContext, type PassportVersion } from '../helpers/sites/passport-site';
import { cookieHeader, type Routes, type Site, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { failing } from '../helpers/stores/open-clients';

interface Entry {
  /** The middleware, with its sessions in this client. */
  use(client: MapClient): Koa.Middleware | Koa.Middleware[];
}

const entries: Record<string, Entry> = {
  'koa-evented-session': { use: (store) => session({ store }) },
  'koa-evented-session with `defer`, loaded in front of Passport': {
    use: (store) => [
      session({ store, defer: true }),
      async (ctx, next) => {
        await ctx.session;
        await next();
      },
    ],
  },
  'koa-evented-session/koa-session-minimal': { use: (store) => minimal({ store }) },
};
const versions: PassportVersion[] = [4, 5, 6];
/** Passport 0.6 and later give the visitor another session when privileges change. */
const regenerating = versions.filter((version) => version > 4);
const each = (of: PassportVersion[]) =>
  Object.entries(entries).flatMap(([name, entry]) => of.map((version) => [name, version, entry] as const));

let client: MapClient;
beforeEach(() => {
  client = new MapClient();
});

const routes: Routes = {
  '/data': async (ctx) => {
    const { cookie: _, ...data } = await sessionOf(ctx);
    return data;
  },
  '/keys': async (ctx) => Reflect.ownKeys(await sessionOf(ctx)).filter((key) => key !== 'cookie'),
};
const open = (version: PassportVersion, { use }: Entry) => openPassportSite(version, use(client), { routes });

/** What the records hold, the cookie's attributes left out. */
const records = () =>
  [...client.records.values()].map((record) => {
    const { cookie: _, ...data } = JSON.parse(record) as Record<string, unknown>;
    return data;
  });

const LOGIN = '/login?username=ann&password=right';

/** Answers are fine, and nothing was reported. */
function fine(site: Site): void {
  expect(site.errors).toEqual([]);
}

/** Flash packages use ctx.session, which is a promise with `defer`. */
const withFlash = each(versions).filter(([name]) => !name.includes('defer'));

describe('The program of the page', () => {
  const program = recipe('passport', 'bodyParser()');

  it('logs in under a new id, and out again', async () => {
    const visitor = browser(await program.start());
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const logIn = (password: string) => visitor.post('/login', `username=ann&password=${password}`, form);
    const page = async (cookie?: string) => (await visitor.get('/', cookie ? { cookie } : {})).text;
    const wrong = await logIn('wrong');
    expect([wrong.status, wrong.setCookie, await page()]).toEqual([302, [], 'Not logged in']);
    const first = cookieHeader(await logIn('correct+horse'));
    expect(await page()).toBe('Logged in as ann');
    const second = cookieHeader(await logIn('correct+horse'));
    expect([second === first, await page(first), await page()]).toEqual([false, 'Not logged in', 'Logged in as ann']);
    expect(clears(await visitor.post('/logout'))).toBe(true);
    expect([await page(second), await page()]).toEqual(['Not logged in', 'Not logged in']);
  });
});

describe('A login with koa-passport', () => {
  it.each(each(versions))('lasts, and its record contains only the user: %s, %i', async (_name, version, entry) => {
    const site = await open(version, entry);
    const visitor = site.visitor();
    const reply = await visitor.get(LOGIN);
    expect([reply.status, reply.headers.get('location')]).toEqual([302, '/member']);
    expect((await visitor.get('/member')).json()).toBe('ann');
    expect((await visitor.get('/keys')).json()).toEqual(['passport']);
    expect(records()).toEqual([{ passport: { user: 'ann' } }]);
    expect((await site.visitor().get('/member')).json()).toBe('nobody');
    fine(site);
  });

  it.each(each(regenerating))(
    'continues under another id, and leaves nothing under the old one: %s, %i',
    async (_name, version, entry) => {
      const site = await open(version, entry);
      const visitor = site.visitor();
      const old = cookieHeader(await visitor.get('/put?cart=tea'));
      const login = await visitor.get(LOGIN);
      expect(cookieHeader(login)).not.toBe(old);
      expect((await visitor.get('/data')).json()).toEqual({ passport: { user: 'ann' } });
      expect((await site.visitor().get('/member', { cookie: old })).json()).toBe('nobody');
      expect((await site.visitor().get('/data', { cookie: old })).json()).toEqual({});
      fine(site);
    },
  );

  it.each(each(versions))(
    'keeps the data if asked to, including keys with the names of the methods: %s, %i',
    async (_name, version, entry) => {
      const site = await open(version, entry);
      const visitor = site.visitor();
      await visitor.get('/put?cart=tea&save=later&regenerate=hair');
      await visitor.get('/login-keeping?username=ann&password=right');
      expect((await visitor.get('/member')).json()).toBe('ann');
      const kept = { cart: 'tea', save: 'later', regenerate: 'hair', passport: { user: 'ann' } };
      expect((await visitor.get('/data')).json()).toEqual(kept);
      await visitor.get('/logout-keeping');
      expect((await visitor.get('/data')).json()).toEqual({ ...kept, passport: {} });
      expect((await visitor.get('/member')).json()).toBe('nobody');
      fine(site);
    },
  );

  it.each(withFlash)(
    'that fails leaves its message, and no record after that was shown: %s, %i',
    async (_name, version, entry) => {
      const site = await open(version, entry);
      const visitor = site.visitor();
      const reply = await visitor.get('/login?username=ann&password=wrong');
      expect([reply.status, reply.headers.get('location')]).toEqual([302, '/messages']);
      expect((await visitor.get('/messages')).json()).toEqual(['wrong password']);
      expect((await visitor.get('/messages')).json()).toEqual([]);
      expect((await visitor.get('/member')).json()).toBe('nobody');
      fine(site);
    },
  );

  it.each(each(versions))(
    'stores no record and sends no cookie for visitors without data: %s, %i',
    async (_name, version, entry) => {
      const site = await open(version, entry);
      for (const path of ['/member', '/login-silently?username=ann&password=wrong', '/logout', '/see']) {
        expect([path, (await site.visitor().get(path)).setCookie]).toEqual([path, []]);
      }
      expect(client.size).toBe(0);
      fine(site);
    },
  );
});

describe('A logout with koa-passport', () => {
  it.each(each(versions))('lasts: %s, %i', async (_name, version, entry) => {
    const site = await open(version, entry);
    const visitor = site.visitor();
    await visitor.get(LOGIN);
    expect((await visitor.get('/logout')).status).toBe(200);
    expect((await visitor.get('/member')).json()).toBe('nobody');
    await visitor.get(LOGIN);
    expect((await visitor.get('/member')).json()).toBe('ann');
    fine(site);
  });

  it.each(each(regenerating))(
    'clears the cookie and leaves nothing under the old id: %s, %i',
    async (_name, version, entry) => {
      const site = await open(version, entry);
      const visitor = site.visitor();
      const old = cookieHeader(await visitor.get(LOGIN));
      expect(clears(await visitor.get('/logout'))).toBe(true);
      expect((await site.visitor().get('/member', { cookie: old })).json()).toBe('nobody');
      expect((await site.visitor().get('/put?cart=tea')).status).toBe(200);
      expect(records().filter((data) => 'passport' in data)).toEqual([]);
      fine(site);
    },
  );
});

describe('Other statements of docs/recipes/passport.md:', () => {
  it('koa-passport 4 continues under another id if ctx.regenerateSession() runs first', async () => {
    const safely: Routes = {
      ...routes,
      '/safely': async (ctx) => {
        await ctx.regenerateSession();
        await (ctx as PassportContext).login({ name: 'ann' });
      },
      '/leave': (ctx) => {
        (ctx as PassportContext).logout();
        ctx.session = null;
      },
    };
    const site = await openPassportSite(4, session({ store: client }), { routes: safely });
    const visitor = site.visitor();
    const old = cookieHeader(await visitor.get('/put?cart=tea'));
    await visitor.get('/safely');
    expect((await visitor.get('/member')).json()).toBe('ann');
    expect((await visitor.get('/data')).json()).toEqual({ passport: { user: 'ann' } });
    expect((await site.visitor().get('/member', { cookie: old })).json()).toBe('nobody');
    expect(clears(await visitor.get('/leave'))).toBe(true);
    expect(records().filter((data) => 'passport' in data)).toEqual([]);
  });

  it.each([
    [{ successFlash: 'welcome' }, {}],
    [{ successFlash: 'welcome', keepSessionInfo: true }, { flash: { success: ['welcome'] } }],
  ])('successFlash needs keepSessionInfo: %j', async (options, kept) => {
    const site = await openPassportSite(6, session({ store: client }), { routes, options });
    const visitor = site.visitor();
    await visitor.get(LOGIN);
    expect((await visitor.get('/data')).json()).toEqual({ ...kept, passport: { user: 'ann' } });
  });

  it('failureMessage needs no package, and works with `defer`', async () => {
    const { use } = entries['koa-evented-session with `defer`, loaded in front of Passport'] as Entry;
    const site = await openPassportSite(6, use(client), { routes, options: { failureMessage: true } });
    const visitor = site.visitor();
    await visitor.get('/login-silently?username=ann&password=wrong');
    expect((await visitor.get('/data')).json()).toEqual({ messages: ['wrong password'] });
  });

  it('ctx.state.session is mistaken for the session', async () => {
    const state: Koa.Middleware = async (ctx, next) => {
      ctx.state['session'] = ctx.session;
      await next();
    };
    const site = await openPassportSite(6, [session({ store: client }), state]);
    expect((await site.visitor().get(LOGIN)).status).toBe(500);
    expect(site.errors.map(({ message }) => message)).toEqual(['req.session.regenerate is not a function']);
  });
});

describe('koa-passport on koa-evented-session/koa-session', () => {
  it.each(versions)('%i logs in and out with the methods of its session', async (version) => {
    const use = koaSession({}, { context: {}, use: () => undefined });
    const site = await openPassportSite(version, use);
    const visitor = site.visitor();
    await visitor.get(LOGIN);
    expect((await visitor.get('/member')).json()).toBe('ann');
    await visitor.get('/logout');
    expect((await visitor.get('/member')).json()).toBe('nobody');
    fine(site);
  });
});

describe('A callback of Passport', () => {
  const logIn = (ctx: Koa.Context, name = 'ann') => (ctx as PassportContext).login({ name });
  const both = ['koa-evented-session', 'koa-evented-session/koa-session-minimal'].map(
    (name) => [name, entries[name] as Entry] as const,
  );

  it.each(both)('gets the failure of the store: %s', async (_name, entry) => {
    const site = await openPassportSite(6, entry.use(client), { routes });
    const visitor = site.visitor();
    await visitor.get('/put?cart=tea');
    const mend = failing(client, 'write');
    const reply = await visitor.get(LOGIN);
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors.map(({ message }) => message)).toContain('store is broken');
    mend();
    expect((await visitor.get('/member')).json()).toBe('nobody');
  });

  it.each(both)('fails the request, not the process, if the callback throws: %s', async (_name, entry) => {
    const site = await openPassportSite(6, entry.use(client), { options: { successRedirect: 'https://[' } });
    const visitor = site.visitor();
    expect((await visitor.get(LOGIN)).status).toBe(500);
    expect(site.errors.map(({ message }) => message)).toEqual(['Invalid URL']);
    expect((await visitor.get('/see')).status).toBe(200);
  });

  it.each(both)('fails the request if the user cannot be put into the session: %s', async (_name, entry) => {
    const site = await openPassportSite(6, entry.use(client), {
      routes: { '/unknown': (ctx) => logIn(ctx, 'unknown') },
    });
    expect((await site.visitor().get('/unknown')).status).toBe(500);
    expect(site.errors.map(({ message }) => message)).toEqual(['no such user']);
    expect(client.size).toBe(0);
  });

  it('is called a second time with its own error; another error is reported', async () => {
    const heard: unknown[] = [];
    const call = (ctx: Koa.Context) =>
      new Promise<void>((resolve) => {
        const { session: it } = ctx.request as unknown as { session: { save(callback: Callback): void } };
        ctx.app.once('error', () => resolve());
        it.save((error) => {
          heard.push(error);
          throw new Error('thrown by the callback');
        });
      });
    type Callback = (error?: unknown) => void;
    const site = await openPassportSite(6, session({ store: client }), { routes: { '/call': call } });
    expect((await site.visitor().get('/call')).status).toBe(200);
    expect(heard).toEqual([undefined, new Error('thrown by the callback')]);
    expect(site.errors).toEqual([new Error('thrown by the callback')]);
  });
});

describe('Properties of the application', () => {
  it('are kept: ctx.session has no methods, and ctx.request no new key', async () => {
    const look = (ctx: Koa.Context) => {
      const { request } = ctx as unknown as { request: Record<string, unknown> };
      const first = request['session'];
      const inherited: string[] = [];
      for (const key in request) inherited.push(key);
      return [
        first === request['session'],
        JSON.stringify(first) === JSON.stringify(ctx.session),
        ['save', 'regenerate'].filter((name) => name in (ctx.session as object)),
        inherited.includes('session'),
      ];
    };
    const site = await openPassportSite(6, session({ store: client }), { routes: { '/look': look } });
    const visitor = site.visitor();
    await visitor.get('/put?cart=tea');
    expect((await visitor.get('/look')).json()).toEqual([true, true, [], false]);
  });

  it('are called if a middleware has put methods of these names into the session', async () => {
    const shim: Koa.Middleware = async (ctx, next) => {
      const done = (callback: () => void) => callback();
      Object.assign(ctx.session as object, { regenerate: done, save: done });
      await next();
    };
    const site = await openPassportSite(6, [session({ store: client }), shim], { routes });
    const visitor = site.visitor();
    expect((await visitor.get('/member')).setCookie).toEqual([]);
    await visitor.get('/put?cart=tea');
    await visitor.get(LOGIN);
    expect((await visitor.get('/data')).json()).toEqual({ cart: 'tea', passport: { user: 'ann' } });
  });

  it('are kept in ctx.request.session too, if the application has set that', async () => {
    const own = (ctx: Koa.Context) => {
      const request = ctx.request as unknown as Record<string, unknown>;
      request['session'] = 'mine';
      return [request['session'], ctx.session];
    };
    const site = await openPassportSite(4, session({ store: client }), { routes: { '/own': own } });
    expect((await site.visitor().get('/own')).json()).toMatchObject(['mine', { cookie: {} }]);
    expect(client.size).toBe(0);
  });

  it('count in a session that another middleware has assigned', async () => {
    const theirs: Koa.Middleware = async (ctx, next) => {
      if (ctx.path === '/theirs') Object.assign(ctx, { session: { from: 'another' } });
      await next();
    };
    const look = (ctx: Koa.Context) => (ctx.request as unknown as { session: unknown }).session;
    const site = await openPassportSite(6, [theirs, session({ store: client })], { routes: { '/theirs': look } });
    await site.visitor().get('/see');
    expect((await site.visitor().get('/theirs')).json()).toEqual({ from: 'another' });
  });
});

describe('Passport without a session', () => {
  const login: Routes = { '/direct': (ctx) => (ctx as PassportContext).login({ name: 'ann' }) };

  it('starts one with koa-passport 4 after it was destroyed', async () => {
    const again = (ctx: Koa.Context) => {
      ctx.session = null;
      return (ctx as PassportContext).login({ name: 'ann' });
    };
    const site = await openPassportSite(4, session({ store: client }), { routes: { '/again': again } });
    const visitor = site.visitor();
    await visitor.get('/put?cart=tea');
    await visitor.get('/again');
    expect((await visitor.get('/member')).json()).toBe('ann');
    expect(records()).toEqual([{ passport: { user: 'ann' } }]);
  });

  it('reports that outside the path of the cookie', async () => {
    const site = await openPassportSite(6, session({ store: client, cookie: { path: '/shop' } }));
    expect((await site.visitor().get('/member')).status).toBe(500);
    expect(site.errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Login sessions require session/),
    ]);
  });

  it('reports that with `defer`, unless it was loaded before', async () => {
    const site = await openPassportSite(6, session({ store: client, defer: true }));
    expect((await site.visitor().get('/member')).status).toBe(500);
    expect(site.errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Login sessions require session/),
    ]);
    const old = await openPassportSite(4, session({ store: client, defer: true }), { routes: login });
    const visitor = old.visitor();
    await visitor.get('/put?cart=tea');
    expect((await visitor.get('/member')).json()).toBe('nobody');
    expect((await visitor.get('/direct')).status).toBe(500);
    expect(old.errors).toMatchObject([{ code: 'ERR_SESSION_DEFERRED' }]);
    expect(records()).toEqual([{ cart: 'tea' }]);
  });
});
