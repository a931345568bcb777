import { randomFrom } from '../helpers/http/cookie-noise';
import { fakeAllButTurns } from '../helpers/races/scheduler';
import { judge, type Verdict } from '../helpers/users/judge';
import { scenarios } from '../helpers/users/scenarios';
import { runnerOf } from '../helpers/users/world';

const SEED = Number(process.env['SEED'] ?? 20_300_102);
/** More of them in `npm run test:long`. */
const ORDERS = Number(process.env['ORDERS'] ?? (process.env['LONG'] ? 10_000 : 1_500));

const all = Object.entries(scenarios);
const ordersOfEach = Math.ceil(ORDERS / all.length);

describe(`The sessions of users in ${ordersOfEach} orders for each scenario, seed ${SEED}`, () => {
  let [tried, deaths, failures] = [0, 0, 0];

  beforeAll(fakeAllButTurns);
  afterAll(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
    process.stdout.write(
      `The sessions of users, seed ${SEED}: ${tried} orders, ${deaths} deaths, ${failures} failures\n`,
    );
  });

  it.each(all)('%s', async (_what, scenario) => {
    const wrong: Verdict = {};
    const hashed = { ...scenario, options: { ...scenario.options, ids: 'hashed' as const } };
    const ways = [scenario, hashed].map((one) => ({ one, run: runnerOf(one) }));
    for (let seed = SEED; seed < SEED + ordersOfEach; seed += 1) {
      // Every other order runs under hashed ids.
      const { one, run } = ways[seed % ways.length] as (typeof ways)[number];
      const history = await run(randomFrom(seed));
      for (const [fault, what] of Object.entries(judge(one, history)) as [keyof Verdict, string][]) {
        wrong[fault] ??= `${what}; SEED=${seed}: ${history.trace.join(', ')}`;
      }
      tried += 1;
      deaths += history.died;
      failures += history.failures;
    }
    expect(wrong).toEqual({});
  });
});
