import session = require('../../../lib/main');

import { closedAfterTest } from '../sites/open-sites';
import { openSite, sessionOf } from '../sites/session-site';
import { gate } from '../time/gate';

type Client = session.SessionStore;

const HOUR = 60 * 60 * 1000;
/** More than one portion of parallel calls. */
const SOME = 130;

let prefixes = 0;

const user = ({ user: name }: session.Session) => name as string | undefined;

async function all(store: session.Store, options?: session.WalkOptions): Promise<session.StoredSession[]> {
  const found: session.StoredSession[] = [];
  for await (const each of store.sessions(options)) found.push(each);
  return found;
}

/** What a Store promises that can list its records, on a real one. */
export function walkContract(open: () => Client | Promise<Client>): void {
  const opened = async () => {
    prefixes += 1;
    const prefix = `walked[${prefixes}]*:`;
    const client = await open();
    const storeOf = (more: string, options: session.StoreOptions = {}) =>
      new session.Store(client, { prefix: prefix + more, ...options });
    return { client, prefix, storeOf, store: storeOf('', { user }) };
  };
  const keep = (store: session.Store, count: number, name = 'sid') =>
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        store.set(`${name}-${n}`, { cookie: { maxAge: HOUR }, user: `u${n % 10}`, text: 'é' }),
      ),
    );

  it('finds, counts and ends all sessions with its prefix, and no others', async () => {
    const { store, storeOf } = await opened();
    const [longer, other, deeper] = [storeOf('eu:'), storeOf('-other:'), storeOf('eu:x:')];
    await keep(store, SOME);
    for (const each of [longer, other, deeper]) await keep(each, 3);
    const found = await all(store);
    expect(new Set(found.map(({ handle }) => handle)).size).toBe(SOME);
    expect(found).toHaveLength(SOME);
    expect(found.filter((each) => each.user === 'u3')).toHaveLength(SOME / 10);
    expect(JSON.stringify(found)).not.toMatch(/sid-|é/);
    expect(await store.count()).toBe(SOME);
    expect(await longer.count()).toBe(3);

    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const progress: session.ClearProgress[] = [];
    const ended = await store.clear({ onProgress: (each) => progress.push(each) });
    expect(warned.mock.calls.map(([, options]) => options)).toEqual([{ code: 'KOA_EVENTED_SESSION_OTHER_PREFIX' }]);
    warned.mockRestore();
    expect([ended, await store.count()]).toEqual([SOME, 0]);
    expect(progress.at(-1)).toEqual({ scanned: expect.any(Number), ended: SOME, left: 9 });
    expect(await Promise.all([longer, other, deeper].map((each) => each.count()))).toEqual([3, 3, 3]);
    expect((await store.get('sid-1')) ?? null).toBeNull();
    expect(await longer.get('sid-1')).toMatchObject({ user: 'u1' });
  });

  it('finds the sessions of a site, of all users or of one, and ends them while requests write, log in and move', async () => {
    const { client, prefix, store, storeOf } = await opened();
    const isIndexing = 'enroll' in client;
    const inside = gate();
    const door = gate();
    let waiting = 0;
    const held = async () => {
      waiting += 1;
      if (waiting === 4) inside.open();
      await door.opened;
    };
    const use = session({ store: client, prefix, absoluteTimeout: HOUR, ...(isIndexing ? { user } : {}) });
    const site = await closedAfterTest(
      openSite({
        use,
        routes: {
          '/write': async (ctx) => {
            (await sessionOf(ctx))['late'] = true;
            await held();
          },
          '/update': async (ctx) => {
            await sessionOf(ctx);
            await held();
            return ctx.sessionHandler.update((it: session.Session) => {
              it['late'] = true;
            });
          },
          '/rotate': async (ctx) => {
            await ctx.regenerateSession({ keepData: true });
            await held();
          },
          '/touch': async (ctx) => {
            (await sessionOf(ctx)).cookie.maxAge = 2 * HOUR;
            await held();
          },
        },
      }),
    );
    const visitors = ['ann', 'bob', 'ann', 'eve'].map((name) => ({ name, browser: site.visitor() }));
    for (const { name, browser } of visitors) await browser.get(`/put?user=${name}`);
    const began = Date.now();
    const anns = await all(store, { user: 'ann', data: true });
    expect(anns).toHaveLength(2);
    for (const each of anns) {
      expect(each).toMatchObject({ user: 'ann', data: { user: 'ann', cookie: {} }, bytes: expect.any(Number) });
      expect(Math.abs(Number(each.createdAt) - began)).toBeLessThan(10_000);
    }
    const nobody = storeOf('');
    const indexed = isIndexing ? await all(nobody, { user: 'ann' }) : [];
    expect(indexed.map((each) => each.handle).sort()).toEqual(isIndexing ? anns.map((each) => each.handle).sort() : []);
    if (!isIndexing) expect(() => nobody.sessions({ user: 'ann' })).toThrow(/Expected the option `user` of the Store/);
    expect((await all(nobody)).map((each) => each.user)).toEqual(Array.from({ length: 4 }));
    expect((await all(store)).map((each) => each.user).sort()).toEqual(['ann', 'ann', 'bob', 'eve']);

    const late = ['/write', '/update', '/rotate', '/touch'].map((path, n) => visitors[n]?.browser.get(path));
    await inside.opened;
    expect(await store.clear()).toBe(4);
    door.open();
    await Promise.all(late);
    expect(await store.count()).toBe(0);
    for (const { browser } of visitors) expect((await browser.get('/see')).json()).toEqual({});
    for (const { name, browser } of visitors) await browser.get(`/put?user=${name}`);
    const found = await all(store);
    const handles = found.filter((each) => each.user === 'ann').map((each) => each.handle);
    expect(await store.clear({ handles: [...handles, 'unknown'] })).toBe(2);
    expect((await all(store)).map((each) => each.user).sort()).toEqual(['bob', 'eve']);
    expect(await store.clear({ handles: [] })).toBe(0);
    await expect(store.clear({ handles: 'all' as never })).rejects.toThrow(
      'Expected `handles` to be a list of handles',
    );
    await use.close();
  });
}
