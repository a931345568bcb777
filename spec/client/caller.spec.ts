import type { Answer, StoreOperation } from '../../lib/main';
import { MemoryStore, SessionError, Store, StoreError, StoreTimeoutError, StoreUnavailableError } from '../../lib/main';
import { ClassClient, plainClient, styles } from '../helpers/stores/client-styles';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';

const operations: [StoreOperation, (store: Store) => Promise<unknown>][] = [
  ['get', (store) => store.get('a')],
  ['set', (store) => store.set('a', { cookie: {} })],
  ['destroy', (store) => store.destroy('a')],
];

/** A client whose every method does the same. */
const doing = (act: () => unknown) => ({ get: act, set: act, destroy: act });
const never = () => new Promise(() => undefined);
const thenable = (then: (resolve: (value: unknown) => void) => void) => ({ then });

describe('Calling a client', () => {
  describe('of any style', () => {
    const memory = new MemoryStore();
    afterEach(() => memory.close());

    it.each(Object.entries(styles))('understands %s', async (_name, style) => {
      const store = new Store(plainClient(style, memory));
      await store.set('a', { cookie: {}, n: 1 });
      expect(await store.get('a')).toMatchObject({ n: 1 });
    });

    it('calls methods on the client', async () => {
      const store = new Store(new ClassClient(memory));
      await store.set('a', { cookie: {}, n: 1 });
      expect(await store.get('a')).toMatchObject({ n: 1 });
    });

    it('lets a generator wait for promises, thunks and generators', async () => {
      const inner = function* (): Generator<unknown, number, number> {
        return 1 + (yield Promise.resolve(1));
      };
      const get = function* (): Generator<unknown, object, number> {
        const thunk = (callback: (error: unknown, value: number) => void) => callback(null, 3);
        return { cookie: {}, sum: (yield inner()) + (yield thunk) };
      };
      expect(await new Store({ ...doing(never), get }).get('a')).toMatchObject({ sum: 5 });
    });

    it.each<[string, unknown]>([
      [
        'that throws when it is awaited',
        thenable(() => {
          throw new Error('no');
        }),
      ],
      ['that settles with a promise which fails', thenable((resolve) => resolve(Promise.reject(new Error('no'))))],
    ])('treats a thenable %s as a failure of the client', async (_what, answer) => {
      const store = new Store({ ...doing(() => undefined), get: () => answer });
      await expect(store.get('a')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE', message: 'no' });
    });

    it('limits the wait for a thenable that settles with one that never settles', async () => {
      const answer = thenable((resolve) => resolve(never()));
      const store = new Store({ ...doing(() => undefined), get: () => answer }, { timeout: 20 });
      await expect(store.get('a')).rejects.toThrow(StoreTimeoutError);
    });

    it('waits for a value no longer than needed', async () => {
      const session = { cookie: {}, data: {} };
      expect(await new Store(doing(() => session)).get('a')).toBe(session);
    });
  });

  describe('that fails', () => {
    const failing = (fail: () => unknown) => new Store(doing(fail));
    describe.each(operations)('%s', (operation, ask) => {
      const cause = new RangeError('disk is full');
      it.each<[string, () => unknown]>([
        [
          'throws',
          () => {
            throw cause;
          },
        ],
        ['rejects', () => Promise.reject(cause)],
        ['calls back with an error', () => (callback: (error: unknown) => void) => callback(cause)],
        [
          'throws in a generator',
          () =>
            (function* () {
              yield Promise.reject(cause);
            })(),
        ],
      ])('reports what failed and why if the client %s', async (_how, fail) => {
        const error = await ask(failing(fail)).catch((it: unknown) => it);
        expect(error).toBeInstanceOf(StoreError);
        expect(error).toBeInstanceOf(SessionError);
        expect(error).toMatchObject({
          operation,
          cause,
          message: 'disk is full',
          code: 'ERR_SESSION_STORE',
          name: 'StoreError',
        });
        expect(error).not.toHaveProperty('status');
      });

      it.each([
        [undefined, `session store failed to ${operation}`],
        [null, `session store failed to ${operation}`],
        ['', `session store failed to ${operation}`],
        ['no space', 'no space'],
        [42, '42'],
      ])('wraps a rejection with %p in an error', async (reason, message) => {
        await expect(ask(failing(() => Promise.reject(reason)))).rejects.toMatchObject({
          operation,
          message,
          cause: reason,
        });
      });
    });

    it('treats ENOENT on a write as a failure', async () => {
      const cause = Object.assign(new Error('no such folder'), { code: 'ENOENT' });
      const store = failing(() => Promise.reject(cause));
      await expect(store.set('a', { cookie: {} })).rejects.toMatchObject({ operation: 'set', cause });
      await expect(store.destroy('a')).rejects.toMatchObject({ operation: 'destroy', cause });
    });

    it('works again after a failure', async () => {
      const client = new MapClient();
      const store = new Store(client);
      const { get } = client;
      client.get = () => Promise.reject(new Error('once'));
      await expect(store.get('a')).rejects.toThrow('once');
      client.get = get;
      expect(await store.get('a')).toBeNull();
    });
  });

  describe('that gives no answer', () => {
    beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
    afterEach(() => void jest.useRealTimers());

    const answers: [string, () => Answer<never>][] = [
      ['a promise', () => never() as Promise<never>],
      ['a thunk', () => () => undefined],
      [
        'a generator',
        () =>
          (function* (): Generator<unknown, never, never> {
            return yield never();
          })(),
      ],
    ];

    it.each(answers)('gives up %s after ten seconds', async (_style, answer) => {
      const ended = jest.fn();
      const asked = new Store(doing(answer)).get('a').catch((error: unknown) => {
        ended();
        return error;
      });
      await jest.advanceTimersByTimeAsync(9_999);
      expect(ended).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(1);
      expect(await asked).toBeInstanceOf(StoreTimeoutError);
    });

    it.each(operations)('reports that it was %s', async (operation, ask) => {
      const asked = ask(new Store(doing(never), { timeout: 50 })).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(50);
      expect(await asked).toMatchObject({ operation, name: 'StoreTimeoutError', code: 'ERR_SESSION_STORE_TIMEOUT' });
      expect(jest.getTimerCount()).toBe(0);
    });

    it.each([
      ['timeout', { timeout: 30, reconnectTimeout: 500 }, 30],
      ['reconnectTimeout if timeout is not given', { reconnectTimeout: 500 }, 500],
      ['ten seconds if reconnectTimeout is 0', { reconnectTimeout: 0 }, 10_000],
    ])('waits for %s', async (_option, options, ms) => {
      const ended = jest.fn();
      new Store(doing(never), options).get('a').catch(ended);
      await jest.advanceTimersByTimeAsync(ms - 1);
      expect(ended).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(1);
      expect(ended).toHaveBeenCalledWith(expect.any(StoreTimeoutError));
    });

    it('leaves no timer behind if the answer comes in time', async () => {
      await new Store(new MapClient()).get('a');
      await expect(new Store(doing(() => Promise.reject(new Error('no')))).get('a')).rejects.toThrow('no');
      expect(jest.getTimerCount()).toBe(0);
    });

    it('ignores a late rejection', async () => {
      let fail: (reason: Error) => void = () => undefined;
      const late = new Promise((_, reject) => {
        fail = reject;
      });
      const asked = new Store(
        doing(() => late),
        { timeout: 50 },
      )
        .get('a')
        .catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(50);
      fail(new Error('too late'));
      expect(await asked).toBeInstanceOf(StoreTimeoutError);
      // An unhandled rejection would be reported before this resolves, and fail the spec.
      await new Promise((resolve) => setImmediate(resolve));
    });
  });

  describe('that has lost its connection', () => {
    beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
    afterEach(() => void jest.useRealTimers());

    it.each(operations)('does not call %s in the meantime', async (operation, ask) => {
      const client = new EmittingClient();
      const called = jest.spyOn(client, operation as 'get');
      const store = new Store(client, { reconnectTimeout: 500 });
      client.emit('disconnect');
      const asked = ask(store).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(500);
      expect(await asked).toBeInstanceOf(StoreUnavailableError);
      expect(await asked).toMatchObject({ operation, message: 'session store is unavailable' });
      client.emit('connect');
      await jest.runAllTimersAsync();
      expect(called).not.toHaveBeenCalled();
    });

    it('calls it after the reconnect', async () => {
      const client = new EmittingClient();
      const store = new Store(client, { reconnectTimeout: 500 });
      client.emit('disconnect');
      const asked = store.set('a', { cookie: {}, n: 1 });
      await jest.advanceTimersByTimeAsync(499);
      client.emit('connect');
      await asked;
      expect([await store.get('a'), jest.getTimerCount()]).toEqual([expect.objectContaining({ n: 1 }), 0]);
    });

    it('charges the waits for connection and answer to one budget', async () => {
      const client = new EmittingClient();
      client.get = () => new Promise(() => undefined);
      const store = new Store(client, { reconnectTimeout: 1000, timeout: 800 });
      client.emit('disconnect');
      const asked = store.get('a').catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(600);
      client.emit('connect');
      await jest.advanceTimersByTimeAsync(400);
      expect(await asked).toBeInstanceOf(StoreTimeoutError);
    });
  });
});
