import type Koa from 'koa';
import type { SessionInToken, TokenStore } from '../../lib/main';
import session, { Store } from '../../lib/main';
import { cookieOf, member } from '../helpers/requests/variant';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { lifetime } from '../helpers/sites/session-cookies';
import { openSite, type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';
import { gate } from '../helpers/time/gate';
import { until } from '../helpers/time/until';

const DAY = 86_400_000;

/** The least that can carry sessions: anybody can read them, and a signed cookie keeps strangers from making them. */
class PlainText implements TokenStore {
  pack({ ttl, ...session }: SessionInToken & { ttl: number }, name: string): string {
    return Buffer.from(JSON.stringify({ ...session, name, ends: Date.now() + ttl })).toString('base64url');
  }

  unpack(token: string, name: string): SessionInToken | undefined {
    const { ends, ...session } = textOf(token);
    return session.name === name ? { ...session, ttl: ends - Date.now() } : undefined;
  }
}

/** It takes its time, as one does that asks another system. */
class Slow implements TokenStore {
  readonly protectsTokens = true;
  readonly #plain = new PlainText();

  async pack(session: SessionInToken & { ttl: number }, name: string): Promise<string> {
    await new Promise(setImmediate);
    return this.#plain.pack(session, name);
  }

  async unpack(token: string, name: string): Promise<SessionInToken | undefined> {
    await new Promise(setImmediate);
    return this.#plain.unpack(token, name);
  }
}

function textOf(token: string | undefined): SessionInToken & { name: string; ends: number } {
  try {
    return JSON.parse(Buffer.from(token as string, 'base64url').toString());
  } catch {
    return { sid: '', record: '', name: '', ends: 0 };
  }
}

const routes: Routes = {
  '/id': (ctx) => ctx.sessionId,
  '/sent': async (ctx) => {
    ctx.respond = false;
    ctx.res.end('sent');
    await new Promise(setImmediate);
  },
};

everyTestStartsAt(Date.UTC(2030, 0, 1));

describe.each([
  ['at once', () => new PlainText()],
  ['later', () => new Slow()],
])('sessions in tokens, from a store that answers %s', (_when, make) => {
  describe.each([
    ['loaded up front', false],
    ['deferred', true],
  ])('%s', (_mode, defer) => {
    it('are in the cookie and nowhere else', async () => {
      const site = await siteWith({ store: make(), defer });
      const ann = site.visitor();
      const token = sentId(await ann.get('/put?user=ann'));
      expect(JSON.parse(textOf(token).record)).toMatchObject({ user: 'ann', cookie: { maxAge: DAY } });
      expect(textOf(token).ends).toBe(Date.now() + DAY);
      await ann.get('/put?colour=red');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', colour: 'red' });
      expect((await site.visitor().get('/see', { cookie: `koa.sid=${token}` })).json()).toEqual(
        make() instanceof Slow ? { user: 'ann' } : {},
      );
    });

    it('have a separate id, which is all that others see', async () => {
      const site = await siteWith({ store: make(), defer }, routes);
      const ann = await member(site);
      await ann.get('/put?colour=red');
      const { sid } = textOf(await cookieOf(ann, site));
      expect(sid).toMatch(/^[\w-]{24}$/);
      expect(site.heard.map(({ name, key }) => [name, key])).toEqual([
        ['session:created', sid],
        ['session:saved', sid],
      ]);
      await ann.get('/logout');
      expect(site.heard.at(-1)).toMatchObject({ name: 'session:destroyed', key: sid });
    });

    it('cost no cookie if nothing has changed', async () => {
      const site = await siteWith({ store: make(), defer });
      const ann = await member(site);
      for (const path of ['/see', '/idle', '/put', '/put?user=ann'])
        expect((await ann.get(path)).setCookie).toEqual([]);
    });

    it('are extended by sending them again, with `rolling` and with `renew`', async () => {
      for (const options of [{ rolling: true }, { renew: true }]) {
        const site = await siteWith({ store: make(), defer, ...options });
        const ann = await member(site);
        pass(0.6 * DAY);
        const reply = await ann.get('/see');
        expect(lifetime(setCookieOf(reply))).toBe(DAY);
        expect(textOf(sentId(reply)).ends).toBe(Date.now() + DAY);
        pass(0.6 * DAY);
        expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      }
    });

    it('with `renew` are not sent while they have enough time left', async () => {
      const site = await siteWith({ store: make(), defer, renew: true });
      const ann = await member(site);
      pass(0.4 * DAY);
      expect((await ann.get('/see')).setCookie).toEqual([]);
    });

    it('expire in time, even if the cookie is sent for longer', async () => {
      const site = await siteWith({ store: make(), defer });
      const ann = await member(site);
      const cookie = await ann.jar.getCookieString(site.url);
      const { sid } = textOf(ann.sid);
      pass(DAY);
      const reply = await site.visitor().get('/see', { cookie });
      expect([reply.json(), reply.setCookie]).toEqual([{}, []]);
      expect(site.heard.slice(-2)).toEqual([
        { name: 'session:expired', key: sid, value: expect.objectContaining({ user: 'ann' }) },
        { name: 'session:missed', key: sid, value: undefined },
      ]);
    });

    it('that cannot be read become new sessions, and the token is not shown', async () => {
      const site = await siteWith({ store: make(), defer, cookie: { signed: false } });
      for (const token of ['nonsense', 'x'.repeat(5000)]) {
        const reply = await site.visitor().get('/see', { cookie: `koa.sid=${token}` });
        expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
      }
      expect(site.heard.map(({ name, key }) => [name, key])).toEqual([
        ['session:missed', undefined],
        ['session:missed', undefined],
      ]);
      const noObject = new PlainText().pack({ sid: 'id', record: '[]', ttl: 1000 }, 'koa.sid');
      expect((await site.visitor().get('/see', { cookie: `koa.sid=${noObject}` })).json()).toEqual({});
      expect(site.heard.at(-2)).toEqual({ name: 'session:invalid', key: undefined, value: '[]' });
    });

    it('saved several times in a request send one cookie, the last', async () => {
      const site = await siteWith(
        { store: make(), defer },
        {
          '/thrice': async (ctx) => {
            for (const step of [1, 2, 3]) {
              (await sessionOf(ctx))['step'] = step;
              await ctx.saveSession();
            }
            (await sessionOf(ctx))['step'] = 4;
          },
        },
      );
      const ann = site.visitor();
      for (const _time of ['new', 'stored']) {
        const reply = await ann.get('/thrice');
        expect(reply.setCookie.filter((line) => line.startsWith('koa.sid='))).toHaveLength(1);
        expect(JSON.parse(textOf(sentId(reply)).record)).toMatchObject({ step: 4 });
      }
    });

    it('that have been saved are returned by `reload()`', async () => {
      const site = await siteWith(
        { store: make(), defer },
        {
          '/reload': async (ctx) => {
            const current = await sessionOf(ctx);
            current['saved'] = true;
            await ctx.saveSession();
            current['dropped'] = true;
            const { sessionId } = ctx;
            await ctx.sessionHandler.reload();
            return [Object.keys(await sessionOf(ctx)).sort(), ctx.sessionId === sessionId];
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/reload')).json()).toEqual([['cookie', 'saved', 'user'], true]);
      expect((await site.visitor().get('/reload')).json()).toEqual([['cookie', 'saved'], true]);
    });

    it('can be changed by `update()`, get a new id, and end', async () => {
      const site = await siteWith(
        { store: make(), defer },
        {
          '/count': (ctx) =>
            ctx.sessionHandler.update((current) => {
              const n = Number(current['n'] ?? 0) + 1;
              current['n'] = n;
              return n;
            }),
          '/regenerate': (ctx) => ctx.regenerateSession({ keepData: true }),
          '/touch': (ctx) => ctx.sessionHandler.touch(),
        },
      );
      const ann = await member(site);
      expect([(await ann.get('/count')).json(), (await ann.get('/count')).json()]).toEqual([1, 2]);
      const { sid } = textOf(ann.sid);
      const token = sentId(await ann.get('/regenerate'));
      expect(textOf(token).sid).not.toBe(sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', n: 2 });
      pass(1000);
      const touched = await ann.get('/touch');
      expect([touched.json(), textOf(sentId(touched)).ends]).toEqual([true, Date.now() + DAY]);
      expect(sentId(await ann.get('/logout'))).toBe('');
      expect((await ann.get('/see')).json()).toEqual({});
    });

    it('reach the visitor even if the handler fails', async () => {
      const site = await siteWith(
        { store: make(), defer },
        {
          '/fail': async (ctx) => {
            (await sessionOf(ctx))['failed'] = true;
            ctx.throw(400, 'no');
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/fail')).status).toBe(400);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', failed: true });
    });

    it.each<[string, Routes[string]]>([
      ['changed', async (ctx) => void Object.assign(await sessionOf(ctx), { late: true })],
      ['ended', (ctx) => ctx.sessionHandler.destroy()],
      ['updated', (ctx) => ctx.sessionHandler.update((current) => void Object.assign(current, { late: true }))],
      ['touched', (ctx) => ctx.sessionHandler.touch()],
      ['saved', (ctx) => ctx.saveSession()],
    ])('%s after the response headers are an error, unless nothing has changed', async (what, late) => {
      let over = () => {};
      const isOver = new Promise<void>((resolve) => {
        over = resolve;
      });
      const outer: Koa.Middleware = (ctx, next) => next().finally(() => ctx.path === '/late' && setImmediate(over));
      const site = await closedAfterTest(
        openSite({
          use: [outer, session({ store: make(), defer })],
          routes: {
            '/late': async (ctx) => {
              await ctx.session;
              ctx.respond = false;
              ctx.res.end('sent');
              await late(ctx);
            },
          },
        }),
      );
      const ann = await member(site);
      expect((await ann.get('/late')).text).toBe('sent');
      await isOver;
      const errors = what === 'saved' ? [] : [expect.objectContaining({ code: 'ERR_SESSION_HEADERS_SENT' })];
      expect(site.errors).toEqual(errors);
    });

    it('that are still being packed when the headers are sent cause an error on saving', async () => {
      const store: TokenStore = make();
      const { opened, open } = gate();
      const site = await siteWith(
        { store, defer },
        {
          '/late': async (ctx) => {
            (await sessionOf(ctx))['late'] = true;
            const pack = store.pack.bind(store);
            store.pack = (carried, name) => opened.then(() => pack(carried, name) as string);
            const failure = ctx.saveSession().catch((error: unknown) => error);
            await new Promise(setImmediate);
            ctx.respond = false;
            ctx.res.end('sent');
            open();
            failed = await failure;
          },
        },
      );
      let failed: unknown;
      const ann = await member(site);
      await ann.get('/late');
      await until(() => failed !== undefined);
      expect(failed).toMatchObject({ code: 'ERR_SESSION_HEADERS_SENT' });
    });

    it('are not extended by `rolling` after the headers, without an error', async () => {
      const site = await siteWith({ store: make(), defer, rolling: true }, routes);
      const ann = await member(site);
      expect((await ann.get('/sent')).text).toBe('sent');
      expect(site.errors).toEqual([]);
    });

    it('saved before the headers have reached the visitor, whatever happens later', async () => {
      const site = await siteWith(
        { store: make(), defer },
        {
          '/stream': async (ctx) => {
            (await sessionOf(ctx))['seen'] = true;
            await ctx.saveSession();
            ctx.respond = false;
            ctx.res.end('sent');
          },
        },
      );
      const ann = await member(site);
      await ann.get('/stream');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', seen: true });
      expect(site.errors).toEqual([]);
    });

    it('that do not fit into a cookie fail before anything is sent, and the visitor keeps the last one that fitted', async () => {
      const site = await siteWith(
        { store: make(), defer },
        {
          '/grow': async (ctx) => {
            (await sessionOf(ctx))['text'] = 'x'.repeat(Number(ctx.query['by']));
            await ctx.saveSession();
          },
          '/small': async (ctx) => {
            (await sessionOf(ctx))['text'] = 'small';
          },
        },
      );
      const ann = await member(site);
      const reply = await ann.get('/grow?by=4000');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect(site.errors[0]).toMatchObject({ code: 'ERR_SESSION_SIZE', name: 'SessionError' });
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect((await ann.get('/small')).status).toBe(200);
    });

    it('travel through a custom id store', async () => {
      const header = 'x-session';
      const site = await siteWith({
        store: make(),
        defer,
        sessionIdStore: {
          get() {
            return this.get(header);
          },
          set(token) {
            this.set(header, token);
          },
          reset() {
            this.set(header, 'none');
          },
        },
      });
      const reply = await site.visitor().get('/put?user=ann');
      expect(reply.setCookie).toEqual([]);
      const token = reply.headers.get(header) as string;
      expect((await site.visitor().get('/see', { [header]: token })).json()).toEqual({ user: 'ann' });
      expect((await site.visitor().get('/logout', { [header]: token })).headers.get(header)).toBe('none');
    });

    it('that the system behind the store fails to read leave the cookie unchanged', async () => {
      const store = make();
      const site = await siteWith({ store, defer, errorHandler: () => undefined });
      const ann = await member(site);
      store.unpack = () => {
        throw new Error('key server is away');
      };
      const reply = await ann.get('/put?user=eve');
      expect([reply.status, reply.setCookie]).toEqual([200, []]);
      await ann.get('/logout');
      expect(site.heard.at(-1)).toEqual({ name: 'session:destroyed', key: undefined, value: undefined });
    });

    it('are signed with `app.keys` unless they are sealed, and again with a newer key', async () => {
      const store = make();
      const before = await siteWith({ store, defer }, {}, { keys: ['old'] });
      const ann = before.visitor();
      const names = (await ann.get('/put?user=ann')).setCookie.map((line) => line.split('=', 1)[0]);
      expect(names).toEqual(store instanceof Slow ? ['koa.sid'] : ['koa.sid', 'koa.sid.sig']);
      const after = await siteWith({ store, defer }, {}, { keys: ['new', 'old'] });
      const reply = await after.visitor().get('/see', { cookie: await ann.jar.getCookieString(before.url) });
      expect(reply.json()).toEqual({ user: 'ann' });
      expect(reply.setCookie).toHaveLength(store instanceof Slow ? 0 : 1);
    });
  });
});

describe.each([1, 12])('a token under a name of %d letters', (letters) => {
  const key = 'n'.repeat(letters);
  const withToken = (size: number) => siteWith({ store: { pack: () => 'x'.repeat(size), unpack: () => null }, key });
  const fits = 4096 - letters;

  it('may use what the name leaves of 4096 bytes', async () => {
    const reply = await (await withToken(fits)).visitor().get('/put?user=ann');
    expect([reply.status, sentId(reply, key)?.length]).toEqual([200, fits]);
    expect(setCookieOf(reply, key)?.split(';')[0]).toHaveLength('='.length + 4096);
  });

  it('may not have one byte more', async () => {
    const site = await withToken(fits + 1);
    const reply = await site.visitor().get('/put?user=ann');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors).toEqual([
      expect.objectContaining({
        code: 'ERR_SESSION_SIZE',
        message: `Expected the session to fit into a cookie of 4096 bytes, but \`${key}\` would take 4097 bytes: store less in the session, or keep sessions in a store on the server`,
      }),
    ]);
  });
});

describe('a store of tokens', () => {
  it('guarantees last-write only, and knows the remaining lifetime', async () => {
    const { sessionStore } = await contextOf();
    expect([sessionStore.guarantee, sessionStore.knowsTtl, sessionStore.prefix]).toEqual(['last-write', true, '']);
  });

  it('cannot read, write or destroy a session by its id', async () => {
    const { sessionStore } = await contextOf();
    const refusal = { code: 'ERR_SESSION_NOT_KEPT', name: 'SessionError' };
    await expect(sessionStore.get('id')).rejects.toMatchObject(refusal);
    await expect(sessionStore.set('id', { cookie: {} })).rejects.toMatchObject(refusal);
    await expect(sessionStore.destroy('id')).rejects.toMatchObject(refusal);
  });

  it('needs the name of the cookie, which a separate Store does not know', () => {
    expect(() => new Store(new PlainText())).toThrow(
      new TypeError(
        'Expected `client` to keep sessions, got one whose sessions travel in the cookie: pass it directly, `session({ store })`',
      ),
    );
  });

  it('refuses a prefix', () => {
    expect(() => session({ store: new PlainText(), prefix: 'shop:' })).toThrow(
      'Expected `prefix` not to be given, since the sessions of this `store` travel in the cookie',
    );
  });

  async function contextOf(): Promise<{ sessionStore: Store }> {
    let found: Store | undefined;
    const site = await siteWith(
      { store: new PlainText() },
      {
        '/store': (ctx) => {
          found = ctx.sessionStore;
        },
      },
    );
    await site.visitor().get('/store');
    return { sessionStore: found as Store };
  }
});
