import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Session } from '../../lib/base/types';
import { MemoryStore, type MemoryStoreOptions } from '../../lib/stores/memory';

const DAY = 24 * 60 * 60 * 1000;

const session = (data: Record<string, unknown> = {}): Session => ({ cookie: {}, ...data });

const stores: MemoryStore[] = [];

function newStore(options?: MemoryStoreOptions | null): MemoryStore {
  const store = new MemoryStore(options);
  stores.push(store);
  return store;
}

describe('MemoryStore', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    for (const store of stores.splice(0)) store.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  describe('enroll, members, dismiss and endedNow', () => {
    const keysOf = (store: MemoryStore, index = 'ann') => store.members(index, 1e6).map(({ key }) => key);

    it('frees members and marks that are past their end, without a timer afterwards', () => {
      const store = newStore();
      for (let n = 0; n < 10_000; n += 1) store.enroll(`user ${n % 100}`, `sid ${n}`, 1000, 0);
      store.endedNow('ann', 1500);
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(2500);
      expect(keysOf(store, 'user 1')).toEqual([]);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('keeps members for as long as they were enrolled, and the mark as long as it says', () => {
      const store = newStore();
      store.enroll('ann', 'a', 5000, 0);
      store.enroll('ann', 'b', 9000, 0);
      store.endedNow('ann', 20_000);
      jest.advanceTimersByTime(4999);
      expect(keysOf(store)).toEqual(['a', 'b']);
      jest.advanceTimersByTime(1);
      expect(keysOf(store)).toEqual(['b']);
      jest.advanceTimersByTime(14_999);
      expect(store.enroll('ann', 'late', 1000, 20_000)).toBe(false);
    });

    it('has at most twice as many members as sessions, and drops those that end soon', () => {
      const store = newStore({ max: 50 });
      store.enroll('ann', 'long', DAY, 0);
      for (let n = 0; n < 1000; n += 1) store.enroll('ann', `sid ${n}`, 1000 + n, 0);
      const keys = keysOf(store);
      expect([keys.length, keys.at(-1)]).toEqual([100, 'long']);
    });

    it('does not count members as sessions, and drops them on close', () => {
      const store = newStore();
      store.enroll('ann', 'a', 5000, 0);
      expect(store.size).toBe(0);
      store.close();
      expect(keysOf(store)).toEqual([]);
    });

    it.each([0, -1, Number.NaN])('refuses a ttl of %p', (ttl) => {
      expect(() => newStore().enroll('ann', 'a', ttl, 0)).toThrow(TypeError);
    });
  });

  describe('get, set and destroy', () => {
    it('returns a stored session', () => {
      const store = newStore();
      expect(store.set('a', session({ user: 1 }), 1000)).toBeUndefined();
      expect(store.get('a')).toEqual({ cookie: {}, user: 1 });
      expect(store.size).toBe(1);
    });

    it('returns undefined for a missing session', () => {
      const store = newStore();
      expect(store.get('a')).toBeUndefined();
      expect(store.load('a')).toBeUndefined();
    });

    it('replaces what is stored, including the ttl', () => {
      const store = newStore();
      store.set('a', session({ user: 1 }), 1000);
      store.set('a', session({ user: 2 }), 5000);
      jest.advanceTimersByTime(4999);
      expect(store.get('a')).toEqual({ cookie: {}, user: 2 });
      expect(store.size).toBe(1);
    });

    it('removes a session, and ignores a missing one', () => {
      const store = newStore();
      store.set('a', session(), 1000);
      expect(store.destroy('a')).toBeUndefined();
      expect(store.destroy('a')).toBeUndefined();
      expect(store.get('a')).toBeUndefined();
      expect(store.size).toBe(0);
    });

    it('copies on set: a later change of the session is not stored', () => {
      const store = newStore();
      const mine = session({ cart: ['apple'] });
      store.set('a', mine, 1000);
      (mine['cart'] as string[]).push('pear');
      expect(store.get('a')).toEqual({ cookie: {}, cart: ['apple'] });
    });

    it('copies on get: a change of the result is neither stored nor seen by other readers', () => {
      const store = newStore();
      store.set('a', session({ cart: ['apple'] }), 1000);
      const first = store.get('a');
      const second = store.get('a');
      (first as { cart?: string[] } | undefined)?.cart?.push('pear');
      expect(second).toEqual({ cookie: {}, cart: ['apple'] });
      expect(store.get('a')).toEqual({ cookie: {}, cart: ['apple'] });
    });

    it.each(['__proto__', 'constructor', 'hasOwnProperty', ''])('treats %j like any other key', (key) => {
      const store = newStore();
      expect(store.get(key)).toBeUndefined();
      store.set(key, session({ polluted: true }), 1000);
      expect(store.get(key)).toEqual({ cookie: {}, polluted: true });
      expect('polluted' in {}).toBe(false);
      store.destroy(key);
      expect(store.get(key)).toBeUndefined();
    });

    it('keeps `__proto__` in a session as a property', () => {
      const store = newStore();
      store.create('a', '{"cookie":{},"__proto__":{"polluted":true}}', 1000);
      expect(Object.keys(store.get('a') ?? {})).toEqual(['cookie', '__proto__']);
      expect('polluted' in {}).toBe(false);
    });

    it('keeps every character of key and session', () => {
      const store = newStore();
      const texts = ['é', '€', '👍', '\ud800', '\udc00\ud800', '\0', '\ufffd', '"\\'];
      for (const text of texts) store.set(text, session({ text }), 1000);
      for (const text of texts) expect(store.get(text)?.['text']).toBe(text);
      expect(store.size).toBe(texts.length);
      const record = '{"text":"\ud800"}';
      expect(store.create('record', record, 1000)).toBe(store.create('record', record, 1000));
      expect(store.load('record')?.record).toBe(record);
    });

    it.each([
      [undefined, '`undefined`'],
      [() => 1, 'a function'],
      [Symbol('s'), '`Symbol(s)` (symbol)'],
    ])('refuses %p as a session and keeps what is stored', (value, shown) => {
      const store = newStore();
      store.set('a', session({ user: 1 }), 1000);
      const set = () => store.set('a', value as unknown as Session, 1000);
      expect(set).toThrow(new TypeError(`Expected \`session\` to be an object, got ${shown}`));
      expect(store.get('a')).toEqual({ cookie: {}, user: 1 });
    });

    it('throws for a session that JSON cannot hold, and keeps what is stored', () => {
      const store = newStore();
      store.set('a', session({ user: 1 }), 1000);
      const cyclic = session();
      cyclic['self'] = cyclic;
      expect(() => store.set('a', cyclic, 1000)).toThrow(TypeError);
      expect(store.get('a')).toEqual({ cookie: {}, user: 1 });
    });

    it('throws for a text that is not JSON; load returns it', () => {
      const store = newStore();
      const revision = store.create('a', 'no JSON', 1000);
      expect(() => store.get('a')).toThrow(SyntaxError);
      expect(store.load('a')).toEqual({ record: 'no JSON', revision });
    });

    it('does not keep the longer text in memory that a key or a record was cut from', () => {
      setFlagsFromString('--expose-gc');
      const gc = runInNewContext('gc') as () => void;
      const store = newStore();
      gc();
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 50; i++) {
        const text = `${i} ${'x'.repeat(1_000_000)}`.toLowerCase();
        store.create(text.slice(0, 100), text.slice(100, 200), 1000);
        store.swap(text.slice(0, 100), text.slice(0, 150), 1000, Number(store.load(text.slice(0, 100))?.revision));
      }
      gc();
      expect(store.size).toBe(50);
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
    });
  });

  describe('ttl', () => {
    it('ends a session on the millisecond', () => {
      const store = newStore();
      store.set('a', session(), 100);
      jest.advanceTimersByTime(99);
      expect(store.get('a')).toBeDefined();
      jest.advanceTimersByTime(1);
      expect(store.size).toBe(1);
      expect(store.get('a')).toBeUndefined();
      expect(store.size).toBe(0);
    });

    it.each([undefined, null])('is one day if it is %p', (ttl) => {
      const store = newStore();
      store.set('a', session(), ttl);
      expect(store.load('a', { ttl: true })?.ttl).toBe(DAY);
      jest.advanceTimersByTime(DAY - 1);
      expect(store.get('a')).toBeDefined();
      jest.advanceTimersByTime(1);
      expect(store.get('a')).toBeUndefined();
    });

    it('may be longer than a timer can wait', () => {
      const store = newStore();
      store.set('a', session(), Number.MAX_SAFE_INTEGER);
      store.set('b', session(), 60 * DAY);
      jest.setSystemTime(Date.now() + 59 * DAY);
      expect(store.get('a')).toBeDefined();
      expect(store.get('b')).toBeDefined();
    });

    it.each([
      [0, 'number'],
      [-1, 'number'],
      [Number.NaN, 'number'],
      [Number.POSITIVE_INFINITY, 'number'],
      ['soon', 'string'],
      [10n, 'bigint'],
    ])('is refused if it is %p, and nothing changes', (value, type) => {
      const store = newStore();
      const ttl = value as number;
      const revision = Number(store.create('a', '{"user":1}', 1000));
      const before = store.load('a', { ttl: true });
      const error = new TypeError(
        `Expected \`ttl\` to be a positive number of milliseconds, got \`${String(value)}\` (${type})`,
      );
      expect(() => store.set('a', session(), ttl)).toThrow(error);
      expect(() => store.create('b', '{}', ttl)).toThrow(error);
      expect(() => store.swap('a', '{}', ttl, revision)).toThrow(error);
      expect(() => store.take('a', 'null', ttl)).toThrow(error);
      expect(() => store.touch('a', ttl)).toThrow(error);
      expect(store.load('a', { ttl: true })).toEqual(before);
      expect(store.size).toBe(1);
    });

    it('continues if the clock is set back', () => {
      const store = newStore();
      store.set('before', session(), 10_000);
      jest.setSystemTime(Date.now() - 365 * DAY);
      store.set('after', session(), 20_000);
      expect(store.load('before', { ttl: true })?.ttl).toBe(10_000);
      jest.advanceTimersByTime(10_000);
      expect(store.get('before')).toBeUndefined();
      expect(store.get('after')).toBeDefined();
      jest.advanceTimersByTime(20_000);
      expect(store.size).toBe(0);
    });

    it('ends with the clock if it is set forward', () => {
      const store = newStore();
      store.set('a', session(), 10_000);
      jest.setSystemTime(Date.now() + DAY);
      expect(store.get('a')).toBeUndefined();
    });
  });

  describe('load', () => {
    it('returns the text and its revision', () => {
      const store = newStore();
      const revision = store.create('a', '{"user":1}', 1000);
      expect(store.load('a')).toEqual({ record: '{"user":1}', revision });
      expect(store.load('a', {})).toEqual({ record: '{"user":1}', revision });
    });

    it('returns the remaining milliseconds if asked to', () => {
      const store = newStore();
      const revision = store.create('a', '{}', 1000);
      jest.advanceTimersByTime(300);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{}', revision, ttl: 700 });
    });

    it('never returns a ttl of 0, whenever the clock ticks', () => {
      const store = newStore();
      const revision = store.create('a', '{}', 2);
      let time = Date.now();
      jest.spyOn(Date, 'now').mockImplementation(() => ++time);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{}', revision, ttl: 1 });
      expect(store.load('a', { ttl: true })).toBeUndefined();
    });

    it('returns a new revision after every write of another text', () => {
      const store = newStore();
      store.set('a', session({ user: 1 }), 1000);
      const first = store.load('a')?.revision;
      store.set('a', session({ user: 2 }), 1000);
      const second = store.load('a')?.revision;
      store.destroy('a');
      store.set('a', session({ user: 1 }), 1000);
      expect(new Set([first, second, store.load('a')?.revision]).size).toBe(3);
    });

    it('does not find an expired record', () => {
      const store = newStore();
      store.create('a', '{}', 100);
      jest.advanceTimersByTime(100);
      expect(store.load('a')).toBeUndefined();
    });
  });

  describe('create', () => {
    it('stores a new record', () => {
      const store = newStore();
      const revision = store.create('a', '{"user":1}', 1000);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{"user":1}', revision, ttl: 1000 });
    });

    it('leaves another record alone', () => {
      const store = newStore();
      const revision = store.create('a', '{"user":1}', 1000);
      expect(store.create('a', '{"user":2}', 5000)).toBe(false);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{"user":1}', revision, ttl: 1000 });
    });

    it('counts its own text as success', () => {
      const store = newStore();
      const revision = store.create('a', '{"user":1}', 1000);
      expect(store.create('a', '{"user":1}', 5000)).toBe(revision);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{"user":1}', revision, ttl: 5000 });
    });

    it('replaces an expired record', () => {
      const store = newStore();
      const old = store.create('a', '{"user":1}', 100);
      jest.advanceTimersByTime(100);
      const revision = store.create('a', '{"user":2}', 1000);
      expect(revision).not.toBe(old);
      expect(store.load('a')).toEqual({ record: '{"user":2}', revision });
    });
  });

  describe('swap', () => {
    it('replaces the expected revision', () => {
      const store = newStore();
      const old = Number(store.create('a', '{"user":1}', 1000));
      const result = store.swap('a', '{"user":2}', 5000, old);
      const revision = store.load('a')?.revision;
      expect(result).toEqual({ ok: true, revision });
      expect(revision).not.toBe(old);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{"user":2}', revision, ttl: 5000 });
    });

    it('returns what is stored if the revision differs', () => {
      const store = newStore();
      const old = Number(store.create('a', '{"user":1}', 1000));
      store.set('a', session({ user: 2 }), 1000);
      const stored = store.load('a', { ttl: true });
      expect(store.swap('a', '{"user":3}', 5000, old)).toEqual({
        ok: false,
        record: '{"cookie":{},"user":2}',
        revision: stored?.revision,
      });
      expect(store.load('a', { ttl: true })).toEqual(stored);
    });

    it('counts its own text as success, whatever the revision', () => {
      const store = newStore();
      const old = Number(store.create('a', '{"user":1}', 1000));
      const first = store.swap('a', '{"user":2}', 1000, old);
      expect(store.swap('a', '{"user":2}', 5000, old)).toEqual(first);
      expect(store.load('a', { ttl: true })?.ttl).toBe(5000);
    });

    it('reports that a record is gone, and creates none', () => {
      const store = newStore();
      expect(store.swap('a', '{}', 1000, 1)).toEqual({ ok: false, gone: true });
      const destroyed = Number(store.create('b', '{}', 1000));
      store.destroy('b');
      expect(store.swap('b', '{}', 1000, destroyed)).toEqual({ ok: false, gone: true });
      const expired = Number(store.create('c', '{}', 100));
      jest.advanceTimersByTime(100);
      expect(store.swap('c', '{}', 1000, expired)).toEqual({ ok: false, gone: true });
      expect(store.size).toBe(0);
    });

    it('distinguishes a record from one destroyed before it', () => {
      const store = newStore();
      const old = Number(store.create('a', '{"user":1}', 1000));
      store.destroy('a');
      const revision = store.create('a', '{"user":1}', 1000);
      expect(store.swap('a', '{"user":2}', 1000, old)).toEqual({ ok: false, record: '{"user":1}', revision });
    });
  });

  describe('touch', () => {
    it('extends and shortens without writing', () => {
      const store = newStore();
      const revision = store.create('a', '{"user":1}', 1000);
      expect(store.touch('a', 5000)).toBe(true);
      expect(store.load('a', { ttl: true })).toEqual({ record: '{"user":1}', revision, ttl: 5000 });
      expect(store.touch('a', 10)).toBe(true);
      jest.advanceTimersByTime(10);
      expect(store.get('a')).toBeUndefined();
    });

    it('never creates: returns false for a missing or expired record', () => {
      const store = newStore();
      store.set('a', session(), 100);
      jest.advanceTimersByTime(100);
      expect(store.touch('a', 1000)).toBe(false);
      expect(store.touch('b', 1000)).toBe(false);
      expect(store.size).toBe(0);
    });
  });

  describe('a regenerated session, the text null', () => {
    it('is a record but not a session', () => {
      const store = newStore();
      const old = Number(store.create('a', '{"user":1}', 1000));
      const { revision } = store.swap('a', 'null', 60_000, old) as { revision: number };
      expect(store.get('a')).toBeUndefined();
      expect(store.load('a')).toEqual({ record: 'null', revision });
    });

    it('is neither created over nor touched', () => {
      const store = newStore();
      const revision = store.create('a', 'null', 60_000);
      expect(store.create('a', '{"user":1}', DAY)).toBe(false);
      expect(store.touch('a', DAY)).toBe(false);
      expect(store.load('a', { ttl: true })).toEqual({ record: 'null', revision, ttl: 60_000 });
    });
  });

  describe('freeing expired sessions', () => {
    it('happens within 10 s of the end', () => {
      const store = newStore();
      store.set('a', session(), 500);
      store.set('b', session(), 60_000);
      jest.advanceTimersByTime(10_500);
      expect(store.size).toBe(1);
      jest.advanceTimersByTime(59_500);
      expect(store.size).toBe(0);
    });

    it('keeps up with 100 000 sessions of mixed ttls that are read, extended and destroyed at the same time', () => {
      const store = newStore();
      const ends = new Map<string, number>();
      for (let i = 0; i < 100_000; i++) {
        const ttl = 1000 + ((i * 7919) % 60_000);
        store.create(String(i), '{}', ttl);
        ends.set(String(i), Date.now() + ttl);
      }
      const use = (i: number) => {
        const key = String(i);
        expect(store.get(key) !== undefined).toBe((ends.get(key) ?? 0) > Date.now());
        if (i % 3 === 0 && store.touch(key, 3000)) ends.set(key, Date.now() + 3000);
        if (i % 5 === 0) store.destroy(key);
        if (i % 5 === 0) ends.delete(key);
      };
      const endAfter = (time: number) => [...ends.values()].filter((end) => end > time).length;

      for (let second = 1; second <= 75; second++) {
        jest.advanceTimersByTime(1000);
        for (let i = second; i < 100_000; i += 331) use(i);
        expect(store.size).toBeGreaterThanOrEqual(endAfter(Date.now()));
        expect(store.size).toBeLessThanOrEqual(endAfter(Date.now() - 10_000));
      }
      expect(store.size).toBe(0);
    });

    it('goes in small steps if many expire at once', () => {
      const store = newStore();
      for (let i = 0; i < 50_000; i++) store.create(String(i), '{}', i % 5 === 4 ? DAY : 500);
      const sizes: number[] = [];
      while (store.size > 10_000) {
        jest.advanceTimersToNextTimer();
        sizes.push(store.size);
      }
      expect(sizes).toEqual([46_000, 42_000, 38_000, 34_000, 30_000, 26_000, 22_000, 18_000, 14_000, 10_000]);
      for (let i = 0; i < 50_000; i++) expect(store.get(String(i)) !== undefined).toBe(i % 5 === 4);
    });

    it('has one timer, which does not keep the process alive, and only while there are sessions', () => {
      const timers = jest.spyOn(globalThis, 'setTimeout');
      const store = newStore();
      expect(jest.getTimerCount()).toBe(0);
      for (let i = 0; i < 100; i++) store.set(String(i), session(), 5000);
      for (let second = 0; second < 4; second++) {
        expect(jest.getTimerCount()).toBe(1);
        jest.advanceTimersByTime(1000);
      }
      expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual(Array(5).fill(false));
      jest.advanceTimersByTime(10_000);
      expect(store.size).toBe(0);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('has no timer after the last session is destroyed, and one again with the next', () => {
      const store = newStore();
      store.set('a', session(), 5000);
      store.destroy('a');
      expect(jest.getTimerCount()).toBe(0);
      store.set('a', session(), 5000);
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(15_000);
      expect(store.size).toBe(0);
    });
  });

  describe('max', () => {
    const full = { code: 'KOA_EVENTED_SESSION_MEMORY_FULL' };

    it('drops the least recently used, whether it was read, written or touched last', () => {
      jest.spyOn(process, 'emitWarning').mockImplementation();
      const store = newStore({ max: 6 });
      for (const key of ['get', 'unused', 'load', 'set', 'swap', 'touch']) store.create(key, '{}', 1000);
      store.get('get');
      store.load('load');
      store.set('set', session(), 1000);
      store.swap('swap', '{"user":1}', 1000, Number(store.load('swap')?.revision));
      store.touch('touch', 1000);
      store.set('new', session(), 1000);
      expect(store.size).toBe(6);
      expect(store.load('unused')).toBeUndefined();
      store.set('newer', session(), 1000);
      expect(store.load('get')).toBeUndefined();
      for (const key of ['load', 'set', 'swap', 'touch', 'new', 'newer']) expect(store.load(key)).toBeDefined();
    });

    it('drops no entry of a record that is stored, however many ends of other users are remembered', () => {
      const store = newStore({ max: 20 });
      for (let n = 0; n < 20; n += 1) {
        store.enroll('ann', `ann ${n}`, 60_000, 0);
        store.create(`ann ${n}`, '{}', 60_000);
      }
      for (let n = 0; n < 200; n += 1) store.endedNow(`user ${n}`, 3_600_000);
      for (let n = 0; n < 200; n += 1) store.enroll('bob', `never stored ${n}`, 3_600_000, 0);
      expect(store.members('ann', 100)).toHaveLength(20);
    });

    it('warns once per store, with advice', () => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
      const store = newStore({ max: 2 });
      store.set('a', session(), 1000);
      store.set('b', session(), 1000);
      store.set('b', session({ user: 1 }), 1000);
      expect(warn).not.toHaveBeenCalled();
      for (let i = 0; i < 10; i++) store.set(String(i), session(), 1000);
      expect(store.size).toBe(2);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn).toHaveBeenCalledWith(expect.stringMatching(/users lose their sessions.*Raise `max` \(2\)/), full);
      const other = newStore({ max: 1 });
      other.set('a', session(), 1000);
      other.set('b', session(), 1000);
      expect(warn).toHaveBeenCalledTimes(2);
    });

    it('causes no warning if the dropped sessions have expired', () => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
      const store = newStore({ max: 1 });
      store.set('a', session(), 100);
      jest.advanceTimersByTime(100);
      store.set('b', session(), 1000);
      expect(store.get('b')).toBeDefined();
      expect(warn).not.toHaveBeenCalled();
    });

    it('continues to sweep what is left', () => {
      jest.spyOn(process, 'emitWarning').mockImplementation();
      const store = newStore({ max: 100 });
      for (let i = 0; i < 1000; i++) store.set(String(i), session(), 1000);
      expect(store.size).toBe(100);
      jest.advanceTimersByTime(11_000);
      expect(store.size).toBe(0);
    });

    it.each([5, 'five', true])('must be in an object, and not %p', (options) => {
      expect(() => new MemoryStore(options as unknown as object)).toThrow(
        /^Expected `options` to be an object such as `\{ max: 10_000 \}`, got /,
      );
    });

    it('is the only option: another causes a warning', () => {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      new MemoryStore({ maxx: 5 } as object);
      expect(warn.mock.calls.map(([message]) => message)).toEqual([
        "koa-evented-session does not know the MemoryStore's option `maxx`; did you mean `max`?",
      ]);
      warn.mockRestore();
    });

    it.each([undefined, null, {}, { max: undefined }, { max: null }, { max: Number.MAX_SAFE_INTEGER }])(
      'may be omitted: %p',
      (options) => {
        expect(newStore(options).size).toBe(0);
      },
    );

    it.each([
      ['soon', 'string'],
      ['5', 'string'],
      [0, 'number'],
      [-1, 'number'],
      [1.5, 'number'],
      [Number.NaN, 'number'],
      [Number.POSITIVE_INFINITY, 'number'],
      [2 ** 53, 'number'],
      [true, 'boolean'],
    ])('is refused if it is %p', (max, type) => {
      expect(() => new MemoryStore({ max: max as number })).toThrow(
        new TypeError(`Expected \`max\` to be a positive integer, got \`${String(max)}\` (${type})`),
      );
    });
  });

  describe('close', () => {
    it('drops everything and stops the timer, any number of times', () => {
      const store = newStore();
      store.set('a', session(), 1000);
      store.close();
      store.close();
      expect(store.size).toBe(0);
      expect(store.get('a')).toBeUndefined();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('leaves a store that can be used again', () => {
      const store = newStore();
      store.set('a', session(), 1000);
      store.close();
      store.set('b', session({ user: 1 }), 1000);
      expect(store.get('b')).toEqual({ cookie: {}, user: 1 });
      jest.advanceTimersByTime(11_000);
      expect(store.size).toBe(0);
    });
  });
});
