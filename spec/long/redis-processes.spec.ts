import { tell } from '../helpers/programs/counting-program';
import { startWriting, type WritersFigures } from '../helpers/races/parallel-writers';
import { startRedis } from '../helpers/redis/server';

const ROUNDS = 50;

jest.setTimeout(300_000);

it.each([1, 4, 8])(
  'Parallel writers of one session in %i process(es) lose nothing, round after round',
  async (processes) => {
    const redis = await startRedis();
    const scripts = async () => {
      const { cmdstat_evalsha: stat = '' } = await redis.info('commandstats');
      return Number(/calls=(\d+)/.exec(stat)?.[1] ?? 0);
    };
    const writing = await startWriting(processes, { host: '127.0.0.1', port: redis.port }, scripts);
    const rounds: WritersFigures[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await writing.write(200));
    await writing.end();
    await redis.stop();
    const sum = (name: keyof WritersFigures) => rounds.reduce((total, figures) => total + figures[name], 0);
    tell(`${ROUNDS} rounds in ${processes} process(es)`, {
      writers: sum('writers'),
      swaps: sum('swaps'),
      lost: sum('lost'),
    });
    expect([sum('refused'), sum('lost')]).toEqual([0, 0]);
  },
);
