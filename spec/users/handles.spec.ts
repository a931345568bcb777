import type Koa from 'koa';

import session = require('../../lib/main');

import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sessionOf } from '../helpers/sites/session-site';

const AFTER = 15 * 60_000;

/** The sessions of ann, who can log in, get a new id, change her password and be listed. */
async function site(options: session.SessionOptions = {}, meanwhile: () => unknown = () => undefined) {
  const sessions = session({ user: (held) => held['user'] as string | undefined, ...options });
  const mine = sessions.of('ann');
  const opened = await closedAfterTest(
    openSite({
      use: sessions,
      routes: {
        '/login': async (ctx: Koa.Context) => {
          await ctx.regenerateSession();
          (await sessionOf(ctx))['user'] = 'ann';
        },
        '/keep': (ctx) => ctx.regenerateSession({ keepData: true }),
        '/others': async (ctx) => {
          await meanwhile();
          return mine.endOthers(ctx);
        },
        '/current': async (ctx) => {
          await meanwhile();
          return (await mine.list(ctx)).filter(({ isCurrent }) => isCurrent).length;
        },
      },
    }),
  );
  const handles = async () => (await mine.list()).map(({ handle }) => handle);
  return { ...opened, mine, handles };
}

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'setTimeout', 'clearTimeout'] }));
afterEach(() => jest.useRealTimers());

describe('the handle of a session', () => {
  it.each([
    ['regenerateSession({ keepData: true })', {}, '/keep'],
    ['renewId', { renewId: { after: AFTER } }, '/put?cart=tea'],
  ])('stays when %s gives the session a new id, however often', async (_what, options, path) => {
    const { handles, mine, visitor } = await site(options);
    const ann = visitor();
    await ann.get('/login');
    const before = await handles();
    for (let times = 0; times < 3; times += 1) {
      jest.advanceTimersByTime(AFTER);
      await ann.get(path);
      expect(await handles()).toEqual(before);
    }
    expect(await mine.end(String(before[0]))).toBe(true);
    expect([await handles(), (await ann.get('/see')).json()]).toEqual([[], {}]);
    expect(await mine.end(String(before[0]))).toBe(false);
  });

  it('is another after a login', async () => {
    const { handles, mine, visitor } = await site();
    const ann = visitor();
    await ann.get('/login');
    const before = await handles();
    await ann.get('/keep');
    await ann.get('/login');
    expect(await handles()).not.toEqual(before);
    expect([await mine.end(String(before[0])), await mine.count()]).toEqual([false, 1]);
  });
});

describe('a request whose session another request has given a new id', () => {
  /** A request that began with the old id, and does something after the other one. */
  async function late(path: string) {
    const opened = await site({ renewId: { after: AFTER } }, () => ann.get('/put?cart=tea'));
    const [ann, other] = [opened.visitor(), opened.visitor()];
    await ann.get('/login');
    await other.get('/login');
    const cookie = await ann.jar.getCookieString(opened.url);
    jest.advanceTimersByTime(AFTER);
    return { ...opened, ann, reply: await opened.visitor().get(path, { cookie }) };
  }

  it('ends all others, and not the session itself', async () => {
    const { ann, mine, reply } = await late('/others');
    expect(reply.json()).toBe(1);
    expect(await mine.count()).toBe(1);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', cart: 'tea' });
  });

  it('finds the session in the list', async () => {
    expect((await late('/current')).reply.json()).toBe(1);
  });
});
