import { tell } from '../../helpers/programs/counting-program';
import { startWriting } from '../../helpers/races/parallel-writers';
import { startCluster } from '../../helpers/redis/cluster';
import { type RedisServer, startRedis } from '../../helpers/redis/server';

const WRITERS = 200;

interface Subject {
  nodes: readonly RedisServer[];
  /** Options of redisStore(). */
  options: object;
  stop(): Promise<void>;
}

const subjects: [string, () => Promise<Subject>][] = [
  [
    'a Redis',
    async () => {
      const redis = await startRedis();
      return { nodes: [redis], options: { host: '127.0.0.1', port: redis.port }, stop: () => redis.stop() };
    },
  ],
  [
    'a Redis Cluster of 3 primaries',
    async () => {
      const cluster = await startCluster(3);
      const options = { isRedisCluster: true, nodes: cluster.addresses };
      return { nodes: cluster.nodes, options, stop: () => cluster.stop() };
    },
  ],
];

describe.each(subjects)(`${WRITERS} writers of one session on %s, each with a separate key,`, (where, start) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await start();
  });
  afterAll(() => subject.stop());

  const scripts = async () => {
    const infos = await Promise.all(subject.nodes.map((node) => node.info('commandstats')));
    return infos.reduce((sum, info) => sum + Number(/calls=(\d+)/.exec(info['cmdstat_evalsha'] ?? '')?.[1] ?? 0), 0);
  };

  it.each([[1], [4]])('are all kept in %i process(es)', async (processes) => {
    const writing = await startWriting(processes, subject.options, scripts);
    const figures = await writing.write(WRITERS).finally(() => writing.end());
    tell(`${WRITERS} writers on ${where}, ${processes} process(es)`, figures);
    expect(figures).toMatchObject({ refused: 0, lost: 0 });
    // Each retrying alone, they would need some 20 000.
    expect(figures.swaps).toBeLessThan(processes === 1 ? 20 : WRITERS * processes);
  });
});
