import type session from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { lineFor, password, prefix } from '../helpers/cli/acl-user';
import { command, project, type Surroundings } from '../helpers/cli/command';
import type { Browser } from '../helpers/http/serve';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { openWatching, visitorAt } from '../helpers/sites/watching-sites';
import { until } from '../helpers/time/until';

const cwd = project({ ioredis: 'ioredis5' });
const stores: { close(): unknown }[] = [];
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
  // ioredis tells that it may not ask whether Redis is loading.
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
});
beforeEach(async () => {
  await redis.command('FLUSHALL');
  await redis.command('ACL LOG RESET');
});
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));
afterAll(async () => {
  jest.restoreAllMocks();
  await redis.kill();
});

/** A site with a visitor whose session it watches. */
async function watching(login: object = {}) {
  const store = redisStore({ port: redis.port, ...login });
  const there = await openWatching({ store, prefix });
  stores.unshift(there.sessions, store);
  const ann: Browser = visitorAt(there, there.site.visitor());
  await ann.get('/login?user=ann');
  await ann.get('/watch');
  await there.listens();
  return there;
}

const as = (user: string) => ({
  KOA_SESSION_URL: redis.url.replace('//', `//${user}:${encodeURIComponent(password)}@`),
});
const run = (line: string, more: Surroundings = {}) =>
  command(`${line} --prefix ${prefix}`, { cwd, env: { KOA_SESSION_URL: redis.url }, ...more });
const refused = () => redis.command('ACL LOG');

describe('`end` tells applications that', () => {
  const ends: [options: string, reason: session.EndReason][] = [
    ['--user ann --user-field user', 'user'],
    ['--handle HANDLE', 'operator'],
    ['--all', 'operator'],
  ];

  it.each(ends)('sessions have ended: %s', async (options, reason) => {
    const there = await watching();
    const handle = String(there.watches[0]?.handle);
    expect(await run(`end --yes ${options.replace('HANDLE', handle)}`)).toEqual({ exit: 0, out: '1 ended\n', err: '' });
    await until(() => there.told.length > 0);
    expect(there.told).toEqual([reason]);
    expect(there.ended).toEqual([{ key: handle, reason }]);
  });

  it('sessions have ended, as an operator who may not listen', async () => {
    await redis.command(await lineFor('--operator'));
    const there = await watching();
    expect(await run('end --yes --all', { env: as('shop') })).toEqual({ exit: 0, out: '1 ended\n', err: '' });
    await until(() => there.told.length > 0);
    expect([there.told, await refused()]).toEqual([['operator'], '0']);
  });

  it('ends them too if it may not tell', async () => {
    await redis.command(await lineFor('--operator'));
    await redis.command('ACL SETUSER shop resetchannels -publish');
    const there = await watching();
    expect(await run('end --yes --user ann --user-field user', { env: as('shop') })).toEqual({
      exit: 0,
      out: '1 ended\n',
      err: '',
    });
    expect([there.told, await there.sessions.store.count()]).toEqual([[], 0]);
  });
});

describe('the line of `acl`', () => {
  it('suits an application with `broadcastEndings`, which is told of an end', async () => {
    await redis.command(await lineFor('--user-index --broadcast-endings'));
    const there = await watching({ username: 'shop', password });
    await run('end --yes --all');
    await until(() => there.told.length > 0);
    expect([there.told, await refused()]).toEqual([['operator'], '0']);
  });

  it('allows no channel otherwise, and no other channel', async () => {
    const client = redisStore({ port: redis.port, username: 'shop', password });
    stores.push(client);
    await redis.command(await lineFor(''));
    await expect(client.publish(`${prefix}endings`, '')).rejects.toThrow('NOPERM');
    await redis.command(await lineFor('--broadcast-endings'));
    await expect(client.publish(`${prefix}endings`, '')).resolves.toBeUndefined();
    await expect(client.publish('bank:sess:endings', '')).rejects.toThrow('NOPERM');
  });
});

describe('`doctor` with --broadcast-endings', () => {
  const channel = async (line: string, more: Surroundings = {}) => {
    const { exit, out } = await run(`doctor --json ${line}`, more);
    const findings = JSON.parse(out) as { check: string; status: string; found: string; advice?: string }[];
    return { exit, ...findings.find(({ check }) => check === 'channel') };
  };

  it('hears what it tells, and does not disturb applications', async () => {
    const there = await watching();
    expect(await channel('--broadcast-endings')).toEqual({ exit: 0, check: 'channel', status: 'ok', found: 'heard' });
    expect([there.told, there.ended, there.site.errors]).toEqual([[], [], []]);
  });

  it('is asked nothing about it without the option', async () => {
    expect(await channel('')).toEqual({ exit: 0 });
  });

  it.each([
    ['-publish', /^cannot be told: .*NOPERM/],
    ['resetchannels', /^cannot be told: .*NOPERM/],
    ['-subscribe', /^nothing is heard on it$/],
  ])('finds what the user must not do: %s', async (rule, found) => {
    await redis.command(await lineFor('--operator --broadcast-endings'));
    await redis.command(`ACL SETUSER shop ${rule}`);
    expect(await channel('--broadcast-endings', { env: as('shop') })).toEqual({
      exit: 1,
      check: 'channel',
      status: 'problem',
      found: expect.stringMatching(found),
      advice: expect.stringContaining('acl --broadcast-endings'),
    });
  });
});
