import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis5';
import { redisStore } from '../../lib/redis';
import { env, judged, lineFor, onEach, password, prefix, type Use } from '../helpers/cli/acl-user';
import { command, project } from '../helpers/cli/command';
import { koaRedis, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';

describe('the line of `acl`', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
    // ioredis tells that it may not ask whether Redis is loading.
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterAll(async () => {
    jest.restoreAllMocks();
    await redis.stop();
  });

  it.each<[Parameters<typeof judged>[0], string, Use[]]>([
    ['ioredis', '--user-index --walking', ['requests', 'indexing', 'walking']],
    ['ioredis with --db', '--db', ['requests']],
    ['ioredis', '--broadcast-endings', ['requests', 'hearing']],
    ['redis', '--client redis --user-index --broadcast-endings', ['requests', 'indexing', 'hearing']],
  ])('allows what is needed and nothing else: %s, %s', async (client, options, uses) => {
    const { tried, ...found } = await judged(client, options, [redis], uses);
    expect(found).toEqual({ refused: [], failures: [], superfluous: [] });
    expect(tried).toBeGreaterThan(5);
  });

  it('leaves out what an application without the option does not use', async () => {
    const plain = await lineFor('');
    expect(plain).not.toMatch(/\+(zadd|scan|select|config|cluster|publish|subscribe)|&/);
    expect(await lineFor('--client redis')).not.toContain('+info');
  });

  it('suits koa-redis', async () => {
    await redis.command(await lineFor('--client koa-redis'));
    const client = koaRedis(redis, { username: 'shop', password });
    await untilReady(client);
    await client.set(`${prefix}one`, { cookie: {}, user: 'ann' } as never, 60_000);
    expect(await client.get(`${prefix}one`)).toMatchObject({ user: 'ann' });
    await client.destroy(`${prefix}one`);
    await client.quit();
  });

  it('keeps a foreign prefix away, and means the prefix literally', async () => {
    const odd = 'a*b?[cd]:';
    const { out } = await command(['acl', '--prefix', odd, '--name', 'shop'], { env });
    await redis.command(out.trim().replaceAll('\\', '\\\\').replaceAll("'", '"'));
    const store = redisStore({ port: redis.port, username: 'shop', password });
    await store.set(`${odd}one`, { cookie: {} }, 60_000);
    for (const key of ['axbxc:one', 'bank:sess:one', 'a*b?']) {
      await expect(store.get(key)).rejects.toThrow('NOPERM');
    }
    await store.close();
  });

  it('keeps the passwords of a user whose rights it changes', async () => {
    await redis.command(await lineFor(''));
    const { out, err } = await command(`acl --prefix ${prefix} --user-index`);
    expect(err).toContain('KOA_SESSION_ACL_PASSWORD');
    await redis.command(out.trim());
    const client = new Redis({ port: redis.port, username: 'shop', password });
    expect(await client.get(`${prefix}one`)).toBeNull();
    client.disconnect();
  });

  it('never shows the password, and is JSON for programs', async () => {
    const { out } = await command(`acl --prefix ${prefix} --json`, { env });
    expect(out).not.toContain(password);
    const { user, rules, line } = JSON.parse(out) as { user: string; rules: string[]; line: string };
    expect([user, rules[0], line]).toEqual(['shop', 'on', await lineFor('')]);
  });

  describe('for an operator', () => {
    const cwd = project({ ioredis: 'ioredis5' });

    it('lets `doctor` ask everything', async () => {
      await onEach([redis], await lineFor('--operator'));
      const url = { KOA_SESSION_URL: redis.url.replace('//', `//shop:${encodeURIComponent(password)}@`) };
      const { out } = await command(`doctor --json --prefix ${prefix}`, { env: url, cwd });
      const findings = JSON.parse(out) as { check: string; status: string; found: string }[];
      expect(findings.filter(({ found }) => found.includes('could not be asked'))).toEqual([]);
      expect(findings.find(({ check }) => check === 'foreign prefix')?.status).toBe('ok');
    });

    it('lets every other command do its work', async () => {
      await onEach([redis], await lineFor('--operator'));
      const url = { KOA_SESSION_URL: redis.url.replace('//', `//shop:${encodeURIComponent(password)}@`) };
      const keys = { ...url, KOA_SESSION_SEALING_KEYS: randomBytes(32).toString('hex') };
      const store = redisStore({ port: redis.port });
      for (const name of ['ann', 'bob', 'eve']) await store.set(prefix + name, { cookie: {}, user: name }, 60_000);
      await store.close();
      for (const [line, said, env] of [
        ['count', '3\n', url],
        ['index --user-field user', '3 records read, 3 sessions listed, 0 skipped\n', url],
        ['end --user eve --user-field user --yes', '1 ended\n', url],
        ['reseal --seal-plain', '2 records read, 2 stored again, 0 skipped\n', keys],
        ['list --json', expect.stringMatching(/^\{.*\}\n\{.*\}\n$/), keys],
        ['end --all --yes', '2 ended\n', keys],
      ] as const) {
        expect([line, await command(`${line} --prefix ${prefix}`, { env, cwd })]).toEqual([
          line,
          { exit: 0, out: said, err: '' },
        ]);
      }
    });
  });

  it.each([
    ['--client iordis', 'did you mean ioredis?'],
    ['--cluster --db', 'no numbered databases'],
    ['--client koa-redis --user-index', 'koa-redis'],
    ['--client koa-redis --broadcast-endings', 'koa-redis'],
    ['--prefix=-- --name=', '--name needs a value'],
    ["--prefix sh'op:", 'no white space, quotes'],
    ['--prefix=', 'Give --name'],
  ])('is not printed for %s', async (options, message) => {
    const { exit, out, err } = await command(`acl ${options}`);
    expect([exit, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });
});
