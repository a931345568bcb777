import { randomFrom } from '../helpers/http/cookie-noise';
import { type Fault, faults, judge, judgeTroubled } from '../helpers/races/judge';
import { comparing, everywhere, givenUp, troubled } from '../helpers/races/kinds';
import { type Race, type Requests, run } from '../helpers/races/race';
import { fakeAllButTurns } from '../helpers/races/scheduler';

const SEED = Number(process.env['SEED'] ?? 20_300_102);
/** More of them in `npm run test:long`. */
const ORDERS = Number(process.env['ORDERS'] ?? (process.env['LONG'] ? 20_000 : 3_000));

const on = (store: Race['store'], processes: number, all: Record<string, Requests>) =>
  Object.entries(all).map(([what, requests]) => ({ what, store, processes, ...requests }));

const races = [
  ...on('compare-and-set', 1, everywhere),
  ...on('compare-and-set', 2, { ...everywhere, ...comparing, ...givenUp, ...troubled }),
  ...on('compare-and-set', 3, troubled),
  ...on('compare-and-set, and nothing more', 2, { ...everywhere, ...troubled }),
  ...on('last-write', 1, everywhere),
  ...on('last-write, and can touch', 1, everywhere),
];
const ordersOfEach = Math.ceil(ORDERS / races.length);

describe(`Requests of one session in ${ordersOfEach} orders for each race, seed ${SEED}`, () => {
  const figures: Partial<Record<Fault | 'orders' | 'different' | 'ended' | 'told that it is gone', number>> = {};
  const count = (name: keyof typeof figures, by = 1) => {
    figures[name] = (figures[name] ?? 0) + by;
  };

  beforeAll(() => {
    for (const fault of faults) figures[fault] = 0;
    fakeAllButTurns();
  });
  afterAll(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
    const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(`Races, seed ${SEED}: ${told.join(', ')}\n`);
  });

  it.each(races)('lose nothing and restore nothing: $what ($store, processes: $processes)', async (race) => {
    const wrong: Partial<Record<Fault, string>> = {};
    const orders = new Set<string>();
    for (let seed = SEED; seed < SEED + ordersOfEach; seed += 1) {
      const result = await run(race, randomFrom(seed));
      const { overtaken, ...verdict } = race.troubles === undefined ? judge(race, result) : judgeTroubled(race, result);
      if (overtaken !== undefined) count('overtaken');
      for (const [fault, what] of Object.entries(verdict) as [Fault, string][]) {
        count(fault);
        wrong[fault] ??= `${what}; SEED=${seed}: ${result.trace.join(', ')}`;
      }
      orders.add(result.trace.join());
      count('ended', result.finished.some(({ events }) => /destroyed|regenerated/.test(events.join())) ? 1 : 0);
      count('told that it is gone', result.finished.filter(({ events }) => events.includes('gone')).length);
    }
    count('orders', ordersOfEach);
    count('different', orders.size);
    expect(wrong).toEqual({});
  });
});
