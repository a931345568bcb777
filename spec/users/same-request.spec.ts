import type Koa from 'koa';

import session = require('../../lib/main');

import type { Browser } from '../helpers/http/serve';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../helpers/sites/session-site';

const logIn = async (ctx: Koa.Context) => {
  await ctx.regenerateSession();
  (await sessionOf(ctx))['user'] = 'ann';
};

const codeOf = ({ code }: session.SessionError) => code;

/** Saves in the handler, and answers with the code of the error. */
const save = (ctx: Koa.Context) => ctx.saveSession().then(() => 'saved', codeOf);

async function site(options: session.SessionOptions, routes: (mine: () => session.UserSessions) => Routes) {
  const sessions = session({ user: (held) => held['user'] as string | undefined, ...options });
  const mine = () => sessions.of('ann');
  const opened = await closedAfterTest(openSite({ use: sessions, routes: { '/login': logIn, ...routes(mine) } }));
  const userOf = async (visitor: Browser) => (await visitor.get('/see')).json<{ user?: string }>().user;
  return { ...opened, mine, userOf };
}

describe('a request that ends all sessions of a user', () => {
  const routes = (mine: () => session.UserSessions): Routes => ({
    '/reset': async (ctx) => {
      const ended = await mine().endAll(ctx);
      await logIn(ctx);
      return ended;
    },
    '/everywhere': async (ctx) => {
      const ended = await mine().endAll(ctx);
      return [ended, await ctx.session];
    },
    '/without': async (ctx) => {
      await mine().endAll();
      await logIn(ctx);
    },
  });

  it.each([
    ['no session', undefined, 1],
    ['a session without a user', '/put?cart=tea', 1],
    ['a session of the user', '/login', 2],
  ])('can log in afterwards if its visitor has %s', async (_what, before, ended) => {
    const { mine, userOf, visitor } = await site({}, routes);
    const [one, other] = [visitor(), visitor()];
    await other.get('/login');
    if (before !== undefined) await one.get(before);
    const reply = await one.get('/reset');
    expect(reply.json()).toBe(ended);
    expect(sentId(reply)).toHaveLength(24);
    expect([await userOf(one), await userOf(other), await mine().count()]).toEqual(['ann', undefined, 1]);
  });

  it('ends its own session as a logout does', async () => {
    const { events, mine, visitor } = await site({}, routes);
    const [one, other] = [visitor(), visitor()];
    await one.get('/login');
    await other.get('/login');
    const reply = await one.get('/everywhere');
    expect(reply.json()).toEqual([2, null]);
    expect(sentId(reply)).toBe('');
    expect(events().slice(-2)).toEqual(['session:destroyed', 'session:ended']);
    expect(await mine().count()).toBe(0);
  });

  it('leaves the session of its visitor alone if that is not the user’s', async () => {
    const { visitor } = await site({}, routes);
    const [admin, ann] = [visitor(), visitor()];
    await admin.get('/put?user=root');
    await ann.get('/login');
    expect((await admin.get('/everywhere')).json()).toEqual([1, expect.objectContaining({ user: 'root' })]);
    expect((await admin.get('/see')).json()).toEqual({ user: 'root' });
  });

  it('cannot log in afterwards without saying which request it is', async () => {
    const { events, mine, visitor } = await site({}, routes);
    await visitor().get('/without');
    expect([await mine().count(), events().at(-1)]).toEqual([0, 'session:gone']);
  });
});

