import type Koa from 'koa';
import { MemoryStore } from '../../lib/main';
import { eitherClient, siteWithMember } from '../helpers/races/meanwhile';
import { cookieOf } from '../helpers/requests/variant';
import { lifetime } from '../helpers/sites/session-cookies';
import { type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { countCalls, failing, type OpenClient, recordOf } from '../helpers/stores/open-clients';
import { everyTestStartsAt } from '../helpers/time/fake-date';
import { gate } from '../helpers/time/gate';

const DAY = 86_400_000;

everyTestStartsAt(Date.UTC(2030, 0, 1));

const remember: Routes = {
  '/remember': async (ctx) => {
    (await sessionOf(ctx)).cookie.maxAge = 30 * DAY;
  },
};

describe.each(eitherClient)('in %s, a lifetime that another request has set in between', (_what, make) => {
  const late = (change: (ctx: Koa.Context) => unknown) => (meanwhile: (path: string) => Promise<unknown>) => ({
    ...remember,
    '/late': async (ctx: Koa.Context) => {
      await ctx.session;
      await meanwhile('/remember');
      await change(ctx);
    },
    '/count': (ctx: Koa.Context) =>
      ctx.sessionHandler.update((session) => {
        session['n'] = Number(session['n'] ?? 0) + 1;
      }),
  });
  const setX = async (ctx: Koa.Context) => {
    (await sessionOf(ctx))['x'] = 1;
  };

  it.each<[string, (ctx: Koa.Context) => unknown]>([
    ['sets data', setX],
    [
      'assigns a new session',
      (ctx) => {
        ctx.session = { x: 1 };
      },
    ],
    ['updates', (ctx) => ctx.sessionHandler.update((session) => void Object.assign(session, { x: 1 }))],
  ])('is that of the cookie in a request that only %s', async (_how, change) => {
    const store = make();
    const { ann } = await siteWithMember({ store }, late(change));
    const line = setCookieOf(await ann.get('/late'));
    expect(lifetime(line)).toBe(30 * DAY);
    expect(await recordOf(store, `koa:sess:${ann.sid}`)).toMatchObject({ x: 1, cookie: { maxAge: 30 * DAY } });
  });

  it('stays if the record was made unique before, by an update', async () => {
    const store = make();
    const { ann } = await siteWithMember({ store }, late(setX));
    await ann.get('/count');
    expect(lifetime(setCookieOf(await ann.get('/late')))).toBe(30 * DAY);
    expect(await recordOf(store, `koa:sess:${ann.sid}`)).toMatchObject({
      user: 'ann',
      n: 1,
      x: 1,
      cookie: { maxAge: 30 * DAY, own: expect.arrayContaining(['maxAge']) },
    });
  });

  it.each<[string, object]>([
    ["onConflict: 'throw'", { onConflict: 'throw' }],
    ['a genSid of its own', { genSid: () => 'id-of-ann' }],
  ])('stays with %s', async (_option, options) => {
    const store = make();
    const { ann } = await siteWithMember({ store, ...options }, late(setX));
    expect(lifetime(setCookieOf(await ann.get('/late')))).toBe(30 * DAY);
    expect(await recordOf(store, `koa:sess:${ann.sid}`)).toMatchObject({ x: 1, cookie: { maxAge: 30 * DAY } });
  });

  it('stays with a record of koa-generic-session without own attributes', async () => {
    const store = make();
    const { ann } = await siteWithMember({ store }, late(setX));
    const key = `koa:sess:${ann.sid}`;
    const { own: _o, lifetime: _l, ...cookie } = { ...(await recordOf(store, key))?.cookie } as Record<string, unknown>;
    await store.set(key, { user: 'ann', cookie }, DAY);
    expect(lifetime(setCookieOf(await ann.get('/late')))).toBe(30 * DAY);
    expect(await recordOf(store, key)).toMatchObject({ user: 'ann', x: 1, cookie: { maxAge: 30 * DAY } });
  });

  it('is replaced by what this request has set itself: the later one wins', async () => {
    const store = make();
    const setWeek = async (ctx: Koa.Context) => {
      (await sessionOf(ctx)).cookie.maxAge = 7 * DAY;
    };
    const { ann } = await siteWithMember({ store }, late(setWeek));
    expect(lifetime(setCookieOf(await ann.get('/late')))).toBe(7 * DAY);
    expect(await recordOf(store, `koa:sess:${ann.sid}`)).toMatchObject({ cookie: { maxAge: 7 * DAY } });
  });
});

describe.each(eitherClient)('in %s, a signature by an older key', (_what, make) => {
  /** A member whose cookie was signed before the keys were changed. */
  async function signedBefore(options: object = {}) {
    const store = make();
    const broken: (() => void)[] = [];
    const recover = () => {
      for (const end of broken) end();
    };
    const { site, ann, see } = await siteWithMember({ store, ...options }, (meanwhile) => ({
      '/break': async (ctx) => {
        await ctx.session;
        broken.push(failing(store, 'read'));
      },
      '/late': async (ctx) => {
        await ctx.session;
        await meanwhile(String(ctx.query['while']));
      },
      '/login': async (ctx) => {
        await ctx.regenerateSession();
        (await sessionOf(ctx))['user'] = 'bob';
      },
      '/flush': async (ctx) => {
        await ctx.session;
        ctx.flushHeaders();
      },
      '/twice': async (ctx) => {
        await ctx.saveSession();
        await ctx.saveSession();
      },
    }));
    site.app.keys = ['newer key', ...(site.app.keys as string[])];
    return { store, site, ann, see, recover };
  }

  it('is renewed', async () => {
    const { site, ann, see } = await signedBefore();
    expect((await ann.get('/see')).setCookie).toEqual([expect.stringMatching(/^koa\.sid\.sig=/)]);
    site.app.keys = ['newer key'];
    expect(await see()).toEqual({ user: 'ann' });
  });

  it('is not renewed if the visitor has logged in again: the new id keeps its own', async () => {
    const { site, ann, see } = await signedBefore();
    const reply = await ann.get('/late?while=/login');
    expect([reply.status, reply.setCookie]).toEqual([200, []]);
    expect(await see()).toEqual({ user: 'bob' });
    expect(site.events()).toContain('session:gone');
  });

  it('is not renewed if the visitor has logged out', async () => {
    const { ann } = await signedBefore();
    expect((await ann.get('/late?while=/logout')).setCookie).toEqual([]);
  });

  it('is renewed once, however often the session is saved', async () => {
    const { store, ann } = await signedBefore();
    const calls = countCalls(store);
    expect((await ann.get('/twice')).setCookie).toHaveLength(1);
    expect(calls.of('read')).toBeLessThanOrEqual(2);
  });

  it('waits for another request if the headers were sent', async () => {
    const { site, ann } = await signedBefore();
    expect((await ann.get('/flush')).setCookie).toEqual([]);
    expect(site.errors).toEqual([]);
    expect((await ann.get('/see')).setCookie).toHaveLength(1);
  });

  it.each([true, false])(
    'stays if the store does not report whether the session lives (handled: %s)',
    async (handles) => {
      const heard: unknown[] = [];
      const errorHandler = handles ? (_error: Error, type: string) => void heard.push(type) : null;
      const { ann, see, recover } = await signedBefore({ errorHandler });
      const reply = await ann.get('/break');
      expect([reply.status, reply.setCookie]).toEqual([handles ? 200 : 500, []]);
      expect(heard).toEqual(handles ? ['get'] : []);
      recover();
      expect(await see()).toEqual({ user: 'ann' });
    },
  );
});

describe('a session that was logged out, with a client that can only get, set and destroy,', () => {
  it.each<[string, (ctx: Koa.Context) => Promise<unknown>]>([
    [
      'is saved',
      async (ctx) => {
        (await sessionOf(ctx))['late'] = true;
        await ctx.saveSession();
      },
    ],
    ['is touched', (ctx) => ctx.sessionHandler.touch()],
    ['is updated', (ctx) => ctx.sessionHandler.update(() => undefined).catch(() => undefined)],
    ['is destroyed', (ctx) => ctx.sessionHandler.destroy()],
  ])('does not come back if it %s in work that continues after the response', async (_how, work) => {
    const store = new MapClient();
    const { open: later, opened: isLater } = gate();
    let working: Promise<unknown> | undefined;
    const { site, ann } = await siteWithMember({ store }, () => ({
      '/work': async (ctx) => {
        await ctx.session;
        working = isLater.then(() => work(ctx));
      },
    }));
    await ann.get('/work');
    await ann.get('/logout');
    later();
    await working;
    expect(store.size).toBe(0);
    expect(site.events().slice(-2)).toEqual(['session:destroyed', 'session:gone']);
  });

  it('does not come back even if the late work has started no session', async () => {
    const store = new MapClient();
    const { open: later, opened: isLater } = gate();
    let working: Promise<unknown> | undefined;
    const { site, ann } = await siteWithMember({ store, defer: true }, () => ({
      '/work': (ctx) => {
        working = isLater.then(async () => {
          (await sessionOf(ctx))['late'] = true;
          await ctx.saveSession().catch(() => undefined);
        });
      },
    }));
    await ann.get('/work');
    await ann.get('/logout');
    later();
    await working;
    expect([store.size, await cookieOf(ann, site)]).toEqual([0, '']);
  });
});

describe.each(eitherClient)('in %s, beforeSave', (_what, make) => {
  const beforeSave = (ctx: Koa.Context) => {
    ctx.session = null;
  };

  it('may end a session: it is destroyed, or never stored', async () => {
    const store = make();
    const options = { store, beforeSave: (ctx: Koa.Context) => (ctx.query['end'] ? beforeSave(ctx) : undefined) };
    const { site, ann } = await siteWithMember(options);
    const visitor = await site.visitor().get('/put?end=1');
    expect([visitor.status, visitor.setCookie, store.size]).toEqual([200, [], 1]);
    expect(sentId(await ann.get('/put?end=1'))).toBe('');
    expect([store.size, site.events().at(-1)]).toEqual([0, 'session:destroyed']);
  });
});

it.each(eitherClient)(
  'touch() ends a session in %s to which the handler has given an expired lifetime',
  async (_what, make) => {
    const store = make();
    const { site, ann } = await siteWithMember({ store }, () => ({
      '/touch': async (ctx) => {
        (await sessionOf(ctx)).cookie.expires = new Date(Date.now() - 1000);
        return ctx.sessionHandler.touch();
      },
    }));
    const reply = await ann.get('/touch');
    expect([reply.json(), sentId(reply), store.size]).toEqual([false, '', 0]);
    expect(site.events().slice(-2)).toEqual(['session:expired', 'session:destroyed']);
  },
);

it.each<[string, 'touch' | 'write', OpenClient]>([
  ['a MemoryStore', 'touch', new MemoryStore()],
  ['a client that can only get, set and destroy', 'write', new MapClient()],
])(
  'touch() that fails in %s resolves to false if the errorHandler accepts it, and the session stays',
  async (_what, kind, store) => {
    const heard: unknown[] = [];
    const errorHandler = (error: Error, type: string) => void heard.push([error.message, type]);
    const { ann, see } = await siteWithMember({ store, errorHandler }, () => ({
      '/touch': (ctx) => ctx.sessionHandler.touch(),
    }));
    const recover = failing(store, kind);
    const reply = await ann.get('/touch');
    expect([reply.json(), reply.setCookie, heard]).toEqual([false, [], [['store is broken', 'touch']]]);
    recover();
    expect(await see()).toEqual({ user: 'ann' });
  },
);
