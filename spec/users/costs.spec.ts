import session = require('../../lib/main');

import type { Browser } from '../helpers/http/serve';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { storeMethods } from '../helpers/stores/methods';
import { fakeDate, pass } from '../helpers/time/fake-date';

const MINUTE = 60_000;
const user = (held: session.Session) => held['user'] as string | undefined;

async function site(store: session.MemoryStore, options: session.SessionOptions = {}) {
  const sessions = session({ store, user, ...options });
  const mine = sessions.of('ann');
  const routes: Routes = {
    '/login': async (ctx) => {
      await ctx.regenerateSession();
      (await sessionOf(ctx))['user'] = 'ann';
    },
    '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
    '/others': (ctx) => mine.endOthers(ctx),
  };
  return { ...(await closedAfterTest(openSite({ use: sessions, routes }))), mine };
}

describe('the calls that the sessions of a user cost', () => {
  async function counted(options?: session.SessionOptions) {
    const store = new session.MemoryStore();
    const opened = await site(store, options);
    const heard: string[] = [];
    for (const name of storeMethods) {
      const call = store[name].bind(store) as (...args: unknown[]) => unknown;
      const noted = (...args: unknown[]) => {
        heard.push(name);
        return call(...args);
      };
      Object.assign(store, { [name]: noted });
    }
    const costOf = async (work: () => unknown) => {
      heard.length = 0;
      await work();
      return heard.join(' ');
    };
    return { ...opened, costOf };
  }

  it.each([
    ['a login', '/login', undefined, 'enroll create'],
    ['a login of a visitor who has a session', '/login', '/put?cart=tea', 'load enroll create take'],
    ['a login of a user', '/login', '/login', 'load enroll create take dismiss'],
    ['a read', '/see', '/login', 'load'],
    ['a write', '/put?cart=tea', '/login', 'load swap'],
    ['a new id', '/rotate', '/login', 'load enroll create swap dismiss'],
    ['a logout', '/logout', '/login', 'load remove dismiss'],
  ])('of %s', async (_what, path, before, calls) => {
    const { costOf, visitor } = await counted();
    const one = visitor();
    if (before !== undefined) await one.get(before);
    expect(await costOf(() => one.get(path))).toBe(calls);
  });

  it.each([
    ['a login', {}, '/login', 'load enroll create take dismiss'],
    ['a request that extends', {}, '/idle', 'load touch'],
    ['a login that may be one too many', { maxPerUser: 9 }, '/login', 'load enroll create take dismiss members load'],
  ])('of %s, with rolling', async (_what, options, path, calls) => {
    const { costOf, visitor } = await counted({ rolling: true, ...options });
    const one = visitor();
    await one.get('/login');
    expect(await costOf(() => one.get(path))).toBe(calls);
  });

  it('of each method', async () => {
    const { costOf, mine, visitor } = await counted();
    const all = [visitor(), visitor(), visitor(), visitor()] as const;
    for (const one of all) await one.get('/login');
    expect(await costOf(() => mine.list())).toBe('members load load load load');
    expect(await costOf(() => mine.count())).toBe('members load load load load');
    const [{ handle } = { handle: '' }] = await mine.list();
    expect(await costOf(() => mine.end(handle))).toBe('members load swap destroy dismiss');
    expect(await costOf(() => all[0].get('/others'))).toBe(
      'load endedNow members load load swap swap destroy destroy dismiss',
    );
    expect(await costOf(() => mine.endAll())).toBe('endedNow members load swap destroy dismiss');
  });
});

describe('a session that the index does not list', () => {
  afterEach(() => void jest.useRealTimers());

  /** The answer to a request of each kind, and whether the session is listed then. */
  async function listedAfter(visitor: Browser, mine: session.UserSessions, path: string) {
    expect((await visitor.get(path)).status).toBeLessThan(300);
    return mine.count();
  }

  it.each([
    [{}, '/see', 0],
    [{}, '/put?cart=tea', 1],
    [{ rolling: true }, '/idle', 1],
  ])(
    'because it was stored before `user` was given is listed once it is written or extended: %j %s',
    async (options, path, listed) => {
      const store = new session.MemoryStore();
      const before = await closedAfterTest(openSite({ use: session({ store }) }));
      const visitor = before.visitor();
      await visitor.get('/put?user=ann');
      const { mine, url } = await site(store, options);
      const cookie = { cookie: await visitor.jar.getCookieString(before.url) };
      expect(await mine.endAll()).toBe(0);
      const reply = await fetch(url + path, { headers: cookie });
      expect(reply.status).toBe(200);
      expect(await mine.count()).toBe(listed);
    },
  );

  it.each([
    [{}, 1],
    [{ absoluteTimeout: 1000 * MINUTE }, 1],
  ])('because the index was lost is listed again within one ttl: %j', async (options, listed) => {
    fakeDate();
    const store = new session.MemoryStore();
    const { mine, visitor } = await site(store, { rolling: true, ttl: 30 * MINUTE, ...options });
    const ann = visitor();
    await ann.get('/login');
    const names = jest.spyOn(store, 'members');
    expect(await mine.count()).toBe(1);
    const index = String(names.mock.calls[0]?.[0]);
    store.dismiss(index, store.members(index, 10));
    expect(await listedAfter(ann, mine, '/idle')).toBe(0);
    pass(20 * MINUTE);
    expect(await listedAfter(ann, mine, '/idle')).toBe(0);
    pass(20 * MINUTE);
    expect(await listedAfter(ann, mine, '/idle')).toBe(listed);
  });
});
