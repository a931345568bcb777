import { command, project } from '../helpers/cli/command';
import { type RedisCluster, startCluster } from '../helpers/redis/cluster';
import { driverNames } from '../helpers/redis/drivers';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster(2);
  for (const name of ['one', 'two', 'three', 'four']) await cluster.command(`SETEX koa:sess:${name} 60 {}`);
});
afterAll(() => cluster.stop());

describe.each(driverNames)('the command on a Redis Cluster, in a project with %s', (installed) => {
  const cwd = project({ [installed.startsWith('io') ? 'ioredis' : 'redis']: installed });
  const url = () => String(cluster.nodes[1]?.url);

  it('asks every primary, and says which has a fault', async () => {
    const [first] = cluster.nodes;
    await first?.command('CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru');
    const { out } = await command(`doctor --json --url ${url()}`, { cwd });
    await first?.command('CONFIG SET maxmemory 0 maxmemory-policy noeviction');
    const findings = JSON.parse(out) as { check: string; status: string; found: string }[];
    const of = (name: string) => findings.find(({ check }) => check === name);
    expect(of('reachable')?.found).toMatch(/, a Cluster$/);
    expect(of('memory')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining(`127.0.0.1:${first?.port}: max`),
    });
    expect(of('memory')?.found).not.toContain(String(cluster.nodes[1]?.port));
    expect(of('expiry')?.found).toMatch(/of 4$/);
    expect(findings.filter(({ found }) => found.includes('could not be asked'))).toEqual([]);
  });

  it('counts on every primary', async () => {
    expect(await command(`count --url ${url()}`, { cwd })).toEqual({ exit: 0, out: '4\n', err: '' });
  });
});
