import { withTimeout } from '../../lib/base/deadline';
import { gate } from '../helpers/time/gate';

const late = () => new Error('late');
const never = new Promise<never>(() => undefined);

describe('withTimeout', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
  afterEach(() => void jest.useRealTimers());

  it('settles as the work does', async () => {
    expect(await withTimeout(Promise.resolve('done'), 50, late)).toBe('done');
    await expect(withTimeout(Promise.reject(new Error('failed')), 50, late)).rejects.toThrow('failed');
  });

  it('accepts thenables of other promise libraries', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
    const thenable = { then: (resolve: (value: string) => void) => resolve('done') } as PromiseLike<string>;
    expect(await withTimeout(thenable, 50, late)).toBe('done');
  });

  it('rejects when the time is up, and not before', async () => {
    const ended = jest.fn();
    withTimeout(never, 50, late).catch(ended);
    await jest.advanceTimersByTimeAsync(49);
    expect(ended).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledWith(new Error('late'));
  });

  it.each([
    ['at once', () => jest.advanceTimersByTime(50)],
    ['step by step', () => jest.advanceTimersByTimeAsync(50)],
  ])('rejects on a completely faked clock that continues %s', async (_how, pass) => {
    jest.useRealTimers();
    jest.useFakeTimers();
    const outcome = withTimeout(never, 50, late).catch(({ message }: Error) => message);
    await pass();
    expect(await outcome).toBe('late');
  });

  it.each([
    ['a success', () => Promise.resolve('done'), 'done'],
    ['a failure', () => Promise.reject(new Error('failed')), 'failed'],
  ])(
    'accepts %s that is waiting in a socket when the time is up, and reports a late success',
    async (_what, end, outcome) => {
      const ended = jest.fn();
      const answer = gate();
      const waited = withTimeout(answer.opened.then(end), 50, late, ended).catch(({ message }: Error) => message);
      jest.advanceTimersByTime(50);
      answer.open();
      expect([await waited, ended.mock.calls]).toEqual([outcome, [[outcome === 'done']]]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(ended).toHaveBeenCalledTimes(1);
    },
  );

  it('creates the error only if it is needed', async () => {
    const make = jest.fn(late);
    await withTimeout(Promise.resolve(), 50, make);
    await jest.advanceTimersByTimeAsync(100);
    expect(make).not.toHaveBeenCalled();
  });

  it.each([
    ['a success', () => Promise.resolve()],
    ['a failure', () => Promise.reject(new Error('failed'))],
  ])('leaves no timer behind after %s', async (_what, work) => {
    await withTimeout(work(), 50, late).catch(() => undefined);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not keep an idle process alive', () => {
    jest.useRealTimers();
    const timer = jest.spyOn(globalThis, 'setTimeout');
    withTimeout(never, 10, late).catch(() => undefined);
    expect(timer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
    timer.mockRestore();
  });

  it.each([
    ['a success', () => Promise.resolve()],
    ['a failure', () => Promise.reject(new Error('failed'))],
  ])('reports once that it has ended, with %s', async (_what, work) => {
    const ended = jest.fn();
    await withTimeout(work(), 50, late, ended).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(100);
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['comes late', () => Promise.resolve()],
    ['fails late', () => Promise.reject(new Error('failed'))],
  ])('reports its end at the deadline, and not again when the work %s', async (_what, end) => {
    const ended = jest.fn();
    const work = new Promise((resolve) => setTimeout(resolve, 400)).then(end);
    const outcome = withTimeout(work, 50, late, ended).catch(({ message }: Error) => message);
    await jest.advanceTimersByTimeAsync(49);
    expect(ended).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(400);
    expect([await outcome, ended.mock.calls.length]).toEqual(['late', 1]);
  });
});
