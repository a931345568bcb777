import { command, project } from '../helpers/cli/command';
import { driverNames } from '../helpers/redis/drivers';
import { freePort, type RedisServer, startRedis } from '../helpers/redis/server';

/** In `npm run test:long`, each that the docs name. */
const drivers = process.env['LONG'] ? driverNames : ['ioredis5', 'redis6'];

describe.each(drivers)('the command in a project with %s', (installed) => {
  const name = installed.startsWith('io') ? 'ioredis' : 'redis';
  const cwd = project({ [name]: installed });
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
    await redis.command('SETEX koa:sess:one 60 {}');
    await redis.command('ACL SETUSER ann on ~* +@all >secret-word');
  });
  afterAll(() => redis.stop());

  it('checks and counts', async () => {
    const { exit, out, err } = await command(`doctor --url ${redis.url}`, { cwd });
    expect([exit, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^drivers +ok +${name} ${installed.at(-1)}\\.`, 'm'));
    expect(out).not.toContain('could not be asked');
    expect(await command(`count --url ${redis.url}`, { cwd })).toEqual({ exit: 0, out: '1\n', err: '' });
  });

  it('logs in with the password of the environment, to the database of the address', async () => {
    const url = redis.url.replace('//', '//ann@');
    const env = { KOA_SESSION_PASSWORD: 'secret-word' };
    expect((await command(`count --url ${url}/1`, { cwd, env })).out).toBe('0\n');
    const { out } = await command(`doctor --json --url ${url}`, { cwd, env });
    expect(out).toContain('Redis user ann');
    const wrong = await command(`doctor --url ${url}`, { cwd, env: { KOA_SESSION_PASSWORD: 'mistaken-word' } });
    expect([wrong.exit, wrong.out]).toEqual([1, expect.stringContaining('WRONGPASS')]);
    expect(wrong.out + wrong.err).not.toContain('mistaken-word');
  });

  it('fails at once if the server is not there', async () => {
    const { exit, err } = await command(`count --url redis://127.0.0.1:${await freePort()}`, { cwd });
    expect([exit, err]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
  });
});