describe('a login that maxPerUser refuses', () => {
  const routes = (mine: () => session.UserSessions): Routes => ({
    '/try': async (ctx) => {
      await logIn(ctx);
      return save(ctx);
    },
    '/plain': async (ctx) => {
      (await sessionOf(ctx))['user'] = 'ann';
      return save(ctx);
    },
    '/again': async (ctx) => {
      await logIn(ctx);
      const first = await save(ctx);
      const [oldest] = await mine().list();
      await mine().end(String(oldest?.handle));
      await logIn(ctx);
      return [first, await save(ctx)];
    },
  });
  const refusing = { maxPerUser: { limit: 1, exceeded: 'refuse' } } as const;

  it.each(['/try', '/plain'])('stores and sends nothing, although the handler goes on: %s', async (path) => {
    const { errors, mine, userOf, visitor } = await site(refusing, routes);
    const [one, other] = [visitor(), visitor()];
    await one.get('/login');
    await other.get('/put?cart=tea');
    for (let tries = 0; tries < 2; tries += 1) {
      const reply = await other.get(path);
      expect([reply.json(), reply.setCookie]).toEqual(['ERR_SESSION_LIMIT', []]);
    }
    expect((await other.get('/see')).json()).toEqual({ cart: 'tea' });
    expect([await userOf(one), await mine().count(), errors]).toEqual(['ann', 1, []]);
  });

  it('is refused again when the handler saves again, until it regenerates the session', async () => {
    const { errors, visitor } = await site(refusing, (mine) => ({
      ...routes(mine),
      '/twice': async (ctx) => {
        await logIn(ctx);
        return [await save(ctx), await save(ctx), await ctx.sessionHandler.update(() => 1).catch(codeOf)];
      },
    }));
    await visitor().get('/login');
    const reply = await visitor().get('/twice');
    expect(reply.json()).toEqual(['ERR_SESSION_LIMIT', 'ERR_SESSION_LIMIT', 'ERR_SESSION_LIMIT']);
    expect([reply.status, errors]).toEqual([200, []]);
  });

  it.each(['end-oldest', 'refuse'] as const)(
    'takes the place of the session that it replaces: %s',
    async (exceeded) => {
      const { mine, userOf, visitor } = await site({ maxPerUser: { limit: 2, exceeded } }, routes);
      const [one, other] = [visitor(), visitor()];
      await one.get('/login');
      for (let times = 0; times < 3; times += 1) await other.get('/login');
      expect([await userOf(one), await userOf(other), await mine().count()]).toEqual(['ann', 'ann', 2]);
    },
  );

  it('can be tried again in the same request, once another session has ended', async () => {
    const { mine, userOf, visitor } = await site(refusing, routes);
    const [one, other] = [visitor(), visitor()];
    await one.get('/login');
    await other.get('/put?cart=tea');
    expect((await other.get('/again')).json()).toEqual(['ERR_SESSION_LIMIT', 'saved']);
    expect([await userOf(one), await userOf(other), await mine().count()]).toEqual([undefined, 'ann', 1]);
  });
});

describe('a login that is saved again after the store has failed', () => {
  /** Fails once, when asked to. */
  class Failing extends session.MemoryStore {
    fails: 'enroll' | 'create' | 'swap' | undefined;
    override enroll(...args: Parameters<session.MemoryStore['enroll']>) {
      this.#failOnce('enroll');
      return super.enroll(...args);
    }
    override create(...args: Parameters<session.MemoryStore['create']>) {
      this.#failOnce('create');
      return super.create(...args);
    }
    override swap(...args: Parameters<session.MemoryStore['swap']>) {
      this.#failOnce('swap');
      return super.swap(...args);
    }
    #failOnce(method: string) {
      if (this.fails !== method) return;
      this.fails = undefined;
      throw new Error('the store is full');
    }
  }

  it.each([
    ['enroll', '/login'],
    ['create', '/login'],
    ['enroll', '/plain'],
    ['swap', '/plain'],
  ] as const)('is listed, and counts for the limit, after a failed %s of %s', async (method, path) => {
    const store = new Failing();
    const { mine, userOf, visitor } = await site({ store, maxPerUser: 1 }, () => ({
      '/login': async (ctx) => {
        await logIn(ctx);
        return [await save(ctx), await save(ctx)];
      },
      '/plain': async (ctx) => {
        (await sessionOf(ctx))['user'] = 'ann';
        return [await save(ctx), await save(ctx)];
      },
    }));
    const [one, other] = [visitor(), visitor()];
    await one.get('/login');
    await other.get('/put?cart=tea');
    store.fails = method;
    expect((await other.get(path)).json()).toEqual(['ERR_SESSION_STORE', 'saved']);
    expect([await userOf(one), await userOf(other), await mine().count()]).toEqual([undefined, 'ann', 1]);
  });
});
