import { everywhere } from '../helpers/races/kinds';
import { redisRaces } from '../helpers/races/on-redis';

jest.setTimeout(300_000);

const SEED = Number(process.env['SEED'] ?? 20_300_104);

describe(`Requests of one session on a real Redis, in two processes, seed ${SEED}`, () => {
  redisRaces(everywhere, 200, SEED);
});
