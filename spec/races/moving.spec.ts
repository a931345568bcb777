import type { SessionIds } from '../../lib/main';
import { randomFrom } from '../helpers/http/cookie-noise';
import { type Fault, judge, judgeTroubled } from '../helpers/races/judge';
import { comparing, everywhere, troubled } from '../helpers/races/kinds';
import { type Race, run } from '../helpers/races/race';
import { fakeAllButTurns } from '../helpers/races/scheduler';

const SEED = Number(process.env['SEED'] ?? 20_300_102);
const ORDERS = Number(process.env['ORDERS'] ?? 900);

const later = new Date(8.64e15);
const toHashed: SessionIds = { hashed: true, readPlainUntil: later };
const toPlain: SessionIds = { hashed: false, readHashedUntil: later };

/** How the visitor's session was stored, and how the processes store sessions that the race runs in. */
const moves = {
  'under hashed ids': { before: 'hashed', during: ['hashed'] },
  'that moves to its hashed id': { before: 'plain', during: [toHashed] },
  'that moves back to its plain id': { before: 'hashed', during: [toPlain] },
  'while half of the processes have been deployed': { before: 'plain', during: [toHashed, toPlain] },
  'while half of the processes have been deployed again': { before: 'hashed', during: [toHashed, toPlain] },
} satisfies Record<string, Race['ids']>;

const kinds = {
  ...everywhere,
  ...comparing,
  ...troubled,
  'reads and a write': { requests: ['/read/a', '/read/b', '/write/c', '/read/d'] },
  'reads and a write, while calls go wrong': { requests: ['/read/a', '/write/b', '/read/c'], troubles: 2 },
};
const ordersOfEach = Math.ceil(ORDERS / (Object.keys(kinds).length * Object.keys(moves).length));

describe(`Requests of one session in ${ordersOfEach} orders for each race, seed ${SEED}`, () => {
  beforeAll(fakeAllButTurns);
  afterAll(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  describe.each(Object.entries(moves))('%s', (_how, ids) => {
    it.each(Object.entries(kinds))('lose nothing and restore nothing: %s', async (_what, requests) => {
      const race: Race = { store: 'compare-and-set', processes: 2, ids, ...requests };
      const wrong: Partial<Record<Fault, string>> = {};
      for (let seed = SEED; seed < SEED + ordersOfEach; seed += 1) {
        const result = await run(race, randomFrom(seed));
        const { overtaken: _, ...verdict } =
          race.troubles === undefined ? judge(race, result) : judgeTroubled(race, result);
        // A change that was stored twice, and then moved, has nothing left to save.
        if (race.troubles !== undefined) delete verdict.failed;
        for (const [fault, what] of Object.entries(verdict) as [Fault, string][]) {
          wrong[fault] ??= `${what}; SEED=${seed}: ${result.trace.join(', ')}`;
        }
      }
      expect(wrong).toEqual({});
    });
  });
});
