import { EventEmitter } from 'node:events';
import type { MemoryStore, Store } from 'express-session';
import { type ExpressStoreLike, fromExpressStore } from '../../lib/express';
import session, { type Session } from '../../lib/main';
import { settled } from '../helpers/time/fake-clock';
import { gate } from '../helpers/time/gate';
import { until } from '../helpers/time/until';
import { interop } from '../interop';

const HOUR = 60 * 60 * 1000;

type Callback = (error?: unknown, value?: unknown) => void;
type Kept = { cookie: Record<string, unknown> } & Record<string, unknown>;

/** A store of the simplest kind, that keeps what it is given, as JSON. */
class PlainStore implements ExpressStoreLike {
  readonly texts = new Map<string, string>();

  get(sid: string, callback: Callback): void {
    callback(null, this.kept(sid));
  }

  set(sid: string, record: object, callback: Callback): void {
    this.texts.set(sid, JSON.stringify(record));
    callback(null);
  }

  destroy(sid: string, callback: Callback): void {
    this.texts.delete(sid);
    callback(null);
  }

  kept(sid: string): Kept | undefined {
    const text = this.texts.get(sid);
    return text === undefined ? undefined : (JSON.parse(text) as Kept);
  }
}

/** A store whose touch reads the record and writes it back, which takes as long as `pause`. */
class RewritingStore extends PlainStore {
  pause: Promise<unknown> = Promise.resolve();
  touched = 0;

  async touch(sid: string, record: object, callback: Callback): Promise<void> {
    const kept = this.kept(sid) ?? {};
    this.touched += 1;
    await this.pause;
    this.texts.set(sid, JSON.stringify({ ...kept, cookie: (record as Kept).cookie }));
    callback(null);
  }
}

/** A store with one method replaced. */
function storeWith(methods: Partial<ExpressStoreLike>): ExpressStoreLike {
  return Object.assign(new PlainStore(), methods);
}

const ann = (): Session => ({ cookie: { maxAge: HOUR }, user: 'ann' });

