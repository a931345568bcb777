import { EventEmitter, once } from 'node:events';
import session, { MemoryStore, type Session, type SessionStore, Store } from '../../lib/main';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { compareAndSetClient, plainClient, type Style, styles } from '../helpers/stores/client-styles';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';

const HOUR = 60 * 60 * 1000;
const KEY = 'koa:sess:known';
const now = new Date('2030-01-01T00:00:00Z');
const later = (ms: number) => new Date(now.getTime() + ms);

/** What a Store says from now on. */
function heardOf(store: Store): string[] {
  const heard: string[] = [];
  store.on('connect', () => heard.push('connect')).on('disconnect', () => heard.push('disconnect'));
  return heard;
}

describe('Store', () => {
  describe('around a client', () => {
    it('is an EventEmitter with its client and prefix', () => {
      const client = new MapClient();
      const store = new Store(client);
      expect(store).toBeInstanceOf(EventEmitter);
      expect([store.client, store.prefix]).toEqual([client, 'koa:sess:']);
    });

    it('adds its prefix to every key', async () => {
      const client = new MapClient();
      const store = new Store(client, { prefix: 'shop:' });
      await store.set('a', { cookie: {}, n: 1 });
      expect([...client.records.keys()]).toEqual(['shop:a']);
      expect(await store.get('a')).toMatchObject({ n: 1 });
      await store.destroy('a');
      expect(client.size).toBe(0);
    });

    it('accepts an empty prefix', async () => {
      const client = new MapClient();
      await new Store(client, { prefix: '' }).set('a', { cookie: {} });
      expect([...client.records.keys()]).toEqual(['a']);
    });

    it('is accepted by the `store` option', async () => {
      const client = new MapClient();
      const store = new Store(client, { prefix: 'shop:', ttl: 5000 });
      const use = session({ store });
      await using site = await disposable(openSite({ use }));
      await site.visitor().get('/put?user=ann');
      const [[key, ttl] = []] = [...client.ttls];
      expect([use.store, key, ttl]).toEqual([store, expect.stringMatching(/^shop:[\w-]{24}$/), 5000]);
    });

    it('is what handlers find on ctx', async () => {
      const use = session({ store: new MapClient() });
      await using site = await disposable(
        openSite({ use, routes: { '/same': (ctx) => ctx['sessionStore'] === use.store } }),
      );
      expect((await site.visitor().get('/same')).json()).toBe(true);
    });

    it('passes on key, session and ttl, and nothing else', async () => {
      const calls: unknown[][] = [];
      const log = (...args: unknown[]) => void calls.push(args);
      const store = new Store({ get: log, set: log, destroy: log } as SessionStore, { prefix: '' });
      const it = { cookie: {} };
      await store.set('a', it, 5);
      await store.get('a');
      await store.destroy('a');
      expect(calls).toEqual([['a', it, 5], ['a'], ['a']]);
    });

    it('calls the methods that the client has at that moment', async () => {
      const client: SessionStore = plainClient((run) => run());
      const store = new Store(client);
      client.get = () => ({ cookie: {}, replaced: true });
      expect(await store.get('a')).toMatchObject({ replaced: true });
    });

    it.each([
      ['three methods', {}],
      ['compare-and-set', compareAndSetClient(async (run) => run())],
    ])('resolves set and destroy to undefined, whatever a client with %s returns', async (_which, client) => {
      const store = new Store({ ...client, get: () => 'OK', set: () => 'OK', destroy: () => 1 });
      expect(await Promise.all([store.set('a', { cookie: {} }), store.destroy('a')])).toEqual([undefined, undefined]);
    });

    it.each([[undefined], [null], [{}], [{ get() {}, set() {} }], ['redis'], [MemoryStore]])(
      'refuses %p, which is not a client',
      (client) => {
        expect(() => new Store(client as unknown as SessionStore)).toThrow(TypeError);
      },
    );
  });

  it.each([['shop:'], [5], [() => undefined]])('refuses %p as options', (options) => {
    expect(() => new Store(new MapClient(), options as unknown as object)).toThrow(TypeError);
    expect(() => new Store(new MapClient(), options as unknown as object)).toThrow(
      /Expected `options` to be an object/,
    );
  });

  describe('get', () => {
    it.each([[null], [undefined]])("passes on the client's own %p for a missing session", async (missing) => {
      expect(await new Store({ get: () => missing, set() {}, destroy() {} }).get('a')).toBe(missing);
    });

    it('restores the date in cookie.expires', async () => {
      const store = new Store(new MapClient());
      const expires = new Date(Date.now() + HOUR);
      await store.set('a', { cookie: { expires } });
      expect((await store.get('a'))?.cookie.expires).toEqual(expires);
    });

    it.each([[5], ['text'], [true], [[]], [{ user: 1 }], [{ cookie: null }]])(
      'returns a stored %j unchanged',
      async (value) => {
        expect(await new Store({ get: () => value, set() {}, destroy() {} }).get('a')).toEqual(value);
      },
    );

    it('treats ENOENT as missing, since clients on files report it', async () => {
      const get = async () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
      expect(await new Store({ get, set() {}, destroy() {} }).get('a')).toBeUndefined();
    });
  });

  describe('set', () => {
    beforeEach(() => void jest.useFakeTimers({ now, doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
    afterEach(() => void jest.useRealTimers());

    const ttlOf = async (store: Store, cookie: Session['cookie'], ttl?: number) => {
      await store.set('a', { cookie }, ttl);
      return (store.client as MapClient).ttls.get(store.keyOf('a'));
    };

    it.each<[string, number | undefined, Session['cookie'], number]>([
      ['the ttl option first', 5000, { maxAge: HOUR, expires: later(HOUR) }, 5000],
      ['cookie.expires before maxAge', undefined, { maxAge: 1, expires: later(HOUR) }, HOUR],
      ['cookie.expires as a string', undefined, { expires: later(HOUR).toISOString() }, HOUR],
      ['cookie.maxAge', undefined, { maxAge: HOUR }, HOUR],
      ['a ttl of 0 as not given', 0, { maxAge: HOUR }, HOUR],
      ['one day by default', undefined, {}, 24 * HOUR],
      ['one day for a cookie that ends with the browser', undefined, { maxAge: null }, 24 * HOUR],
      ['one day for a maxAge of 0', undefined, { maxAge: 0 }, 24 * HOUR],
      ['whole milliseconds, rounded up', undefined, { maxAge: 0.2 }, 1],
      ['at most the longest ttl of every store', undefined, { maxAge: 1e300 }, Number.MAX_SAFE_INTEGER],
    ])('accepts %s', async (_rule, ttl, cookie, expected) => {
      expect(await ttlOf(new Store(new MapClient(), { ttl }), cookie)).toBe(expected);
    });

    it('calls a ttl function with the session', async () => {
      const store = new Store(new MapClient(), { ttl: (it) => (it['guest'] ? 1000 : null) });
      await store.set('guest', { cookie: { maxAge: HOUR }, guest: true });
      await store.set('user', { cookie: { maxAge: HOUR } });
      expect([...(store.client as MapClient).ttls.values()]).toEqual([1000, HOUR]);
    });

    it('prefers a given ttl to all rules', async () => {
      const store = new Store(new MapClient(), { ttl: 5000 });
      expect(await ttlOf(store, { maxAge: HOUR }, 70.5)).toBe(71);
    });

    it('treats a ttl of 0 as not given', async () => {
      expect(await ttlOf(new Store(new MapClient()), { maxAge: HOUR }, 0)).toBe(HOUR);
    });

    it.each<[string, Session['cookie'], number | undefined]>([
      ['expires is past', { expires: later(-1) }, undefined],
      ['maxAge is negative', { maxAge: -1 }, undefined],
      ['the ttl is negative', {}, -1],
    ])('destroys a session whose %s', async (_what, cookie, ttl) => {
      const client = new MapClient();
      const store = new Store(client);
      await store.set('a', { cookie: {} });
      await store.set('a', { cookie }, ttl);
      expect(client.size).toBe(0);
    });

    it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY], ['60'], [{}]])(
      'refuses a ttl function that returns %p, and writes nothing',
      async (ttl) => {
        const client = new MapClient();
        const saved = new Store(client, { ttl: () => ttl as number }).set('a', { cookie: {} });
        await expect(saved).rejects.toMatchObject({ name: 'SessionError', code: 'ERR_SESSION_TTL' });
        expect(client.size).toBe(0);
      },
    );
  });

  describe('a record that is written again unchanged', () => {
    it.each<[string, object | null, number]>([
      ['its own time', { maxAge: HOUR, own: ['maxAge'] }, HOUR],
      ['one day if its cookie has no valid lifetime', { maxAge: 'soon', expires: 'never' }, 24 * HOUR],
      ['one day if it has no cookie', null, 24 * HOUR],
    ])('lives %s', async (_what, cookie, expected) => {
      const client = new MapClient();
      await using site = await disposable(
        openSite({ use: session({ store: client, rolling: true, cookie: { signed: false } }) }),
      );
      client.records.set(KEY, JSON.stringify({ user: 'ann', ...(cookie && { cookie }) }));
      expect((await site.visitor().get('/see', { cookie: 'koa.sid=known' })).json()).toEqual({ user: 'ann' });
      expect(client.ttls.get(KEY)).toBe(expected);
    });

    it('lives one day if another program has put an invalid lifetime into it', async () => {
      const client = new MemoryStore();
      const routes: Routes = {
        '/late': async (ctx) => {
          Object.assign(await sessionOf(ctx), { late: 1 });
          client.set(
            KEY,
            { user: 'ann', other: 1, cookie: { maxAge: 'soon', expires: 'never' } } as unknown as Session,
            HOUR,
          );
        },
      };
      const use = session({ store: client, cookie: { signed: false, maxAge: HOUR } });
      await using site = await disposable(openSite({ use, routes }));
      client.set(KEY, { user: 'ann', cookie: {} }, HOUR);
      expect((await site.visitor().get('/late', { cookie: 'koa.sid=known' })).status).toBe(200);
      expect(client.get(KEY)).toMatchObject({ user: 'ann', other: 1, late: 1 });
      expect(client.load(KEY, { ttl: true })?.ttl).toBeGreaterThan(23 * HOUR);
    });
  });

  describe('guarantee', () => {
    it.each(Object.entries(styles))('is compare-and-set if the client can, with %s', (_name, style) => {
      expect(new Store(compareAndSetClient(style)).guarantee).toBe('compare-and-set');
    });

    it.each(['load', 'create', 'swap', 'touch'])('is last-write if %s is missing', (ability) => {
      const client = compareAndSetClient(styles['values'] as Style);
      expect(new Store(Object.assign(client, { [ability]: undefined })).guarantee).toBe('last-write');
    });

    it('is compare-and-set with the MemoryStore, last-write with three methods', () => {
      expect(new Store(new MemoryStore()).guarantee).toBe('compare-and-set');
      expect(new Store(new MapClient()).guarantee).toBe('last-write');
    });
  });

  describe('events and status', () => {
    it('reports each change of the connection once', () => {
      const client = new EmittingClient();
      const heard = heardOf(new Store(client));
      for (const event of ['connect', 'connect', 'disconnect', 'disconnect', 'connect', 'disconnect'])
        client.emit(event);
      expect(heard).toEqual(['connect', 'disconnect', 'connect', 'disconnect']);
    });

    it('reports it to every Store of one client', () => {
      const client = new EmittingClient();
      const heard = [heardOf(new Store(client)), heardOf(new Store(client, { prefix: 'other:' }))];
      client.emit('disconnect');
      expect(heard).toEqual([['disconnect'], ['disconnect']]);
    });

    it('updates its status with the connection', () => {
      const client = new EmittingClient();
      const store = new Store(client);
      const states = [store.status];
      for (const event of ['disconnect', 'connect']) {
        client.emit(event);
        states.push(store.status);
      }
      store.close();
      expect([...states, store.status]).toEqual(['available', 'pending', 'available', 'closed']);
    });

    it('is always available with a client without events', async () => {
      const store = new Store(new MapClient());
      expect([store.status, await store.get('a')]).toEqual(['available', null]);
    });

    it('emits nothing after it is closed', () => {
      const client = new EmittingClient();
      const store = new Store(client);
      const heard = heardOf(store);
      store.close();
      client.emit('disconnect');
      expect([heard, store.status, client.eventNames()]).toEqual([[], 'closed', []]);
    });

    it('fails every call after it is closed', async () => {
      const store = new Store(new MapClient());
      store.close();
      await expect(store.get('a')).rejects.toMatchObject({ name: 'StoreUnavailableError', operation: 'get' });
    });

    it('closes with the last middleware that uses it, and closes its client only if the client was created for it', async () => {
      const closed: string[] = [];
      const client = () => Object.assign(new MapClient(), { close: () => closed.push('client') });
      const store = new Store(client());
      const [one, two] = [session({ store }), session({ store })];
      await one.close();
      expect(store.status).toBe('available');
      await two.close();
      expect([store.status, closed]).toEqual(['closed', []]);
      await new Store(client(), {}, true).close();
      await new Store(new MapClient(), {}, true).close();
      expect(closed).toEqual(['client']);
    });

    it('waits for the connection before it calls', async () => {
      const client = new EmittingClient();
      const store = new Store(client);
      client.emit('disconnect');
      const saved = store.set('a', { cookie: {}, n: 1 });
      expect(await client.get('koa:sess:a')).toBeNull();
      const connected = once(store, 'connect');
      client.emit('connect');
      await Promise.all([saved, connected]);
      expect(await client.get('koa:sess:a')).toMatchObject({ n: 1 });
    });
  });
});

async function disposable<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T & AsyncDisposable> {
  const opened = await opening;
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
}
