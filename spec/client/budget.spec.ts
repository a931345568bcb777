import { withTimeout } from '../../lib/base/deadline';
import { Budget } from '../../lib/client/budget';
import { gate } from '../helpers/time/gate';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const inTime = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  await jest.advanceTimersByTimeAsync(ms);
  return work;
};

describe('Budget', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }));
  afterEach(() => void jest.useRealTimers());

  it('starts with all its time', () => {
    expect(new Budget(1000).left).toBe(1000);
  });

  it('is charged for waiting, over all waits', async () => {
    const budget = new Budget(1000);
    await inTime(300, budget.spend(pause(300)));
    await inTime(200, budget.spend(pause(200)));
    expect(budget.left).toBeCloseTo(500);
  });

  it('is not charged while nothing is awaited', async () => {
    const budget = new Budget(1000);
    await jest.advanceTimersByTimeAsync(300);
    expect(budget.left).toBe(1000);
  });

  it('is charged for a wait that fails, and passes the error on', async () => {
    const budget = new Budget(1000);
    const work = pause(300).then(() => Promise.reject(new Error('failed')));
    await expect(
      inTime(
        300,
        budget.spend(work).catch((error: Error) => error.message),
      ),
    ).resolves.toBe('failed');
    expect(budget.left).toBeCloseTo(700);
  });

  it('returns the awaited value', async () => {
    expect(await new Budget(1000).spend(Promise.resolve('done'))).toBe('done');
  });

  it('never has less than 0 left', async () => {
    const budget = new Budget(100);
    await inTime(300, budget.spend(pause(300)));
    expect(budget.left).toBe(0);
  });

  describe('with a limit for one wait', () => {
    const late = () => new Error('late');
    const message = ({ message }: Error) => message;

    it('is not charged for a time in which the process was blocked', async () => {
      const budget = new Budget(50);
      const answer = gate();
      const waited = budget.spendAtMost(50, answer.opened, late);
      jest.advanceTimersByTime(50);
      answer.open();
      await waited;
      expect(budget.left).toBe(50);
    });

    it('is charged for a wait that an inner deadline ends at the same time', async () => {
      const budget = new Budget(50);
      const failing = withTimeout(new Promise(() => undefined), 50, late);
      const waited = budget.spendAtMost(50, failing, () => new Error('later')).catch(message);
      jest.advanceTimersByTime(50);
      expect([await waited, budget.left]).toEqual(['late', 0]);
    });

    it('is charged for the actual wait if it ends before the limit, successfully or not', async () => {
      const budget = new Budget(1000);
      const work = pause(30).then(() => 'done');
      expect(await inTime(30, budget.spendAtMost(50, work, late))).toBe('done');
      expect(budget.left).toBeCloseTo(970);
      const failing = pause(30).then(() => Promise.reject(new Error('failed')));
      expect(await inTime(30, budget.spendAtMost(50, failing, late).catch(message))).toBe('failed');
      expect(budget.left).toBeCloseTo(940);
    });

    it.each([
      ['never comes', () => new Promise(() => undefined)],
      ['comes late', () => pause(400)],
      ['fails late', () => pause(400).then(() => Promise.reject(new Error('failed')))],
    ])('is charged for no more than the limit if the answer %s', async (_what, work) => {
      const budget = new Budget(1000);
      expect(await inTime(50, budget.spendAtMost(50, work(), late).catch(message))).toBe('late');
      expect(budget.left).toBeCloseTo(950);
      await jest.advanceTimersByTimeAsync(1000);
      expect(budget.left).toBeCloseTo(950);
    });
  });
});