describe('fromExpressStore()', () => {
  it('accepts what the types of express-session call a store', async () => {
    const { MemoryStore: Memory } = interop('express-session') as { MemoryStore: typeof MemoryStore };
    const store: Store = new Memory();
    const client = fromExpressStore(store);
    await client.set('sid', ann(), HOUR);
    expect([client.store, await client.get('sid')]).toEqual([store, ann()]);
  });

  it('returns one client per store, so that two middlewares know of each other', () => {
    const store = new PlainStore();
    expect(fromExpressStore(store)).toBe(fromExpressStore(store));
    expect(fromExpressStore(new PlainStore())).not.toBe(fromExpressStore(store));
  });

  it('guarantees last-write only', () => {
    const { store } = session({ store: fromExpressStore(new RewritingStore()) });
    expect(store.guarantee).toBe('last-write');
    store.close();
  });

  it.each([
    ['nothing', undefined, 'Expected `store` to be an object with `get`, `set`, `destroy`, got `undefined`'],
    ['a url', 'redis://', 'Expected `store` to be an object with `get`, `set`, `destroy`, got `redis://` (string)'],
    [
      'a store without `destroy`',
      { get: () => undefined, set: () => undefined },
      'Expected `store` to have the methods `get`, `set`, `destroy`, but `destroy` is missing',
    ],
    ['a class', PlainStore, 'got the class PlainStore: create one with `new PlainStore(options)`'],
    [
      'the factory of memorystore',
      interop('memorystore'),
      'got a function: pass it express-session and create an instance of the class it returns, `new (factory(session))(options)`',
    ],
  ])('throws a TypeError that says what to do for %s', (_what, store, message) => {
    const make = () => fromExpressStore(store as ExpressStoreLike);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

describe('A session in a store of express-session', () => {
  beforeEach(() => jest.useFakeTimers({ now: Date.UTC(2030, 0), doNotFake: ['nextTick', 'queueMicrotask'] }));
  afterEach(() => jest.useRealTimers());

  it('has a cookie that states the ttl in every form that stores read, as a Date too', async () => {
    let given: Kept | undefined;
    const store = storeWith({
      set: (_sid, record, callback) => {
        given = record as Kept;
        callback();
      },
    });
    await fromExpressStore(store).set('sid', ann(), 2 * HOUR);
    expect(given?.cookie).toMatchObject({
      maxAge: 2 * HOUR,
      originalMaxAge: 2 * HOUR,
      expires: new Date(Date.UTC(2030, 0, 1, 2)),
    });
  });

  it('ends before the year 10 000, since some databases have no later dates', async () => {
    const store = new PlainStore();
    await fromExpressStore(store).set('sid', ann(), Number.MAX_SAFE_INTEGER);
    const { expires, maxAge } = store.kept('sid')?.cookie ?? {};
    expect(expires).toBe('9999-12-31T00:00:00.000Z');
    expect(Date.now() + Number(maxAge)).toBe(Date.UTC(9999, 11, 31));
  });

  it.each<[string, object]>([
    ['with a cookie for the browser session', { path: '/', maxAge: null, own: ['maxAge'] }],
    ['with a date', { expires: '2031-01-01T00:00:00.000Z', own: ['expires'], stamp: 'x' }],
    ['with our lifetime', { path: '/', sameSite: 'lax', maxAge: HOUR, own: [], lifetime: HOUR }],
    ['of koa-generic-session', { path: '/', httpOnly: true, maxAge: HOUR, overwrite: true, signed: true }],
  ])('has the same cookie after reading as when it was stored, %s', async (_what, cookie) => {
    const client = fromExpressStore(new PlainStore());
    const text = JSON.stringify({ first: 1, cookie, last: 2 });
    await client.set('sid', JSON.parse(text), 5000);
    expect(JSON.stringify(await client.get('sid'))).toBe(text);
  });

  it('has no cookie after reading if it had none', async () => {
    const client = fromExpressStore(new PlainStore());
    await client.set('sid', { user: 'ann' } as unknown as Session, HOUR);
    expect(await client.get('sid')).toEqual({ user: 'ann' });
  });

  it('is not changed by storing it', async () => {
    const stored = Object.freeze({ ...ann(), cookie: Object.freeze({ maxAge: HOUR }) });
    const store = storeWith({
      set: (_sid, record, callback) => {
        (record as Kept)['__lastAccess'] = Date.now();
        callback();
      },
    });
    await fromExpressStore(store).set('sid', stored, 5000);
    expect(stored).toEqual(ann());
  });

  it('is stored as it was at the time of the call', async () => {
    const client = fromExpressStore(new RewritingStore());
    const cart = ['tea'];
    const stored = client.set('sid', { ...ann(), cart }, HOUR);
    cart.push('poison');
    await stored;
    expect(await client.get('sid')).toEqual({ ...ann(), cart: ['tea'] });
  });

  it('does not show what session-file-store adds', async () => {
    const store = new PlainStore();
    store.texts.set('sid', JSON.stringify({ ...ann(), __lastAccess: 5 }));
    expect(await fromExpressStore(store).get('sid')).toEqual(ann());
  });

  it.each([
    ['an hour', HOUR, HOUR],
    ['the browser session', null, null],
  ])('written by express-session keeps its lifetime of %s', async (_what, originalMaxAge, maxAge) => {
    const store = new PlainStore();
    const cookie = { originalMaxAge, expires: '2020-01-01T00:00:00.000Z', httpOnly: true, path: '/' };
    store.texts.set('sid', JSON.stringify({ cookie, user: 'ann' }));
    expect(await fromExpressStore(store).get('sid')).toEqual({
      cookie: { httpOnly: true, path: '/', maxAge },
      user: 'ann',
    });
  });

  it.each([[undefined], [null], [false]])('is missing if the store answers %s', async (answer) => {
    const store = storeWith({ get: (_sid, callback) => callback(null, answer) });
    expect(await fromExpressStore(store).get('sid')).toBeUndefined();
  });

  it.each([[5], ['text'], [[1]]])('is passed on unchanged if the store answers %j', async (answer) => {
    const store = storeWith({ get: (_sid, callback) => callback(null, answer) });
    expect(await fromExpressStore(store).get('sid')).toEqual(answer);
  });

  it('has a key that no store can use as a path', async () => {
    const store = new PlainStore();
    const client = fromExpressStore(store);
    for (const key of ['a/../../b', 'a\\b', 'a%2Fb', 'a:b']) await client.set(key, ann(), HOUR);
    expect([...store.texts.keys()]).toEqual(['a%2F..%2F..%2Fb', 'a%5Cb', 'a%252Fb', 'a:b']);
    for (const key of ['a/../../b', 'a\\b', 'a%2Fb', 'a:b']) await client.destroy(key);
    expect(store.texts.size).toBe(0);
  });
});

describe('A store of express-session', () => {
  const broken = new Error('disk is full');
  const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });

  it.each<[string, ExpressStoreLike['get']]>([
    ['calls back with an error', (_sid, callback) => callback(broken)],
    ['calls back with an error and a session', (_sid, callback) => callback(broken, ann())],
    [
      'calls back with an error, and again without one',
      (_sid, callback) => {
        callback(broken);
        callback(null, ann());
      },
    ],
    [
      'throws',
      () => {
        throw broken;
      },
    ],
    ['is async, and fails without calling back', () => Promise.reject(broken)],
    [
      'is async, calls back with an error and fails',
      async (_sid, callback) => {
        callback(broken);
        throw new Error('another');
      },
    ],
  ])('fails if it %s', async (_how, get) => {
    const client = fromExpressStore(
      storeWith({ get, set: (sid, _record, callback) => get(sid, callback), destroy: get }),
    );
    await expect(client.get('sid')).rejects.toBe(broken);
    await expect(client.set('sid', ann(), HOUR)).rejects.toBe(broken);
    await expect(client.destroy('sid')).rejects.toBe(broken);
  });

  it.each<[string, ExpressStoreLike['get']]>([
    ['is async and resolves before it calls back', async (_sid, callback) => void setImmediate(callback, null, ann())],
    [
      'is async and resolves with nothing',
      async (_sid, callback) => {
        callback(null, ann());
      },
    ],
    [
      'calls back twice',
      (_sid, callback) => {
        callback(null, ann());
        callback(broken);
      },
    ],
    [
      'calls back and throws',
      (_sid, callback) => {
        callback(null, ann());
        throw broken;
      },
    ],
    [
      'is async, calls back and fails',
      async (_sid, callback) => {
        callback(null, ann());
        throw broken;
      },
    ],
  ])('answers if it %s', async (_how, get) => {
    expect(await fromExpressStore(storeWith({ get })).get('sid')).toEqual(ann());
  });

  it('delays no request longer than `timeout` if it never calls back', async () => {
    const { store } = session({ store: fromExpressStore(storeWith({ get: () => undefined })), timeout: 20 });
    await expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' });
    await store.close();
  });

  it('may report a missing session with ENOENT', async () => {
    const fail: ExpressStoreLike['get'] = (_sid, callback) => callback(missing);
    const touch = () => undefined;
    const client = fromExpressStore(storeWith({ get: fail, destroy: fail, touch }));
    expect([await client.get('sid'), await client.destroy('sid'), await client.touch?.('sid', HOUR)]).toEqual([
      undefined,
      undefined,
      false,
    ]);
  });

  it('may lose a record while it touches it', async () => {
    const store = storeWith({ touch: (_sid, _record, callback) => callback(missing) });
    const client = fromExpressStore(store);
    await client.set('sid', ann(), HOUR);
    expect(await client.touch?.('sid', HOUR)).toBe(false);
  });
});

describe('touch', () => {
  it('exists for stores that have it', () => {
    expect(fromExpressStore(new PlainStore()).touch).toBeUndefined();
    expect(fromExpressStore(new RewritingStore()).touch).toBeInstanceOf(Function);
  });

  it('creates nothing, although the store would', async () => {
    const store = new RewritingStore();
    expect(await fromExpressStore(store).touch?.('sid', HOUR)).toBe(false);
    expect([store.touched, store.texts.size]).toEqual([0, 0]);
  });

  it('passes the whole record with its new time to the store, and leaves our cookie unchanged', async () => {
    const store = new RewritingStore();
    const client = fromExpressStore(store);
    await client.set('sid', ann(), 5000);
    expect(await client.touch?.('sid', 2 * HOUR)).toBe(true);
    expect(store.kept('sid')?.cookie).toMatchObject({ maxAge: 2 * HOUR, originalMaxAge: 2 * HOUR });
    expect(await client.get('sid')).toEqual(ann());
  });

  it('keeps the lifetime of a session that express-session wrote', async () => {
    const store = new RewritingStore();
    const client = fromExpressStore(store);
    const cookie = { originalMaxAge: null, expires: null, path: '/' };
    store.texts.set('sid', JSON.stringify({ cookie, user: 'ann' }));
    expect(await client.touch?.('sid', HOUR)).toBe(true);
    expect(store.kept('sid')?.cookie).toMatchObject({ maxAge: HOUR });
    expect(await client.get('sid')).toEqual({ cookie: { path: '/', maxAge: null }, user: 'ann' });
  });

  describe('that rewrites the record', () => {
    /** A store whose touch waits until it is let go. */
    const setUp = async () => {
      const store = new RewritingStore();
      const client = fromExpressStore(store);
      await client.set('sid', ann(), HOUR);
      const { open, opened } = gate();
      store.pause = opened;
      return { store, client, open };
    };
    const eve = () => ({ ...ann(), user: 'eve' });

    it('does not restore a record that was destroyed in between', async () => {
      const { store, client, open } = await setUp();
      const touch = client.touch?.('sid', HOUR);
      await until(() => store.touched === 1);
      const destroyed = client.destroy('sid');
      await settled();
      open();
      expect(await touch).toBe(true);
      await destroyed;
      expect(await client.get('sid')).toBeUndefined();
    });

    it('does not undo a write in between', async () => {
      const { store, client, open } = await setUp();
      const touch = client.touch?.('sid', HOUR);
      await until(() => store.touched === 1);
      const written = client.set('sid', eve(), HOUR);
      await settled();
      open();
      await Promise.all([touch, written]);
      expect(await client.get('sid')).toEqual(eve());
    });

    it('waits for a pending write', async () => {
      const { store, client, open } = await setUp();
      const { open: write, opened: writes } = gate();
      const set = store.set.bind(store);
      store.set = (sid, record, callback) => void writes.then(() => set(sid, record, callback));
      const written = client.set('sid', eve(), HOUR);
      const touch = client.touch?.('sid', HOUR);
      await settled();
      write();
      await written;
      open();
      expect(await touch).toBe(true);
      expect(await client.get('sid')).toEqual(eve());
    });

    it('does not delay other sessions', async () => {
      const { client, open } = await setUp();
      const touch = client.touch?.('sid', HOUR);
      await client.set('other', ann(), HOUR);
      await client.destroy('other');
      open();
      expect(await touch).toBe(true);
    });

    it('delays its own session by no more than ten seconds if it gets no answer', async () => {
      jest.useFakeTimers();
      try {
        const { client } = await setUp();
        void client.touch?.('sid', HOUR);
        const destroyed = jest.fn();
        void client.destroy('sid').then(destroyed);
        await jest.advanceTimersByTimeAsync(9_999);
        expect(destroyed).not.toHaveBeenCalled();
        await jest.advanceTimersByTimeAsync(1);
        expect(destroyed).toHaveBeenCalled();
      } finally {
        jest.useRealTimers();
      }
    });

    it('does not block later ones if it failed', async () => {
      const store = storeWith({ touch: (_sid, _record, callback) => callback(new Error('disk is full')) });
      const client = fromExpressStore(store);
      await client.set('sid', ann(), HOUR);
      const touch = expect(client.touch?.('sid', HOUR)).rejects.toThrow('disk is full');
      await client.destroy('sid');
      await touch;
      expect(await client.get('sid')).toBeUndefined();
    });
  });
});

describe('The events of a store of express-session', () => {
  class EmittingStore extends PlainStore {
    readonly events = new EventEmitter();
    on(event: string, listener: () => void): this {
      this.events.on(event, listener);
      return this;
    }
    off(event: string, listener: () => void): this {
      this.events.off(event, listener);
      return this;
    }
  }

  it('report the connection to the application, and requests wait for it', async () => {
    const store = new EmittingStore();
    const sessions = session({ store: fromExpressStore(store) });
    const heard: string[] = [];
    for (const event of ['connect', 'disconnect'] as const) sessions.store.on(event, () => heard.push(event));
    await sessions.store.set('sid', ann());
    store.events.emit('disconnect');
    const waiting = sessions.store.get('sid');
    store.events.emit('connect');
    expect(await waiting).toEqual(ann());
    expect(heard).toEqual(['disconnect', 'connect']);
    await sessions.close();
    expect(store.events.eventNames()).toEqual([]);
  });

  it('are optional', async () => {
    const sessions = session({ store: fromExpressStore(new PlainStore()) });
    expect(sessions.store.status).toBe('available');
    await sessions.close();
  });

  it('reach any number of Stores, once each', async () => {
    const store = new EmittingStore();
    const many = Array.from({ length: 30 }, (_, n) => session({ store: fromExpressStore(store), prefix: `${n}:` }));
    expect(store.events.listenerCount('disconnect')).toBe(1);
    await Promise.all(many.map((one) => one.close()));
  });
});
