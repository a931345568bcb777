import session = require('../../lib/main');

import { type RedisStore, redisStore } from '../../lib/redis';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { fakeDate, pass } from '../helpers/time/fake-date';
import { indexOf } from '../helpers/users/world';

const HOUR = 60 * 60 * 1000;
const user = ({ user: name }: session.Session) => name as string | undefined;
const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = 'ann';
  },
};

let redis: RedisServer;
let store: RedisStore;
beforeAll(async () => {
  redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lfu', '--maxmemory-samples', '64'] });
  store = redisStore({ host: '127.0.0.1', port: redis.port });
  // Each access counts.
  await redis.command('CONFIG SET lfu-log-factor 0');
});
afterEach(async () => {
  jest.useRealTimers();
  await redis.command('CONFIG SET maxmemory 0');
  await redis.command('FLUSHALL');
});
afterAll(async () => {
  await store.close();
  await redis.stop();
});

const index = indexOf('ann');
const loseIndex = async () => expect(await redis.command(`DEL ${index}`)).toBe('1');

/** Two visitors who are logged in as one user. */
async function annTwice(options: session.SessionOptions<string | undefined> = {}) {
  const sessions = session({ store, ttl: HOUR, ...options, user });
  const site = await closedAfterTest(openSite({ use: sessions, routes }));
  const visitors = [site.visitor(), site.visitor()];
  for (const visitor of visitors) await visitor.get('/login');
  const served = async () => {
    const names: unknown[] = [];
    for (const visitor of visitors) names.push((await visitor.get('/see')).json<{ user?: string }>().user);
    return names;
  };
  return { sessions, mine: sessions.of('ann'), served, visitors };
}

describe('If Redis loses the index of a user', () => {
  it('the sessions go on, and are neither listed nor ended; index() lists them again', async () => {
    const { sessions, mine, served } = await annTwice();
    await loseIndex();
    expect(await mine.list()).toEqual([]);
    expect(await mine.endAll()).toBe(0);
    expect(await served()).toEqual(['ann', 'ann']);

    expect(await sessions.index()).toEqual({ scanned: 2, listed: 2, skipped: 0 });
    expect(await mine.count()).toBe(2);
    expect(await mine.endAll()).toBe(2);
    expect(await served()).toEqual([undefined, undefined]);
  });

  it('a Redis that evicts keys has evicted it while the sessions stay', async () => {
    const { sessions, mine, served } = await annTwice();
    // Entries of logins that were never stored, so that the index takes space.
    await Promise.all(Array.from({ length: 2000 }, (_, n) => store.enroll(index, `never-${n}`, HOUR, 0)));
    // A copy has not been used yet, unlike the sessions.
    for (const command of [`COPY ${index} copy`, `RENAME copy ${index}`]) await redis.command(command);
    for (let n = 0; n < 5; n += 1) await served();
    const { used_memory: used } = await redis.info('memory');
    await redis.command(`CONFIG SET maxmemory ${Number(used) - 100_000}`);
    expect(await served()).toEqual(['ann', 'ann']);
    expect([(await redis.info('stats'))['evicted_keys'], await redis.command(`EXISTS ${index}`)]).toEqual(['1', '0']);
    expect([await mine.count(), await mine.endAll()]).toEqual([0, 0]);
    await sessions.index();
    expect([await mine.count(), await mine.endAll()]).toEqual([2, 2]);
  });

  it.each<[string, session.SessionOptions<string | undefined>, string, number]>([
    ['extended is listed again when its entry is due, after one ttl at most', { rolling: true }, '/see', 2],
    ['written is listed again when its entry is due, after one ttl at most', {}, '/put', 2],
    ['about to reach its absolute timeout is not', { rolling: true, absoluteTimeout: 2 * HOUR }, '/see', 0],
  ])('a session that is %s', async (_what, options, path, listed) => {
    fakeDate();
    const { mine, visitors } = await annTwice(options);
    await loseIndex();
    const use = async () => {
      for (const visitor of visitors) await visitor.get(`${path}?now=${Date.now()}`);
      return mine.count();
    };
    pass(HOUR - 1000);
    expect(await use()).toBe(0);
    pass(2000);
    expect(await use()).toBe(listed);
    expect(await mine.endAll()).toBe(listed);
  });
});

it('A Redis that loses everything ends all sessions', async () => {
  const { mine, served } = await annTwice();
  await redis.command('FLUSHALL');
  expect(await served()).toEqual([undefined, undefined]);
  expect(await mine.count()).toBe(0);
});
