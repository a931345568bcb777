import type Koa from 'koa';
import type { Browser } from '../helpers/http/serve';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { storeMethods } from '../helpers/stores/methods';
import { fakeDate, pass } from '../helpers/time/fake-date';

import session = require('../../lib/main');

const HOUR = 60 * 60 * 1000;

/** What happens right before a call of the store is carried out, once. */
interface Meanwhile {
  call: (typeof storeMethods)[number];
  run: () => unknown;
}

type Sessions = session.SessionMiddleware;

/** Two sites, as of two processes, with one store that can be interrupted. */
async function sites(
  options: session.SessionOptions = {},
  routesOf: (sessions: () => Sessions) => Routes = () => ({}),
) {
  const memory = new session.MemoryStore();
  let meanwhile: Meanwhile | undefined;
  const entries = storeMethods.map((name) => [
    name,
    async (...args: unknown[]) => {
      const interruption = meanwhile;
      if (interruption?.call === name) {
        meanwhile = undefined;
        await interruption.run();
      }
      return Reflect.apply(memory[name], memory, args);
    },
  ]);
  const open = async () => {
    const store = Object.fromEntries(entries) as session.MemoryStore;
    const sessions: Sessions = session({ store, user: (held) => held['user'] as string | undefined, ...options });
    const routes = { ...ROUTES, ...routesOf(() => sessions) };
    return { ...(await closedAfterTest(openSite({ use: sessions, routes }))), sessions };
  };
  const [one, other] = [await open(), await open()];
  return {
    ...one,
    of: (user: string) => other.sessions.of(user),
    /** Asks the other site in the name of a visitor, whose cookies do not change. */
    elsewhere: async (who: Browser, path: string) => {
      return other.visitor().get(path, { cookie: await who.jar.getCookieString(one.url) });
    },
    /** Runs `run` right before the next call of that name is carried out. */
    interrupt(call: Meanwhile['call'], run: () => unknown) {
      meanwhile = { call, run };
    },
  };
}

const ROUTES: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/keep-as': async (ctx) => {
    await ctx.regenerateSession({ keepData: true });
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/leave': async (ctx) => {
    delete (await sessionOf(ctx))['user'];
  },
  '/keep': (ctx) => ctx.regenerateSession({ keepData: true }),
};

const see = async (visitor: { get(path: string): Promise<{ json(): unknown }> }) => (await visitor.get('/see')).json();

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

/** So much time passes on every clock, which go on. */
function later(ms: number): void {
  for (const clock of [performance, Date]) {
    const now = clock.now.bind(clock);
    jest.spyOn(clock, 'now').mockImplementation(() => now() + ms);
  }
}

