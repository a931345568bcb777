import type Koa from 'koa';

import session = require('../../lib/main');

import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { lifetime } from '../helpers/sites/session-cookies';
import { dataOf, openSite, type Routes, type Site, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { TouchableMapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const DAY = 86_400_000;

everyTestStartsAt(Date.UTC(2030, 0, 1));

let client: TouchableMapClient;
beforeEach(() => {
  client = new TouchableMapClient();
});

type Operation = (ctx: Koa.Context) => Promise<unknown>;

/** Lets a listener to the event work with the session; returns the results so far, an error by its message. */
function listening(site: Site, event: string, operation: Operation): () => Promise<unknown[]> {
  const ends: Promise<unknown>[] = [];
  site.app.on(event, ({ ctx }: session.SessionEvent & { ctx: Koa.Context }) => {
    ends.push(operation(ctx).then(() => 'done', String));
  });
  return () => Promise.all(ends);
}

const operations: Record<string, Operation> = {
  'ctx.sessionHandler.destroy()': (ctx) => ctx.sessionHandler.destroy(),
  'ctx.saveSession()': (ctx) => ctx.saveSession(),
  'ctx.sessionHandler.touch()': (ctx) => ctx.sessionHandler.touch(),
  'ctx.regenerateSession()': (ctx) => ctx.regenerateSession(),
  'ctx.sessionHandler.update()': (ctx) =>
    ctx.sessionHandler.update((current) => {
      current['notice'] = 'x';
    }),
};

describe('a listener for an invalid id', () => {
  it.each([
    ['a name that objects inherit', '__proto__'],
    ['one that is too long', 'x'.repeat(5000)],
  ])('gets the new session that it reads, once: %s', async (_what, id) => {
    const site = await siteWith({ store: client, defer: true, cookie: { signed: false } });
    const ends = listening(site, 'session:missed', async (ctx) => {
      (await sessionOf(ctx))['notice'] = 'x';
    });
    const reply = await site.visitor().get('/see', { cookie: `koa.sid=${id}` });
    expect([reply.status, await ends(), site.errors]).toEqual([200, ['done'], []]);
    expect(site.events().filter((name) => name === 'session:missed')).toHaveLength(1);
    expect([...client.records.values()].map((record) => dataOf(JSON.parse(record)))).toEqual([{ notice: 'x' }]);
  });

  describe.each([false, true])('(defer: %s)', (defer) => {
    it.each(Object.entries(operations))('may call %s', async (_call, operation) => {
      const site = await siteWith({ store: client, defer, cookie: { signed: false } });
      const ends = listening(site, 'session:missed', operation);
      const reply = await site.visitor().get('/see', { cookie: 'koa.sid=__proto__' });
      expect([reply.status, await ends(), site.errors]).toEqual([200, ['done'], []]);
      expect(site.events().filter((name) => name === 'session:missed')).toHaveLength(1);
    });
  });
});

describe('a session that a listener reads while a request ends it', () => {
  const routes: Routes = {
    '/end': async (ctx) => {
      const current = await sessionOf(ctx);
      current['b'] = 1;
      current.cookie.expires = new Date(1);
    },
  };

  describe.each([false, true])('(defer: %s)', (defer) => {
    it.each(Object.entries(operations))('waits until it has ended: %s', async (call, operation) => {
      const site = await siteWith({ store: client, defer }, routes);
      const ann = site.visitor();
      await ann.get('/put?a=1');
      const ended = [...client.records.keys()];
      const ends = listening(site, 'session:expired', operation);
      const reply = await ann.get('/end');
      const end = call === 'ctx.sessionHandler.update()' ? expect.stringContaining('has expired') : 'done';
      expect([reply.status, await ends(), site.errors]).toEqual([200, [end], []]);
      expect(site.events().filter((name) => name === 'session:expired')).toHaveLength(1);
      expect(ended.filter((key) => client.records.has(key))).toEqual([]);
    });
  });
});

describe('middleware outside of session() that writes after the session middleware is done', () => {
  /** The visitor comes back half a day later, to a handler that leaves the session alone. */
  async function visitAgain(defer: boolean, write: Operation) {
    const outside: Koa.Middleware = async (ctx, next) => {
      await next();
      if (ctx.path === '/idle') ctx.body = JSON.stringify((await write(ctx)) ?? null);
    };
    const site = await closedAfterTest(openSite({ use: [outside, session({ store: client, defer })] }));
    const ann = site.visitor();
    await ann.get('/put?a=1');
    pass(DAY / 2);
    const reply = await ann.get('/idle');
    expect([reply.status, site.errors]).toEqual([200, []]);
    return { reply, see: async () => (await ann.get('/see')).json() };
  }

  describe.each([false, true])('(defer: %s)', (defer) => {
    it('renews the cookie together with the record, on save', async () => {
      const { reply, see } = await visitAgain(defer, async (ctx) => {
        (await sessionOf(ctx))['flash'] = 1;
        await ctx.saveSession();
      });
      expect(['koa.sid', 'koa.sid.sig'].map((name) => lifetime(setCookieOf(reply, name)))).toEqual([DAY, DAY]);
      expect(await see()).toEqual({ a: '1', flash: 1 });
    });

    it('renews the cookie together with the record, on touch', async () => {
      const { reply } = await visitAgain(defer, (ctx) => ctx.sessionHandler.touch());
      expect(reply.json()).toBe(true);
      expect(['koa.sid', 'koa.sid.sig'].map((name) => lifetime(setCookieOf(reply, name)))).toEqual([DAY, DAY]);
    });
  });
});

describe('in defer mode, a property set on the promise', () => {
  const lost = {
    code: 'ERR_SESSION_DEFERRED',
    message:
      'With `defer`, ctx.session is a promise, and `user` was set on the promise and is lost: use `const session = await ctx.session`, then `session.user = …`',
  };

  it.each<[string, (ctx: Koa.Context) => unknown]>([
    ['before the session is there', (ctx) => Object.assign(ctx.session as object, { user: 'Ann' })],
    [
      'once it is there',
      async (ctx) => {
        await ctx.session;
        Object.assign(ctx.session as object, { user: 'Ann' });
      },
    ],
    [
      'if the session is read again',
      (ctx) => {
        Object.assign(ctx.session as object, { user: 'Ann' });
        return ctx.session;
      },
    ],
  ])('causes an error, since it is lost: %s', async (_when, handler) => {
    const site = await siteWith({ store: client, defer: true }, { '/lose': handler });
    expect((await site.visitor().get('/lose')).status).toBe(500);
    expect(site.errors).toEqual([expect.objectContaining(lost)]);
  });

  it('loses nothing else', async () => {
    const both = async (ctx: Koa.Context) => {
      (await sessionOf(ctx))['item'] = 1;
      Object.assign(ctx.session as object, { user: 'Ann' });
    };
    const site = await siteWith({ store: client, defer: true }, { '/both': both });
    const visitor = site.visitor();
    expect((await visitor.get('/both')).status).toBe(500);
    expect((await visitor.get('/see')).json()).toEqual({ item: 1 });
  });

  it('does not replace the error that a handler throws', async () => {
    const both = (ctx: Koa.Context) => {
      Object.assign(ctx.session as object, { user: 'Ann' });
      throw new Error('mine');
    };
    const site = await siteWith({ store: client, defer: true }, { '/both': both });
    expect((await site.visitor().get('/both')).status).toBe(500);
    expect(site.errors).toEqual([expect.objectContaining(lost), new Error('mine')]);
  });
});

it('update() says what it needs if it gets no function', async () => {
  const routes: Routes = {
    '/mistaken': (ctx) => ctx.sessionHandler.update({ user: 'Ann' } as unknown as () => void).catch(String),
  };
  const visitor = (await siteWith({ store: client }, routes)).visitor();
  expect((await visitor.get('/mistaken')).json()).toBe(
    'TypeError: Expected `fn` to be a function that changes the session, got an object',
  );
});
