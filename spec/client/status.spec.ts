import { Budget } from '../../lib/client/budget';
import { ConnectionState } from '../../lib/client/status';
import { StoreUnavailableError } from '../../lib/main';

describe('ConnectionState', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
  afterEach(() => void jest.useRealTimers());

  /** A status, and how somebody who waits for it fares. */
  const statusOf = (reconnectTimeout = 1000) => {
    const status = new ConnectionState(reconnectTimeout);
    const fate = (budget = new Budget(10_000)) => {
      const seen: { is: string; error?: unknown } = { is: 'waiting' };
      const waiting = status.wait('get', budget) ?? Promise.resolve();
      waiting.then(
        () => {
          seen.is = 'served';
        },
        (error: unknown) => Object.assign(seen, { is: 'refused', error }),
      );
      return seen;
    };
    return { status, fate };
  };
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  it('is available at first, without waiting', () => {
    const { status } = statusOf();
    expect([status.state, status.wait('get', new Budget(10))]).toEqual(['available', undefined]);
  });

  it("rejects with the client's latest reason, until it is connected again", async () => {
    const { status, fate } = statusOf(0);
    status.failed(new Error('refused'));
    status.lost();
    const refused = fate();
    await pass(0);
    expect(refused.error).toMatchObject({ code: 'ERR_SESSION_STORE_UNAVAILABLE', cause: new Error('refused') });
    status.regained();
    status.lost();
    const later = fate();
    await pass(0);
    expect(later.error).not.toHaveProperty('cause');
  });

  it('is pending while a reconnect is awaited, and unavailable after that', async () => {
    const { status } = statusOf();
    status.lost();
    await pass(999);
    expect(status.state).toBe('pending');
    await pass(1);
    expect(status.state).toBe('unavailable');
  });

  it.each([
    ['pending', 10],
    ['unavailable', 1000],
  ])('is available again if the connection returns while %s', async (state, ms) => {
    const { status } = statusOf();
    status.lost();
    await pass(ms);
    expect(status.state).toBe(state);
    status.regained();
    expect(status.state).toBe('available');
    await pass(10_000);
    expect(status.state).toBe('available');
  });

  it('lets waiting requests continue when the connection is back', async () => {
    const { status, fate } = statusOf();
    status.lost();
    const fates = [fate(), fate()];
    await pass(999);
    expect(fates).toEqual([{ is: 'waiting' }, { is: 'waiting' }]);
    status.regained();
    await pass(0);
    expect(fates).toEqual([{ is: 'served' }, { is: 'served' }]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects waiting requests when the time is up', async () => {
    const { status, fate } = statusOf();
    status.lost();
    const early = fate();
    await pass(600);
    const late = fate();
    await pass(400);
    expect([early, late].map(({ is, error }) => [is, error instanceof StoreUnavailableError])).toEqual([
      ['refused', true],
      ['refused', true],
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects at once while unavailable', async () => {
    const { status, fate } = statusOf();
    status.lost();
    await pass(1000);
    const seen = fate();
    await pass(0);
    expect(seen).toEqual({ is: 'refused', error: expect.objectContaining({ operation: 'get' }) });
  });

  it('rejects at once, without being pending, if the time is 0', async () => {
    const { status, fate } = statusOf(0);
    status.lost();
    const seen = fate();
    expect([status.state, jest.getTimerCount()]).toEqual(['unavailable', 0]);
    await pass(0);
    expect(seen.is).toBe('refused');
  });

  it("limits each wait to the request's budget, and charges it", async () => {
    const { status, fate } = statusOf();
    const budgets = [new Budget(300), new Budget(700)] as const;
    status.lost();
    const fates = budgets.map((budget) => fate(budget));
    await pass(300);
    expect(fates.map(({ is }) => is)).toEqual(['refused', 'waiting']);
    status.regained();
    await pass(0);
    expect(fates.map(({ is }) => is)).toEqual(['refused', 'served']);
    expect(budgets.map(({ left }) => Math.round(left))).toEqual([0, 400]);
  });

  it('does not let a request wait whose budget is spent', async () => {
    const { status, fate } = statusOf();
    status.lost();
    const seen = fate(new Budget(0));
    await pass(0);
    expect(seen.is).toBe('refused');
  });

  it('gives a second outage its full time', async () => {
    const { status, fate } = statusOf();
    status.lost();
    await pass(900);
    status.regained();
    status.lost();
    const seen = fate();
    await pass(999);
    expect([status.state, seen.is]).toEqual(['pending', 'waiting']);
    await pass(1);
    expect([status.state, seen.is]).toEqual(['unavailable', 'refused']);
  });

  it('does not restart the time if the same outage is reported again', async () => {
    const { status } = statusOf();
    status.lost();
    await pass(900);
    status.lost();
    await pass(100);
    expect(status.state).toBe('unavailable');
    status.lost();
    expect(status.state).toBe('unavailable');
  });

  it.each([
    ['available', 0],
    ['pending', 1],
    ['unavailable', 1001],
  ])('rejects everything after it is closed while %s', async (state, ms) => {
    const { status, fate } = statusOf();
    if (ms > 0) status.lost();
    await pass(ms);
    expect(status.state).toBe(state);
    const before = state === 'pending' ? fate() : undefined;
    status.close();
    const after = fate();
    await pass(0);
    expect([status.state, after.is, before?.is ?? 'refused', jest.getTimerCount()]).toEqual([
      'closed',
      'refused',
      'refused',
      0,
    ]);
  });

  it('stays closed', () => {
    const { status } = statusOf();
    status.close();
    status.lost();
    status.regained();
    expect(status.state).toBe('closed');
  });

  it('causes no unhandled rejection', async () => {
    const rejected = jest.fn();
    process.once('unhandledRejection', rejected);
    const { status } = statusOf();
    status.lost();
    await pass(1000);
    status.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.removeListener('unhandledRejection', rejected);
    expect(rejected).not.toHaveBeenCalled();
  });

  it('does not keep an idle process alive', () => {
    jest.useRealTimers();
    const timer = jest.spyOn(globalThis, 'setTimeout');
    const { status } = statusOf();
    status.lost();
    expect(timer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
    timer.mockRestore();
    status.close();
  });
});
