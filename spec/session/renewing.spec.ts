import session = require('../../lib/main');

import type { SessionOptions } from '../../lib/main';
import { MemoryStore } from '../../lib/stores/memory';
import { browser } from '../helpers/http/serve';
import { member } from '../helpers/requests/variant';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { dataOf, openSite, type Routes, SITE_KEYS, sentId, sessionOf } from '../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

everyTestStartsAt(Date.UTC(2030, 0, 1));

const AFTER = 15 * 60_000;
const GRACE = 30_000;

/** How the store names sessions. */
let ids: 'plain' | 'hashed';

/** A site and a member, whose browser can be copied: another tab that has sent its request with the old cookie. */
async function siteOf(options: SessionOptions = {}, routes: Routes = {}) {
  const store = new MemoryStore();
  const site = await siteWith({ store, ids, renewId: { after: AFTER, grace: GRACE }, ...options }, routes);
  const ann = await member(site);
  return { ...site, store, ann, tab: () => browser(site.url, ann.jar.cloneSync()) };
}

const sentIdOf = (cookies: readonly { key: string; value: string }[]) =>
  cookies.find(({ key }) => key === 'koa.sid')?.value;

describe.each(['plain', 'hashed'] as const)('renewId, with %s ids', (named) => {
  beforeEach(() => {
    ids = named;
  });

  it('keeps the id until it is old enough', async () => {
    const { ann } = await siteOf();
    pass(AFTER - 1);
    expect(sentId(await ann.get('/see'))).toBeUndefined();
  });

  it('gives the session a new id with its data, and says so', async () => {
    const { ann, events } = await siteOf();
    pass(AFTER);
    const reply = await ann.get('/see');
    expect(reply.json()).toEqual({ user: 'ann' });
    expect(sentId(reply)).toMatch(/^.{24}$/);
    expect(events()).toContain('session:regenerated');
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    pass(AFTER - 1);
    expect(sentId(await ann.get('/see'))).toBeUndefined();
  });

  it.each([0, GRACE])(
    'lets a request with the old id, %d ms later, work on the session, and sends it the new one',
    async (ms) => {
      const { ann, tab } = await siteOf();
      const old = tab();
      pass(AFTER);
      const id = sentId(await ann.get('/see'));
      pass(ms);
      const reply = await old.get('/put?late=1');
      expect(sentId(reply)).toBe(id);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', late: '1' });
      expect((await old.get('/see')).json()).toEqual({ user: 'ann', late: '1' });
    },
  );

  it('tells of an old id that is used after the grace, and gives it no session', async () => {
    const { ann, tab, heard } = await siteOf();
    const old = tab();
    const id = String(sentIdOf(await old.jar.getCookies('http://127.0.0.1')));
    pass(AFTER);
    await ann.get('/see');
    pass(GRACE + 1);
    expect((await old.get('/see')).json()).toEqual({});
    const told = () => heard.filter(({ name }) => name === 'session:reused');
    // The session that goes on, so that a listener can end it.
    expect(told()).toMatchObject([{ key: id, value: { user: 'ann' } }]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    await ann.get('/logout');
    await old.get('/see');
    expect(told()[1]).toMatchObject({ key: id, value: undefined });
  });

  it('remembers an old id for an hour from the renewal', async () => {
    const { ann, tab, events, heard } = await siteOf();
    const old = tab();
    pass(AFTER);
    await ann.get('/see');
    const heardOfOld = async () => {
      heard.length = 0;
      await old.get('/see');
      return events();
    };
    pass(60 * 60_000 - 1);
    expect(await heardOfOld()).toContain('session:reused');
    pass(1);
    expect(await heardOfOld()).toEqual(['session:missed']);
  });

  it.each([
    ['goes on without a session for a minute, so that a late request does not replace the new id', 60_000, undefined],
    ['begins a new session later', 60_001, expect.stringMatching(/^.{24}$/)],
  ])('a visitor whom the answer with the new id never reached %s', async (_what, ms, sent) => {
    const { ann, tab, events } = await siteOf();
    const lost = tab();
    pass(AFTER);
    await ann.get('/see');
    pass(ms);
    expect(sentId(await lost.get('/put?user=eve'))).toEqual(sent);
    expect(events()).toContain('session:reused');
    expect((await lost.get('/see')).json()).toEqual(sent === undefined ? {} : { user: 'eve' });
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('lets such a visitor begin a new session, although the option is no longer given', async () => {
    const { ann, tab, store } = await siteOf();
    const lost = tab();
    pass(AFTER);
    await ann.get('/see');
    pass(60_001);
    const later = await siteWith({ store, ids });
    const visitor = browser(later.url, lost.jar);
    expect(sentId(await visitor.get('/put?user=eve'))).toMatch(/^.{24}$/);
  });

  it('keeps the new id when the keys of the signature change', async () => {
    const { ann, tab, store } = await siteOf();
    const other = tab();
    pass(AFTER);
    await ann.get('/see');
    const later = await closedAfterTest(
      openSite({
        use: session({ store, ids, renewId: { after: AFTER, grace: GRACE } }),
        keys: ['newest key', ...SITE_KEYS],
      }),
    );
    for (const one of [ann, other]) {
      const visitor = browser(later.url, one.jar);
      await visitor.get('/put?rotated=1');
      expect((await visitor.get('/see')).json()).toMatchObject({ user: 'ann', rotated: '1' });
    }
  });

  it('never follows to a session that has ended', async () => {
    const { ann, tab } = await siteOf();
    const old = tab();
    pass(AFTER);
    await ann.get('/see');
    await ann.get('/logout');
    expect((await old.get('/see')).json()).toEqual({});
  });

  it('lets the requests of a page that come together all be answered', async () => {
    const { ann, tab, errors, store } = await siteOf();
    const tabs = [tab(), tab(), tab(), tab()];
    pass(AFTER);
    const replies = await Promise.all(tabs.map((one, n) => one.get(`/put?key${n}=1`)));
    expect(new Set(replies.map((reply) => sentId(reply))).size).toBe(1);
    expect(errors).toEqual([]);
    for (const one of tabs) {
      expect((await one.get('/see')).json()).toEqual({ user: 'ann', key0: '1', key1: '1', key2: '1', key3: '1' });
    }
    pass(GRACE);
    expect((await ann.get('/see')).json()).toMatchObject({ key0: '1' });
    expect(store).toBeDefined();
  });

  describe('during a request that is under way', () => {
    const SLOW: Record<string, (ctx: Parameters<Routes[string]>[0]) => unknown> = {
      '/write': async (ctx) => {
        (await sessionOf(ctx))['slow'] = 1;
      },
      '/touch': (ctx) => ctx.sessionHandler.touch(),
      '/update': (ctx) =>
        ctx.sessionHandler.update((stored) => {
          stored['slow'] = 1;
        }),
      '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
    };

    it.each(Object.keys(SLOW))('%s works on the session under its new id', async (path) => {
      let meanwhile: () => Promise<unknown> = async () => undefined;
      const { ann, tab } = await siteOf(
        {},
        {
          '/slow': async (ctx) => {
            const held = await sessionOf(ctx);
            await meanwhile();
            meanwhile = async () => undefined;
            await SLOW[path]?.(ctx);
            await ctx.saveSession();
            return dataOf(held);
          },
        },
      );
      const other = tab();
      pass(AFTER - 1);
      meanwhile = async () => {
        pass(1);
        await other.get('/put?other=1');
      };
      await ann.get('/slow');
      const expected = path === '/write' || path === '/update' ? { slow: 1 } : {};
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', other: '1', ...expected });
      if (path !== '/rotate') {
        expect((await other.get('/see')).json()).toEqual({ user: 'ann', other: '1', ...expected });
      }
    });

    it('reads the session under its new id, although it reads it late', async () => {
      const clock = performance.now.bind(performance);
      let later = 0;
      jest.spyOn(performance, 'now').mockImplementation(() => clock() + later);
      let meanwhile: () => Promise<unknown> = async () => undefined;
      const { ann, tab, events } = await siteOf(
        { defer: true },
        {
          '/slow': async (ctx) => {
            await meanwhile();
            return dataOf(await ctx.session);
          },
        },
      );
      const other = tab();
      pass(AFTER);
      meanwhile = async () => {
        await other.get('/see');
        pass(GRACE + 1);
        later = GRACE + 1;
      };
      expect((await ann.get('/slow')).json()).toEqual({ user: 'ann' });
      expect(events()).not.toContain('session:reused');
      jest.restoreAllMocks();
    });

    it('a login ends the session under its new id too', async () => {
      let meanwhile: () => Promise<unknown> = async () => undefined;
      const { ann, tab } = await siteOf(
        {},
        {
          '/login': async (ctx) => {
            await sessionOf(ctx);
            await meanwhile();
            await ctx.regenerateSession();
            (await sessionOf(ctx))['user'] = 'admin';
          },
        },
      );
      const other = tab();
      pass(AFTER - 1);
      meanwhile = async () => {
        pass(1);
        await other.get('/see');
      };
      await ann.get('/login');
      expect((await ann.get('/see')).json()).toEqual({ user: 'admin' });
      expect((await other.get('/see')).json()).toEqual({});
    });
  });

  it.each([
    ['an after of 0', { after: 0 }, /renewId.after/],
    ['a grace of more than an hour', { after: AFTER, grace: 3_600_001 }, /renewId.grace/],
    ['a number', 5, /renewId/],
  ])('refuses %s', (_what, renewId, message) => {
    expect(() => session({ store: new MemoryStore(), renewId: renewId as never })).toThrow(message);
  });
});
