import type { Session } from '../../lib/main';
import { arrival, budget, grace, openCalmShop, openShop, summary, timed } from '../helpers/sites/outage-shop';
import { sentId } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { TouchableMapClient } from '../helpers/stores/map-client';
import { fakeClock, pass } from '../helpers/time/fake-clock';
import { gate } from '../helpers/time/gate';

type Operation = 'get' | 'set' | 'touch' | 'destroy';

const cause = new RangeError('out of order');
const timeout = { name: 'StoreTimeoutError', code: 'ERR_SESSION_STORE_TIMEOUT', cause: undefined };
const failure = { name: 'StoreError', code: 'ERR_SESSION_STORE' };

/** What a client's method does in place of its work, and what the request fails with. */
const faults: Record<string, { act: () => unknown; error: object }> = {
  'returns a promise that never settles': { act: () => new Promise(() => undefined), error: timeout },
  'returns a thunk that never calls back': { act: () => () => undefined, error: timeout },
  'returns a generator that never ends': {
    act: () =>
      (function* () {
        yield new Promise(() => undefined);
      })(),
    error: timeout,
  },
  'throws at once': {
    act: () => {
      throw cause;
    },
    error: { ...failure, cause },
  },
  'rejects with an error': { act: () => Promise.reject(cause), error: { ...failure, cause } },
  'rejects with undefined': { act: () => Promise.reject(undefined), error: { ...failure, cause: undefined } },
  'rejects with a string': { act: () => Promise.reject('full'), error: { ...failure, cause: 'full' } },
};

/** The request that comes to need the operation; the visitor has a session. */
const needs: Record<Operation, { path: string; seen: unknown; rolling?: true }> = {
  get: { path: '/change', seen: {} },
  set: { path: '/change', seen: { user: 'ann' } },
  touch: { path: '/see', seen: { user: 'ann' }, rolling: true },
  destroy: { path: '/logout', seen: null },
};

const modes = [
  ['eager', false],
  ['defer', true],
] as const;
const cases = Object.entries(faults).flatMap(([fault, { act, error }]) =>
  (Object.keys(needs) as Operation[]).flatMap((operation) =>
    modes.map(([mode, defer]) => ({ fault, act, error: { ...error, operation }, operation, mode, defer })),
  ),
);

describe('A client', () => {
  it.each(cases)('whose $operation $fault delays no request longer than its budget: $mode', async (it) => {
    const { operation, act, error, defer } = it;
    const { path, seen, rolling } = needs[operation];
    const client = new TouchableMapClient();
    const options = { defer, rolling, reconnectTimeout: 60, timeout: 40 };
    const [strict, calm] = [await openShop(client, options), await openCalmShop(client, options)];
    const [ann, bea] = [strict.visitor(), calm.visitor()];
    for (const visitor of [ann, bea]) await visitor.get('/put?user=ann');
    const before = [...client.records];

    const broken = Object.assign(client, { [operation]: act });
    const [failed, wentOn] = await Promise.all([timed(ann.get(path)), timed(bea.get(path))]);
    Reflect.deleteProperty(broken, operation);

    // Who logs out is out, whatever becomes of the record; in all other cases the cookie is left alone.
    const sent = operation === 'destroy' ? '' : undefined;
    expect([failed.reply.status, sentId(failed.reply)]).toEqual([500, sent]);
    expect(strict.errors.map(summary)).toEqual([error]);
    expect([wentOn.reply.status, sentId(wentOn.reply), wentOn.reply.json()]).toEqual([200, sent, seen]);
    expect(calm.told.map((told) => [told.type, summary(told.error)])).toEqual([[operation, error]]);
    expect(calm.errors).toEqual([]);
    for (const { ms } of [failed, wentOn]) expect(ms).toBeLessThan(60 + grace);

    expect([...client.records]).toEqual(before);
    const after = operation === 'destroy' ? {} : { user: 'ann' };
    expect((await ann.get('/see')).json()).toEqual(after);
    expect((await bea.get('/see')).json()).toEqual(after);
  });

  it.each(modes)('that cannot store a new session causes no cookie for it: %s', async (_mode, defer) => {
    const client = Object.assign(new TouchableMapClient(), { set: () => new Promise<void>(() => undefined) });
    const calm = await openCalmShop(client, { defer });
    const { reply, ms } = await timed(calm.visitor().get('/put?user=ann'));
    expect([reply.status, reply.setCookie]).toEqual([200, []]);
    expect(calm.told).toEqual([{ type: 'set', error: expect.objectContaining({ name: 'StoreTimeoutError' }) }]);
    expect(ms).toBeLessThan(budget + grace);
  });

  describe.each(modes)('that stalls in several calls of one request: %s', (_mode, defer) => {
    afterEach(() => void jest.useRealTimers());

    it('uses one budget: for loading and saving together', async () => {
      const [reading, writing] = [gate(), gate()];
      const client = new TouchableMapClient();
      const strict = await openShop(client, { defer, reconnectTimeout: 300, timeout: 250 });
      const ann = strict.visitor();
      await ann.get('/put?user=ann');
      fakeClock();
      const { get } = client;
      client.get = async (key): Promise<Session | null> => {
        reading.open();
        await new Promise((resolve) => setTimeout(resolve, 200));
        return get.call(client, key);
      };
      client.set = () => {
        writing.open();
        return new Promise(() => undefined);
      };
      const ended = jest.fn();
      const reply = ann.get('/change').finally(ended);
      await reading.opened;
      await pass(200);
      await writing.opened;
      await pass(99);
      expect(ended).not.toHaveBeenCalled();
      await pass(1);
      jest.useRealTimers();
      expect((await reply).status).toBe(500);
      expect(strict.errors).toEqual([expect.objectContaining({ name: 'StoreTimeoutError', operation: 'set' })]);
    });

    it('uses one budget, however often the handler saves and the errorHandler lets it continue', async () => {
      const client = new TouchableMapClient();
      const writing = gate();
      const calm = await openCalmShop(
        client,
        { defer, reconnectTimeout: 300, timeout: 100 },
        {
          '/insist': async (ctx) => {
            const current = await ctx.session;
            for (let n = 1; n <= 10; n += 1) {
              Object.assign(current ?? {}, { n });
              await ctx['saveSession']();
            }
          },
        },
      );
      const ann = calm.visitor();
      await ann.get('/put?user=ann');
      const before = [...client.records];
      fakeClock();
      client.set = () => {
        writing.open();
        return new Promise(() => undefined);
      };
      const ended = jest.fn();
      const reply = ann.get('/insist').finally(ended);
      await writing.opened;
      await pass(299);
      expect(ended).not.toHaveBeenCalled();
      // What comes after the budget fails in the next few milliseconds.
      for (let ms = 0; ms < 30; ms += 1) await pass(1);
      jest.useRealTimers();
      expect(ended).toHaveBeenCalled();
      expect([(await reply).status, [...client.records]]).toEqual([200, before]);
    });
  });
});

describe('Sessions that are closed while requests wait', () => {
  it.each(modes)('release them at once: %s', async (_mode, defer) => {
    const client = new EmittingClient();
    const calm = await openCalmShop(client, { defer, reconnectTimeout: 600_000 });
    const ann = calm.visitor();
    await ann.get('/put?user=ann');
    client.emit('disconnect');
    const [reply] = [ann.get('/see'), await arrival(calm)];
    await calm.use.close();
    expect((await reply).json()).toEqual({});
    expect(calm.told.map(({ type, error }) => [type, error.name])).toEqual([['connect', 'StoreUnavailableError']]);
  });
});
