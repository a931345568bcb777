import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import session from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { lineFor, password, prefix } from '../helpers/cli/acl-user';
import { command, project, type Surroundings } from '../helpers/cli/command';
import { freePort, type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

const cwd = project({ ioredis: 'ioredis5' });
const other = project({ ioredis: 'ioredis5' });
const id = 'abcdefghijklmnopqrstuvwx';

interface Finding {
  check: string;
  status: string;
  found: string;
  advice?: string;
}

/** The findings by name, and the exit code. */
async function findings(options: string, more: Surroundings = {}) {
  const { exit, out, err } = await command(`doctor --json --prefix ${prefix} ${options}`, { cwd, ...more });
  expect(err).toBe('');
  const list = JSON.parse(out) as Finding[];
  return { exit, list, of: (check: string) => list.find((one) => one.check === check) };
}

describe('`doctor` on Redis', () => {
  let redis: RedisServer;
  const examined = (options = '', more?: Surroundings) => findings(`--url ${redis.url} ${options}`, more);
  const asShop = () => ({
    env: { KOA_SESSION_URL: redis.url.replace('//', '//shop@'), KOA_SESSION_PASSWORD: password },
  });

  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterEach(() => redis.command('ACL DELUSER shop'));
  afterAll(() => redis.stop());

  it('finds no fault with a server and a user as they should be', async () => {
    await redis.command(await lineFor('--operator'));
    const store = redisStore({ port: redis.port });
    await store.set(`${prefix}${id}`, { cookie: {}, user: 'ann' }, 60_000);
    await store.close();
    const { list, exit } = await findings('', asShop());
    expect(list.filter(({ status }) => status !== 'ok')).toEqual([
      { check: 'user index', status: 'skipped', found: expect.stringContaining('--user-field') },
    ]);
    expect(list.length).toBeGreaterThan(14);
    expect(exit).toBe(0);
  });

  it('prints a table for people, with advice', async () => {
    const { out, exit } = await command(`doctor --url ${redis.url}`, { cwd, hasColors: true });
    const readable = out.replaceAll('\u001b', '^');
    expect(readable).toMatch(/^\^\[1mcheck +status +found/);
    expect(readable).toMatch(/\^\[32mreachable +ok +answers within [\d.]+ ms/);
    expect(readable).toMatch(/\^\[33mcredentials +warning .*\^\[39m\n {4}Make a user for each business/);
    expect(await command(`doctor --url ${redis.url}`, { cwd })).toMatchObject({
      out: expect.not.stringContaining('\u001b'),
    });
    expect(exit).toBe(0);
  });

  it('says that a server is not reached', async () => {
    const port = await freePort();
    const { exit, list } = await findings(`--url redis://127.0.0.1:${port}`);
    expect(list).toEqual([
      {
        check: 'reachable',
        status: 'problem',
        found: expect.stringContaining('ECONNREFUSED'),
        advice: expect.any(String),
      },
    ]);
    expect(exit).toBe(1);
  });

  it('says that the password is wrong, and does not show it', async () => {
    const { list } = await findings('', {
      env: { KOA_SESSION_URL: `redis://default:mistaken-secret@127.0.0.1:${redis.port}` },
    });
    // A server without passwords takes any of its default user.
    expect(list.at(0)?.status).toBe('ok');
    const said = await command('doctor', {
      cwd,
      env: { KOA_SESSION_URL: `redis://shop:mistaken-secret@127.0.0.1:${redis.port}` },
    });
    expect(said.out).toContain('WRONGPASS');
    expect(said.out + said.err).not.toContain('mistaken-secret');
  });

  const faults: Record<
    string,
    [fault: () => Promise<unknown>, check: string, status: string, found: RegExp, options?: string]
  > = {
    'the default user, who may do everything': [async () => undefined, 'credentials', 'warning', /default/],
    'a default user who reads foreign keys': [async () => undefined, 'foreign prefix', 'warning', /instead of NOPERM/],
    'no encryption on the way': [
      async () => undefined,
      'TLS',
      'warning',
      /not encrypted/,
      '--url redis://0.0.0.0:PORT',
    ],
    'snapshots alone': [
      () => redis.command('CONFIG SET appendonly no save "60 1"'),
      'persistence',
      'warning',
      /only snapshots, save 60 1/,
    ],
    'nothing on disk': [
      () => redis.command('CONFIG SET appendonly no save ""'),
      'persistence',
      'warning',
      /nothing is written/,
    ],
    'a policy that evicts': [
      () => redis.command('CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru'),
      'memory',
      'problem',
      /allkeys-lru/,
    ],
    'a memory that is nearly full': [
      async () => redis.command(`CONFIG SET maxmemory ${Number((await redis.info('memory'))['used_memory']) + 10_000}`),
      'memory',
      'warning',
      /noeviction, \d\d % of/,
    ],
    'a longer prefix': [() => redis.command(`SET ${prefix}eu:${id} {}`), 'prefixes', 'problem', /"shop:sess:eu:" and/],
    'a shorter prefix': [() => redis.command(`SET shop:${id} {}`), 'prefixes', 'problem', /"shop:" and "shop:sess:"/],
    'an index of a longer prefix': [
      () => redis.command(`ZADD "${prefix}eu:\\x1fuser:${id.slice(2)}" 1 a`),
      'prefixes',
      'problem',
      /"shop:sess:eu:" and/,
    ],
    'a replica': [() => redis.command('REPLICAOF 127.0.0.1 1'), 'role', 'problem', /a replica of 127.0.0.1:1/],
    'a record without an end': [
      () => redis.command(`SET ${prefix}${id} {}`),
      'expiry',
      'problem',
      /^1 never expire, of 1$/,
    ],
    'a large record': [
      () =>
        redis.command(
          `EVAL "redis.call('SETEX', KEYS[1], 60, '[\\"' .. string.rep('x', 100000) .. '\\"]')" 1 ${prefix}${id}`,
        ),
      'record size',
      'warning',
      /^1 over 100 kB, the largest has 100 004 bytes, of 1$/,
    ],
    'sessions that their index does not list': [
      () => redis.command(`SETEX ${prefix}${id} 60 '{"person":{"id":7}}'`),
      'user index',
      'problem',
      /^1 of 1 sessions/,
      '--user-field person.id',
    ],
  };

  it.each(Object.keys(faults))('finds %s', async (name) => {
    const [fault, check, status, found, options = `--url ${redis.url}`] = faults[name] ?? [];
    const healthy = { maxmemory: '0', 'maxmemory-policy': 'noeviction', save: '""', appendonly: 'yes' };
    try {
      await fault?.();
      const given = options.startsWith('--url')
        ? options.replace('PORT', String(redis.port))
        : `--url ${redis.url} ${options}`;
      const { of, exit } = await findings(given);
      expect(of(String(check))).toEqual({
        check,
        status,
        found: expect.stringMatching(found as RegExp),
        advice: expect.stringMatching(/^[A-Z].{20}/),
      });
      expect(exit).toBe(status === 'problem' ? 1 : 0);
    } finally {
      await redis.command('REPLICAOF NO ONE');
      const settings = Object.entries(healthy).flat().join(' ');
      await redis.command(`CONFIG SET ${settings}`);
    }
  });

  it('finds sessions whose index was lost by what their records note', async () => {
    const store = redisStore({ port: redis.port });
    const sessions = session({ store, prefix, user: ({ user }) => user });
    const { index } = sessions.store;
    expect(index).toBeDefined();
    const name = (hash: string) => `${prefix}\u001fuser:${hash}`;
    const notes = { began: Date.now(), index: 'a'.repeat(22), until: Date.now() + 60_000 };
    await store.set(`${prefix}${id}`, { cookie: notes as object, user: 'ann' }, 60_000);
    expect((await examined()).of('user index')?.status).toBe('problem');
    await store.enroll(name('a'.repeat(22)), `${prefix}${id}`, 60_000, -1);
    expect((await examined()).of('user index')).toMatchObject({ status: 'ok', found: expect.stringContaining('of 1') });
    await store.close();
  });

  it.each([
    [3_600_000, 'problem', /3[56]\d{5} ms behind/],
    [-10_000, 'warning', /(9[89]\d\d|10\d{3}) ms ahead/],
  ])('finds a clock that differs by %d ms', async (difference, status, found) => {
    const now = Date.now;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + difference);
    const { of } = await examined();
    clock.mockRestore();
    expect(of('clock')).toMatchObject({ status, found: expect.stringMatching(found) });
  });

  it('finds a user who may read foreign keys, and one who may not run scripts', async () => {
    await redis.command(await lineFor('--operator'));
    await redis.command('ACL SETUSER shop ~bank:* ~koa-evented-session-doctor:* -eval');
    const { of, exit } = await findings('', asShop());
    expect(of('foreign prefix')?.status).toBe('problem');
    expect(of('scripts')).toMatchObject({ status: 'problem', found: expect.stringContaining('NOPERM') });
    expect(exit).toBe(1);
  });

  it('skips what the server refuses to tell', async () => {
    await redis.command(await lineFor('--walking'));
    await redis.command('ACL SETUSER shop +info -info');
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { list, exit } = await findings('', asShop());
    warn.mockRestore();
    const refused = list.filter(({ found }) => found.includes('could not be asked: NOPERM'));
    expect(refused.map(({ check, status }) => [check, status])).toEqual(
      ['credentials', 'role', 'persistence', 'memory', 'clock', 'Redis'].map((check) => [check, 'skipped']),
    );
    expect(exit).toBe(0);
  });

  it('finds a disk that cannot be written', async () => {
    const broken = await startRedis();
    rmSync(broken.dir, { recursive: true });
    await broken.command('BGSAVE');
    await until(async () => (await broken.info('persistence'))['rdb_last_bgsave_status'] === 'err');
    const { of } = await findings(`--url ${broken.url}`);
    await broken.stop();
    expect(of('persistence')).toMatchObject({ status: 'problem', found: expect.stringContaining('disk') });
  });

  it('finds that the project has another version of the package', async () => {
    mkdirSync(join(other, 'node_modules/koa-evented-session'));
    writeFileSync(join(other, 'node_modules/koa-evented-session/package.json'), '{"version":"0.0.1"}');
    expect((await examined('', { cwd: other })).of('koa-evented-session')).toMatchObject({
      status: 'warning',
      found: expect.stringContaining('but the project has 0.0.1'),
    });
  });
});
