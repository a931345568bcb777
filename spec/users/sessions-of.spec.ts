import session = require('../../lib/main');

import { MemoryStore } from '../../lib/stores/memory';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';

const DAY = 86_400_000;

/** How the store names sessions. */
let ids: 'plain' | 'hashed' | undefined;

const logins: Routes = {
  '/login': async (ctx) => {
    if (ctx.query['anew']) await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
  '/created': (ctx) => ctx.sessionHandler.createdAt,
};

async function site(options: session.SessionOptions = {}, routes: Routes = {}) {
  const store = new MemoryStore();
  const enrolled = jest.spyOn(store, 'enroll');
  const sessions = session({
    store,
    ids,
    user: (held) => held['user'] as string | undefined,
    device: (ctx) => ctx.get('user-agent') || 'unknown',
    ...options,
  });
  const opened = await closedAfterTest(openSite({ use: sessions, routes: { ...logins, ...routes } }));
  return { ...opened, store, enrolled, sessions };
}

describe.each(['plain', 'hashed'] as const)('the sessions of a user, with %s ids', (named) => {
  beforeEach(() => {
    ids = named;
  });

  it('lists, counts and ends them', async () => {
    const { sessions, visitor, enrolled } = await site();
    const [ann, bob, other] = [visitor(), visitor(), visitor()];
    await ann.get('/login?user=u1&anew=1');
    await bob.get('/login?user=u1');
    await other.get('/login?user=u2');
    const mine = sessions.of('u1');
    expect(await mine.count()).toBe(2);
    const list = await mine.list();
    expect(list).toHaveLength(2);
    expect(list[0]).toMatchObject({ isCurrent: false, device: 'node', handle: expect.stringMatching(/^[\w-]{43}$/) });
    expect(await mine.end(list[0]?.handle as string)).toBe(true);
    expect(await mine.count()).toBe(1);
    expect(await mine.endAll()).toBe(1);
    expect(await mine.count()).toBe(0);
    expect((await ann.get('/see')).json()).toEqual({});
    expect((await bob.get('/see')).json()).toEqual({});
    expect((await other.get('/see')).json()).toEqual({ user: 'u2' });
    expect(enrolled).toHaveBeenCalledTimes(3);
  });

  it('ends those of a full store, which removes records and refuses to replace them', async () => {
    const { sessions, visitor, store } = await site();
    const ann = visitor();
    await ann.get('/login?user=u1');
    store.swap = () => {
      throw new Error('disk is full');
    };
    expect(await sessions.of('u1').endAll()).toBe(1);
    expect((await ann.get('/see')).json()).toEqual({});
  });

  it('ends none if the store does not note the end, since logins that are on their way would miss it', async () => {
    const { sessions, visitor, store } = await site();
    const ann = visitor();
    await ann.get('/login?user=u1');
    store.endedNow = async () => {
      throw new Error('disk is full');
    };
    await expect(sessions.of('u1').endAll()).rejects.toThrow('disk is full');
    expect((await ann.get('/see')).json()).toEqual({ user: 'u1' });
  });

  it.each([
    ['that keeps calls in order', true],
    ['that does not', false],
  ])('refuses a login whose call arrives after all sessions were ended, in a store %s', async (_what, ordersCalls) => {
    const { sessions, visitor, store, events } = await site();
    Object.defineProperty(store, 'ordersCalls', { value: ordersCalls });
    const enroll = store.enroll.bind(store);
    const arriving = new Promise<void>((arrived) => {
      store.enroll = ((...call: Parameters<typeof enroll>) => {
        arrived();
        return new Promise((answer) => setTimeout(() => answer(enroll(...call)), 100));
      }) as never;
    });
    const ann = visitor();
    const login = ann.get('/login?user=u1&anew=1');
    await arriving;
    await sessions.of('u1').endAll();
    expect((await login).setCookie).toEqual([]);
    expect(events()).not.toContain('session:created');
    expect((await ann.get('/see')).json()).toEqual({});
    expect(await sessions.of('u1').count()).toBe(0);
  });

  it('ends all others', async () => {
    const { sessions, visitor } = await site(
      {},
      {
        '/others': (ctx) => sessions.of('u1').endOthers(ctx),
        '/change': async (ctx) => {
          await sessions.of('u1').endOthers(ctx);
          await ctx.regenerateSession({ keepData: true });
        },
      },
    );
    const [ann, bob] = [visitor(), visitor()];
    await ann.get('/login?user=u1');
    await bob.get('/login?user=u1');
    expect((await ann.get('/others')).json()).toBe(1);
    expect((await bob.get('/see')).json()).toEqual({});
    expect((await ann.get('/see')).json()).toEqual({ user: 'u1' });
    await bob.get('/login?user=u1');
    expect((await ann.get('/change')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'u1' });
    expect((await bob.get('/see')).json()).toEqual({});
    expect(await sessions.of('u1').count()).toBe(1);
  });

  it('ends the oldest above the limit', async () => {
    const { sessions, visitor } = await site({ maxPerUser: 2 });
    const all = [visitor(), visitor(), visitor(), visitor()];
    for (const one of all) await one.get('/login?user=u1&anew=1');
    expect(await sessions.of('u1').count()).toBe(2);
    const seen = await Promise.all(all.map(async (one) => (await one.get('/see')).json()));
    expect(seen).toEqual([{}, {}, { user: 'u1' }, { user: 'u1' }]);
  });

  it('refuses a login above the limit', async () => {
    const { sessions, visitor, errors } = await site({ maxPerUser: { limit: 1, exceeded: 'refuse' } });
    const [ann, bob] = [visitor(), visitor()];
    await ann.get('/login?user=u1&anew=1');
    expect((await bob.get('/login?user=u1&anew=1')).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_LIMIT' }]);
    expect((await bob.get('/see')).json()).toEqual({});
    expect(await sessions.of('u1').count()).toBe(1);
    await ann.get('/logout');
    expect((await bob.get('/login?user=u1&anew=1')).status).toBe(200);
  });
});

describe('sessions.of()', () => {
  it.each([undefined, null, {}])('says what ctx must be, for %p', async (ctx) => {
    const { sessions } = await site();
    await expect(sessions.of('u1').endOthers(ctx as never)).rejects.toThrow(
      /^Expected `ctx` to be the context of a request/,
    );
  });

  it.each(['list', 'endOthers', 'endAll'] as const)(
    'refuses, in %s, the context of a request that another session middleware handles',
    async (method) => {
      const { sessions } = await site();
      const other = await site({}, { '/other': (ctx) => sessions.of('u1')[method](ctx) });
      const ann = other.visitor();
      await ann.get('/login?user=u1');
      expect((await ann.get('/other')).status).toBe(500);
      expect(String(other.errors[0])).toMatch(/^TypeError: Expected `ctx` to be the context of a request/);
      expect((await ann.get('/see')).json()).toEqual({ user: 'u1' });
    },
  );

  it('refuses a user that cannot be told from another in UTF-8', async () => {
    const { sessions } = await site();
    expect(() => sessions.of('\ud800')).toThrow(TypeError);
  });
});

describe('absoluteTimeout', () => {
  it('limits cookie and record', async () => {
    const { visitor } = await site({ absoluteTimeout: DAY / 2 });
    const ann = visitor();
    const reply = await ann.get('/login?user=u1&anew=1');
    expect(reply.headers.getSetCookie()[0]).toContain('max-age=43200');
  });
});
