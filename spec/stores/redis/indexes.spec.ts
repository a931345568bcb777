import { randomInt } from 'node:crypto';
import session from '../../../lib/main';
import { type RedisStore, redisStore } from '../../../lib/redis';
import { isSessionId } from '../../../lib/session/id';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite } from '../../helpers/sites/session-site';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

let redis: RedisServer;
let one: RedisStore;
let other: RedisStore;
beforeAll(async () => {
  redis = await startRedis();
  [one, other] = [0, 1].map(() => redisStore({ host: '127.0.0.1', port: redis.port })) as [RedisStore, RedisStore];
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await redis.stop();
});

/** No session id has a control character. */
const index = 'koa:sess:\u001fuser:ann';
const pttl = async () => Number(await redis.command(`PTTL ${index}`));

async function walk(store: RedisStore, limit = 1000): Promise<string[]> {
  const keys: string[] = [];
  for (let last: { key: string; end: number } | undefined; ; ) {
    const page = await store.members(index, limit, last);
    keys.push(...page.map(({ key }) => key));
    last = page.at(-1);
    if (!last) return keys;
  }
}

describe('The index of a user in Redis', () => {
  it('lists whatever another client enrolled before or while all sessions are ended', async () => {
    const seed = randomInt(2 ** 31);
    let state = seed;
    const random = (below: number) => {
      state = (state * 48_271 + 11) % 2_147_483_647;
      return state % below;
    };
    for (let round = 0; round < 60; round += 1) {
      const name = `koa:sess:\u001fuser:${round}`;
      const place = random(20);
      const calls = Array.from({ length: 20 }, (_, n) => async () => {
        for (let turn = random(4); turn > 0; turn -= 1) await new Promise(setImmediate);
        return (await one.enroll(name, `sid-${n}`, HOUR, HOUR)) ? `sid-${n}` : undefined;
      });
      const early = calls.slice(0, place).map((call) => call());
      const ended = other.endedNow(name, HOUR).then(() => other.members(name, 100));
      const late = calls.slice(place).map((call) => call());
      const listed = new Set((await ended).map(({ key }) => key));
      const keys = (await Promise.all([...early, ...late])).filter((key) => key !== undefined);
      expect({ seed, round, missing: keys.filter((key) => !listed.has(key)) }).toEqual({ seed, round, missing: [] });
    }
  });

  it('lasts as long as its last member or its mark', async () => {
    await one.enroll(index, 'long', DAY, 0);
    await one.enroll(index, 'short', HOUR, 0);
    expect(await pttl()).toBeGreaterThan(DAY - 10_000);
    expect(await pttl()).toBeLessThanOrEqual(DAY + 1);
    await one.dismiss(index, [{ key: 'long' }]);
    expect(await pttl()).toBeLessThanOrEqual(HOUR + 1);
    await one.endedNow(index, 2 * HOUR);
    await one.dismiss(index, [{ key: 'short' }]);
    expect(await pttl()).toBeGreaterThan(2 * HOUR - 10_000);
    expect(await redis.command(`ZCARD ${index}`)).toBe('2');
  });

  it('leaves nothing when its members are dismissed or past their end', async () => {
    await one.enroll(index, 'a', HOUR, 0);
    await one.dismiss(index, [{ key: 'a' }]);
    expect(await redis.command('DBSIZE')).toBe('0');
    await one.enroll(index, 'b', 20, 0);
    await until(async () => (await redis.command(`EXISTS ${index}`)) === '0');
  });

  it('drops members that are past their end with the next that is enrolled', async () => {
    await Promise.all(Array.from({ length: 600 }, (_, n) => one.enroll(index, `sid-${n}`, 20, 0)));
    await one.enroll(index, 'long', HOUR, 0);
    await until(async () => (await one.members(index, 10)).length === 1);
    for (let n = 0; n < 2; n += 1) await one.enroll(index, 'long', HOUR, 0);
    expect(await redis.command(`ZCARD ${index}`)).toBe('2');
  });

  it('has 100 000 members, many of which end at the same time, in pages', async () => {
    const end = Date.now() + DAY;
    const fill = `for i = 1, 100000 do
      redis.call('ZADD', KEYS[1], ${end} + math.floor(i / 30000), 'e' .. i, -${end - DAY}, 'n' .. i)
    end`;
    const { client } = one as unknown as {
      client: { eval(script: string, keys: number, key: string): Promise<unknown> };
    };
    await client.eval(fill, 1, index);
    await redis.command('CONFIG RESETSTAT');
    const keys = await walk(one);
    expect([keys.length, new Set(keys).size]).toEqual([100_000, 100_000]);
    await one.dismiss(
      index,
      keys.slice(1).map((key) => ({ key })),
    );
    expect(await walk(other)).toEqual(keys.slice(0, 1));
    const stats = Object.entries(await redis.info('commandstats'));
    const calls = new Map(stats.map(([name, stat]) => [name, Number(/calls=(\d+)/.exec(stat)?.[1])]));
    const inScripts = ['zcount', 'zscore', 'zrem', 'zadd', 'zrank', 'zrange', 'zrevrange'];
    const commands = inScripts.reduce((sum, name) => sum + (calls.get(`cmdstat_${name}`) ?? 0), 0);
    // A script with few commands holds up those of others for a few milliseconds only.
    expect(commands / (calls.get('cmdstat_evalsha') ?? 0)).toBeLessThan(1000);
  });

  it('ends sessions and enrolls none if Redis is full', async () => {
    for (const key of ['a', 'b']) await one.enroll(index, key, HOUR, 0);
    await redis.command('CONFIG SET maxmemory 1');
    try {
      await expect(one.enroll(index, 'c', HOUR, 0)).rejects.toThrow('OOM');
      await one.endedNow(index, HOUR);
      expect(await walk(one, 1)).toEqual(['a', 'b']);
      await one.dismiss(index, [{ key: 'a' }]);
    } finally {
      await redis.command('CONFIG SET maxmemory 0');
    }
    expect(await one.enroll(index, 'c', HOUR, HOUR)).toBe(false);
    expect(await walk(one)).toEqual(['b']);
  });

  it('tells apart enrolments of the same millisecond', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, n) => one.enroll(index, `sid-${n}`, HOUR, 0)));
    const ages = (await one.members(index, 50)).map(({ enrolledAgo }) => enrolledAgo);
    expect(new Set(ages).size).toBeGreaterThan(45);
  });

  it('counts as a missing session if a visitor presents its name as an id', async () => {
    await one.enroll(index, 'sid', HOUR, 0);
    await expect(one.get(index)).rejects.toThrow('WRONGTYPE');
    const id = index.slice('koa:sess:'.length);
    expect(isSessionId(id)).toBe(false);
    const sessionIdStore = { get: () => id, set: () => undefined, reset: () => undefined };
    const site = await closedAfterTest(openSite({ use: session({ store: one, sessionIdStore }) }));
    for (const path of ['/see', '/put?user=eve', '/logout']) expect((await site.visitor().get(path)).status).toBe(200);
    expect(site.errors).toEqual([]);
    expect(await walk(one)).toEqual(['sid']);
  });
});