describe('an order that the model has found:', () => {
  it('a list is read while a session that was listed long ago gets a new id, which stays listed', async () => {
    const { interrupt, of, visitor } = await sites();
    const ann = visitor();
    await ann.get('/login?user=ann');
    later(HOUR);
    interrupt('create', () => of('ann').list());
    await ann.get('/keep');
    expect(await of('ann').count()).toBe(1);
    expect(await of('ann').endAll()).toBe(1);
    expect(await see(ann)).toEqual({});
  });

  it('a user comes back to a session that is listed still, while all sessions of the user are ended', async () => {
    const { interrupt, of, visitor } = await sites();
    const ann = visitor();
    await ann.get('/login?user=ann');
    await ann.get('/put?user=bob');
    interrupt('swap', () => of('ann').endAll());
    await ann.get('/put?user=ann');
    expect(await see(ann)).toEqual({ user: 'bob' });
    expect([await of('ann').count(), await of('bob').count()]).toEqual([0, 1]);
  });

  it('a user logs in to a session of nobody, while all sessions of the user are ended: the session goes on without', async () => {
    const { interrupt, events, of, visitor } = await sites();
    const ann = visitor();
    await ann.get('/put?cart=tea');
    interrupt('swap', () => of('ann').endAll());
    await ann.get('/put?user=ann');
    expect(events()).toContain('session:gone');
    expect(await see(ann)).toEqual({ cart: 'tea' });
  });

  it('another request delays a login, and all sessions of its user are ended before the second attempt', async () => {
    const { interrupt, of, visitor, elsewhere } = await sites();
    const ann = visitor();
    await ann.get('/put?cart=tea');
    const late = async () => {
      await elsewhere(ann, '/put?other=1');
      interrupt('swap', () => of('ann').endAll());
    };
    interrupt('swap', late);
    await ann.get('/put?user=ann');
    expect(await see(ann)).toEqual({ cart: 'tea', other: '1' });
    expect(await of('ann').count()).toBe(0);
  });

  it('the user changes under the old id while the session gets a new one: it is listed for the new user', async () => {
    const { interrupt, of, visitor, elsewhere } = await sites();
    const ann = visitor();
    await ann.get('/login?user=ann');
    interrupt('swap', () => elsewhere(ann, '/put?user=bob'));
    await ann.get('/keep');
    expect(await see(ann)).toEqual({ user: 'bob' });
    expect([await of('ann').count(), await of('bob').count()]).toEqual([0, 1]);
    expect(await of('bob').endAll()).toBe(1);
    expect(await see(ann)).toEqual({});
  });

  it('a session gets a new id and another user while those of its former user are ended: it goes on', async () => {
    const { interrupt, of, visitor } = await sites();
    const ann = visitor();
    await ann.get('/login?user=ann');
    interrupt('swap', () => ann.get('/keep-as?user=bob'));
    expect(await of('ann').endAll()).toBe(0);
    expect(await see(ann)).toEqual({ user: 'bob' });
    expect(await of('bob').count()).toBe(1);
  });

  it('a request ends the sessions of one user and logs in as another, whose sessions were ended since it began', async () => {
    const { of, visitor } = await sites({}, (sessions) => ({
      '/switch': async (ctx: Koa.Context) => {
        await of('bob').endAll();
        await sessions().of('ann').endAll(ctx);
        await ctx.regenerateSession();
        (await sessionOf(ctx))['user'] = 'bob';
      },
    }));
    const ann = visitor();
    await ann.get('/login?user=ann');
    await ann.get('/switch');
    expect([await of('ann').count(), await of('bob').count()]).toEqual([0, 0]);
  });

  it('a user comes back to a session that was listed long ago, and finds no place', async () => {
    const { of, errors, visitor } = await sites({ maxPerUser: { limit: 1, exceeded: 'refuse' } });
    const [one, other] = [visitor(), visitor()];
    await one.get('/login?user=ann');
    await one.get('/leave');
    later(HOUR);
    await other.get('/login?user=ann');
    expect((await one.get('/put?user=ann')).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_LIMIT' }]);
    expect(await of('ann').count()).toBe(1);
  });

  it('a user comes back to a session that was listed long ago while another logs in: only one of them stays', async () => {
    const { interrupt, of, visitor } = await sites({ maxPerUser: { limit: 1, exceeded: 'refuse' } });
    const [one, other] = [visitor(), visitor()];
    await one.get('/login?user=ann');
    await one.get('/leave');
    later(HOUR);
    interrupt('swap', () => other.get('/login?user=ann'));
    await one.get('/put?user=ann');
    expect(await of('ann').count()).toBe(1);
    expect(await see(other)).toEqual({ user: 'ann' });
  });

  it('a session gets a new id while its user logs in elsewhere: it takes one place', async () => {
    const { interrupt, of, visitor } = await sites({ maxPerUser: 2 });
    const [one, other] = [visitor(), visitor()];
    await one.get('/login?user=ann');
    // Right after the new id was stored.
    interrupt('swap', () => other.get('/login?user=ann'));
    await one.get('/keep');
    expect(await of('ann').count()).toBe(2);
  });

  it('one request extends a session while another changes its user: what is noted of the entry is of one user', async () => {
    fakeDate();
    const { interrupt, of, visitor, elsewhere } = await sites({ ttl: HOUR });
    const ann = visitor();
    await ann.get('/login?user=ann');
    pass(HOUR - 1000);
    await ann.get('/put?a=1');
    pass(HOUR - 1000);
    interrupt('swap', () => elsewhere(ann, '/put?user=bob'));
    await ann.get('/put?b=2');
    expect(await see(ann)).toEqual({ user: 'bob', a: '1', b: '2' });
    pass(HOUR - 1000);
    await ann.get('/put?c=3');
    pass(HOUR - 1000);
    expect(await see(ann)).toEqual({ user: 'bob', a: '1', b: '2', c: '3' });
    expect(await of('bob').count()).toBe(1);
  });
});
