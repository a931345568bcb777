import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import session = require('../../lib/main');

import { regeneratedMarker } from '../../lib/record/marker';
import { sealed } from '../../lib/sealed';
import { siteWith } from '../helpers/sites/open-sites';
import { sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { gate } from '../helpers/time/gate';

const { MemoryStore, Store } = session;
const HOUR = 60 * 60 * 1000;
const user = ({ user: name }: session.Session) => name as string | undefined;
const SECRET = (letter: string) => Buffer.alloc(32, `${letter}0189zqpw`);

async function all(store: session.Store, options?: session.WalkOptions): Promise<session.StoredSession[]> {
  const found: session.StoredSession[] = [];
  for await (const each of store.sessions(options)) found.push(each);
  return found;
}

/** A MemoryStore with an hour left for each record. */
function memory(options: session.StoreOptions = {}, client = new MemoryStore()) {
  const store = new Store(client, { user, ...options });
  const put = (name: string, record: unknown) =>
    client.create(`koa:sess:${name}`, typeof record === 'string' ? record : JSON.stringify(record), HOUR);
  return { client, store, put };
}

describe('store.sessions()', () => {
  it('leaves out other values than sessions, and what has ended', async () => {
    const { store, put } = memory({ absoluteTimeout: HOUR });
    put('good', { cookie: {}, user: 'ann' });
    put('bare', {});
    put('list', []);
    put('text', 'not JSON');
    put('marker', 'null \t');
    put('expired', { cookie: { expires: new Date(Date.now() - 1000) } });
    put('too-old', { cookie: { began: Date.now() - 2 * HOUR } });
    put('eu:other', { cookie: {} });
    expect((await all(store)).map((each) => each.user)).toEqual(['ann', undefined]);
    expect(await store.count()).toBe(2);
  });

  it('shows times as far as they are known, and survives records and functions that make no sense', async () => {
    const { store, put } = memory({
      user: (held) => {
        if (held['n'] === 1) throw new Error('who?');
        return held['n'];
      },
    });
    const began = Date.now() - 5 * HOUR;
    put('known', { cookie: { maxAge: 2 * HOUR, began }, n: 7 });
    put('unknown', { cookie: { maxAge: 'soon' }, n: 1 });
    put('fixed', { cookie: { expires: new Date(Date.now() + HOUR) }, n: {} });
    const [known, unknown, fixed] = await all(store);
    expect(known).toMatchObject({ user: '7', createdAt: new Date(began) });
    expect(Math.abs(Number(known?.lastSeenAt) - (Date.now() - HOUR))).toBeLessThan(5000);
    expect(Math.abs(Number(known?.expiresAt) - (Date.now() + HOUR))).toBeLessThan(5000);
    expect(unknown).toMatchObject({ user: undefined, createdAt: undefined, lastSeenAt: undefined });
    expect(fixed).toMatchObject({ user: undefined, lastSeenAt: undefined, expiresAt: expect.any(Date) });
  });

  it('shows a session once that gets a new id meanwhile, and finds one that has just got it', async () => {
    class InOrder extends MemoryStore {
      override keys(prefix: string, cursor = '') {
        const rest = super
          .keys(prefix)
          .keys.filter((key) => key > cursor)
          .sort();
        return { keys: rest.slice(0, 50), cursor: rest[50] && rest[49] };
      }
    }
    const { client, store, put } = memory({}, new InOrder());
    for (let n = 0; n < 150; n += 1) put(`sid-${n}`, { cookie: {}, user: 'ann', n });
    const before = new Set((await all(store)).map(({ handle }) => handle));
    const found: session.StoredSession[] = [];
    let moved = 0;
    for await (const each of store.sessions({ data: true })) {
      found.push(each);
      if (moved > 0) continue;
      // Of two that were shown and two that were not, one each moves to where the walk has been, and one to where it comes.
      for (const [n, to] of [
        ['0', 'a'],
        ['1', 'z'],
        ['98', 'b'],
        ['99', 'y'],
      ] as const) {
        const { record = '' } = client.load(`koa:sess:sid-${n}`) ?? {};
        const handle = store.names.handleOf(`koa:sess:sid-${n}`);
        const cookie = { began: Date.now(), handle };
        put(to, { ...JSON.parse(record), cookie });
        client.take(`koa:sess:sid-${n}`, regeneratedMarker({ successor: to, keepsData: true }), HOUR);
        moved += 1;
      }
    }
    expect(found.map(({ handle }) => handle)).toHaveLength(150);
    expect(new Set(found.map(({ handle }) => handle))).toEqual(before);
  });

  it.each(['plain', 'hashed'] as const)(
    'gives a session the handle that sessions.of(user) gives it, with %s ids',
    async (ids) => {
      const store = new MemoryStore();
      const sessions = session({ store, user, ids });
      const { visitor } = await siteWith({}, {}, { use: sessions });
      await visitor().get('/put?user=ann');
      const [listed] = await sessions.of('ann').list();
      const [found] = await all(sessions.store);
      expect(found).toMatchObject({ handle: listed?.handle, user: 'ann', createdAt: listed?.createdAt });
      const other = new Store(store, { ids });
      expect(await all(other, { user: 'ann' })).toMatchObject([{ handle: listed?.handle, user: 'ann' }]);
      expect(await all(other, { user: 'bob' })).toEqual([]);
      expect(await sessions.store.clear()).toBe(1);
      expect(await sessions.of('ann').list()).toEqual([]);
    },
  );

  it('stops with the reason of its signal, and at the end of a loop', async () => {
    const { store, put } = memory();
    for (let n = 0; n < 3; n += 1) put(`sid-${n}`, { cookie: {} });
    const abort = new AbortController();
    const walk = store.sessions({ signal: abort.signal });
    expect((await walk.next()).done).toBe(false);
    abort.abort(new Error('enough'));
    await expect(walk.next()).rejects.toThrow('enough');
    await expect(store.count({ signal: abort.signal })).rejects.toThrow('enough');
    await expect(store.clear({ signal: abort.signal })).rejects.toThrow('enough');
    expect(await store.count()).toBe(3);
  });

  it('refuses options of another type, and a store that cannot list its records', async () => {
    const { store } = memory();
    const wrong = [
      { data: 1 },
      { signal: {} },
      { user: '' },
      { user: {} },
      { user: Promise.reject(new Error('x')) },
      7,
    ];
    for (const options of wrong) expect(() => store.sessions(options as session.WalkOptions)).toThrow(TypeError);
    await expect(store.count({ signal: 7 } as never)).rejects.toThrow(TypeError);
    await expect(store.clear({ onProgress: 7 } as never)).rejects.toThrow(TypeError);
    expect(() => new Store(new MemoryStore(), { user: 'ann' as never })).toThrow(TypeError);
    const plain = new Store(new MapClient());
    expect(() => plain.sessions()).toThrow(/Expected `store` to list its records: use redisStore\(\)/);
    await expect(plain.count()).rejects.toThrow(TypeError);
    await expect(plain.clear()).rejects.toThrow(TypeError);
  });
});

describe('store.clear()', () => {
  it('ends sealed records without their keys, and leaves other values than sessions', async () => {
    const { client, put } = memory();
    const write = new Store(sealed(client, { keys: [SECRET('a')] }));
    for (let n = 0; n < 3; n += 1) await write.set(`sid-${n}`, { cookie: {}, n });
    put('list', []);
    put('plain', { cookie: {} });
    const other = new Store(sealed(client, { keys: [SECRET('b')] }));
    expect(await other.count()).toBe(0);
    const progress: session.ClearProgress[] = [];
    const onProgress = (each: session.ClearProgress) => progress.push(each);
    expect(await other.clear({ onProgress })).toBe(3);
    expect(progress).toEqual([{ scanned: 5, ended: 3, left: 2 }]);
    await write.set('sid', { cookie: {} });
    expect(await new Store(client).clear()).toBe(2);
    expect(client.size).toBe(1);
  });

  it('ends with hashed ids only what has the name of a hash', async () => {
    const { client, put } = memory();
    const store = new Store(client, { ids: 'hashed' });
    await store.set('sid', { cookie: {} });
    put('plain', { cookie: {} });
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(await store.clear()).toBe(1);
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
    expect(client.get('koa:sess:plain')).toEqual({ cookie: {} });
  });

  it('tells the channel of sessions of each end, with the reason', async () => {
    const { store, put } = memory();
    for (let n = 0; n < 3; n += 1) put(`sid-${n}`, { cookie: {} });
    const heard: unknown[] = [];
    const hear = (message: unknown) => heard.push(message);
    subscribe('koa-evented-session:session', hear);
    await store.clear();
    unsubscribe('koa-evented-session:session', hear);
    const message = { event: 'session:ended', prefix: 'koa:sess:', reason: 'operator', continued: false };
    expect(heard).toEqual([message, message, message]);
  });

  it('fails with the store, and has ended the sessions that it had come to', async () => {
    class Failing extends MemoryStore {
      left = 2;
      override remove(key: string) {
        this.left -= 1;
        if (this.left < 0) throw new Error('disk full');
        return super.remove(key);
      }
    }
    const client = new Failing();
    const store = new Store(client);
    for (let n = 0; n < 5; n += 1) await store.set(`sid-${n}`, { cookie: {} });
    await expect(store.clear()).rejects.toThrow(session.StoreError);
    client.left = 10;
    expect(await store.clear()).toBe(3);
  });

  it.each([
    ['a MemoryStore', () => new MemoryStore()],
    [
      'a client that can only get, set, destroy and list',
      () => {
        const client = new MapClient();
        return Object.assign(client, {
          keys: (prefix: string) => ({ keys: [...client.records.keys()].filter((key) => key.startsWith(prefix)) }),
        });
      },
    ],
  ])('is final for the requests that are running, on %s', async (_name, make) => {
    const [inside, door] = [gate(), gate()];
    let held = 0;
    const hold = async () => {
      held += 1;
      if (held === 8) inside.open();
      await door.opened;
    };
    const sessions = session({ store: make() });
    const site = await siteWith(
      {},
      {
        '/write': async (ctx) => {
          (await sessionOf(ctx))['late'] = 1;
          await hold();
        },
        '/keep': async (ctx) => {
          await ctx.regenerateSession({ keepData: true });
          await hold();
        },
        '/saved': async (ctx) => {
          (await sessionOf(ctx))['late'] = 1;
          await ctx.saveSession();
          await hold();
          (await sessionOf(ctx))['later'] = 1;
        },
        '/update': async (ctx) => {
          await hold();
          await ctx.sessionHandler.update((it: session.Session) => Object.assign(it, { late: 1 }));
        },
      },
      { use: sessions },
    );
    const visitors = [site.visitor(), site.visitor()];
    for (const visitor of visitors) await visitor.get('/put?user=ann');
    const paths = ['/write', '/keep', '/saved', '/update'];
    const late = visitors.flatMap((visitor) => paths.map((path) => visitor.get(path)));
    await inside.opened;
    expect(await sessions.store.clear()).toBe(2);
    door.open();
    await Promise.all(late);
    expect(await sessions.store.count()).toBe(0);
  });
});
