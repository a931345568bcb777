import { tell } from '../helpers/programs/counting-program';
import { farEndsContract, farWritesContract } from '../helpers/races/far-ends';
import { farStores } from '../helpers/races/far-stores';

jest.setTimeout(600_000);

const ROUNDS = Number(process.env['ROUNDS'] ?? 20);
const adversities = [1, 8].flatMap((writers) => [3, 40].map((ms) => ({ writers, ms })));

for (const name of Object.keys(farStores) as (keyof typeof farStores)[]) {
  farEndsContract(name, adversities, ROUNDS);
  farWritesContract(name, adversities, ROUNDS, tell);
}
