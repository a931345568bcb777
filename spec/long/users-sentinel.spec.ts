import session = require('../../lib/main');

import { redisStore } from '../../lib/redis';
import { type RedisTopology, startSentinel } from '../helpers/redis/sentinel';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { until } from '../helpers/time/until';

jest.setTimeout(120_000);

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = 'ann';
  },
};

describe('The sessions of a user on a Redis with a replica and a sentinel', () => {
  let redis: RedisTopology;
  beforeEach(async () => {
    redis = await startSentinel(300);
  });
  afterEach(() => redis.stop());

  /** Three visitors who are logged in as one user. */
  async function annThrice() {
    const store = redisStore(redis.options);
    const sessions = session({
      store,
      user: ({ user }) => user as string | undefined,
      device: (ctx) => ctx.get('User-Agent'),
    });
    const site = await closedAfterTest(openSite({ use: sessions, routes }));
    const visitors = ['phone', 'laptop', 'tablet'].map((name) => ({ name, browser: site.visitor() }));
    for (const { name, browser } of visitors) await browser.get('/login', { 'user-agent': name });
    const served = async () => {
      const names: string[] = [];
      for (const { name, browser } of visitors) {
        if ((await browser.get('/see')).json<{ user?: string }>().user === 'ann') names.push(name);
      }
      return names;
    };
    const mine = sessions.of('ann');
    const listed = async () => (await mine.list()).map(({ device }) => device).sort();
    const failOver = async () => {
      await redis.primary.kill('SIGKILL');
      // The sentinel ends the connections to the replica that it promotes.
      const role = () =>
        redis.replica.info('replication').then(
          (info) => info['role'],
          () => 'unknown',
        );
      await until(async () => (await role()) === 'master');
    };
    return { close: () => store.close(), failOver, listed, mine, served, site, store };
  }

  it('are listed and ended, also after a failover', async () => {
    const { close, failOver, listed, mine, served, site } = await annThrice();
    expect(await listed()).toEqual(['laptop', 'phone', 'tablet']);
    const tablet = (await mine.list()).find(({ device }) => device === 'tablet');
    expect(await mine.end(String(tablet?.handle))).toBe(true);
    await redis.replicated();
    await failOver();

    expect(await listed()).toEqual(['laptop', 'phone']);
    expect(await served()).toEqual(['phone', 'laptop']);
    await site.visitor().get('/login', { 'user-agent': 'watch' });
    expect(await listed()).toEqual(['laptop', 'phone', 'watch']);
    expect(await mine.endAll()).toBe(3);
    expect([await served(), await listed(), site.errors]).toEqual([[], [], []]);
    await close();
  });

  it('come back if the primary dies before the replica knows that they have ended', async () => {
    const { close, failOver, listed, mine, served } = await annThrice();
    await redis.replicated();
    // The replica is turned away when it connects again.
    await redis.replica.command('CONFIG SET masteruser nobody');
    await redis.replica.command('CONFIG SET masterauth wrong');
    await redis.primary.command('CLIENT KILL TYPE replica');
    await until(async () => (await redis.replica.info('replication'))['master_link_status'] === 'down');
    expect(await mine.endAll()).toBe(3);
    expect(await served()).toEqual([]);
    await failOver();

    // As docs/users.md says.
    expect(await listed()).toEqual(['laptop', 'phone', 'tablet']);
    expect(await mine.endAll()).toBe(3);
    expect(await listed()).toEqual([]);
    await close();
  });
});
