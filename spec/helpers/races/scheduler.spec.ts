import { randomFrom } from '../http/cookie-noise';
import { run } from './race';
import { fakeAllButTurns, heldClient, Scheduler } from './scheduler';

describe('The scheduler', () => {
  beforeEach(fakeAllButTurns);
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('repeats an order with the same random numbers, and chooses another one with others', async () => {
    const race = {
      store: 'compare-and-set',
      processes: 2,
      requests: ['/keep/x', '/write/a', '/write/b', '/count/c'],
    } as const;
    const traceOf = async (seed: number) => (await run(race, randomFrom(seed))).trace.join();
    expect(await traceOf(1)).toBe(await traceOf(1));
    expect(await traceOf(1)).not.toBe(await traceOf(2));
  });

  it('lets one step run at a time', async () => {
    const scheduler = new Scheduler(randomFrom(1));
    let [busy, most] = [0, 0];
    const work = Array.from({ length: 5 }, async (_, n) => {
      await scheduler.hold(`${n}`);
      busy += 1;
      most = Math.max(most, busy);
      await Promise.resolve();
      busy -= 1;
    });
    await scheduler.run(work);
    expect([most, [...scheduler.trace].sort()]).toEqual([1, ['0', '1', '2', '3', '4']]);
  });

  it('reports what hangs, and after which step', async () => {
    const scheduler = new Scheduler(randomFrom(1));
    const stuck = scheduler.hold('a call').then(() => new Promise(() => undefined));
    await expect(scheduler.run([stuck])).rejects.toThrow('hangs after a call');
  });

  it('holds a call on its way to the store and on its way back, and sends its original arguments', async () => {
    const scheduler = new Scheduler(randomFrom(1));
    const stored: unknown[] = [];
    const client = { set: async (key: string, value: object) => void stored.push(key, value) };
    const value = { a: 1 };
    const answer = heldClient(client, scheduler, { name: 'process 0', done: () => undefined }).set('key', value);
    value.a = 2;
    await scheduler.run([answer]);
    expect([stored, scheduler.trace]).toEqual([
      ['key', { a: 1 }],
      ['process 0 set', 'process 0 set answers'],
    ]);
  });
});
