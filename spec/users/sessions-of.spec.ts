import session = require('../../lib/main');

import { MemoryStore } from '../../lib/stores/memory';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';

const DAY = 86_400_000;

class Indexing extends MemoryStore {
  calls: string[] = [];
  override enroll(...args: Parameters<MemoryStore['enroll']>) {
    this.calls.push('enroll');
    return super.enroll(...args);
  }
  override dismiss(...args: Parameters<MemoryStore['dismiss']>) {
    this.calls.push('dismiss');
    super.dismiss(...args);
  }
}

const logins: Routes = {
  '/login': async (ctx) => {
    if (ctx.query['anew']) await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
  '/created': (ctx) => ctx.sessionHandler.createdAt,
};

async function site(options: session.SessionOptions = {}, routes: Routes = {}) {
  const store = new Indexing();
  const sessions = session({
    store,
    user: (held) => held['user'] as string | undefined,
    device: (ctx) => ctx.get('user-agent') || 'unknown',
    ...options,
  });
  const opened = await closedAfterTest(openSite({ use: sessions, routes: { ...logins, ...routes } }));
  return { ...opened, store, sessions };
}

describe('the sessions of a user', () => {
  it('lists, counts and ends them', async () => {
    const { sessions, visitor, store } = await site();
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
    expect(store.calls.filter((call) => call === 'enroll')).toHaveLength(3);
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

describe('absoluteTimeout', () => {
  it('limits cookie and record', async () => {
    const { visitor } = await site({ absoluteTimeout: DAY / 2 });
    const ann = visitor();
    const reply = await ann.get('/login?user=u1&anew=1');
    expect(reply.headers.getSetCookie()[0]).toContain('max-age=43200');
  });
});
