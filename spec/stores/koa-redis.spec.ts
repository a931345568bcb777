import session, { type Session, Store } from '../../lib/main';
import { storeContract } from '../../lib/testing';
import { endOf, type KoaRedis, koaRedis, koaRedisKinds, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, setCookieOf } from '../helpers/sites/session-site';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

for (const [name, connect] of Object.entries(koaRedisKinds)) {
  storeContract(
    name,
    async () => {
      const client = connect(redis);
      await untilReady(client);
      const ttlLeft = async (key: string) => Number(await redis.command(`PTTL ${key}`));
      return { client, ttlLeft, end: () => endOf(client) };
    },
    { guarantee: 'last-write' },
  );
}

describe('koa-redis', () => {
  let client: KoaRedis;
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    client = koaRedis(redis);
    await untilReady(client);
  });
  afterEach(() => endOf(client));

  const open = async () => {
    const site = await closedAfterTest(openSite({ use: session({ store: client }) }));
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    const key = await redis.command('RANDOMKEY');
    return { site, ann, key, text: () => redis.command(`GET ${key}`) };
  };

  it('works unchanged, and its records are as with koa-generic-session: Redis itself expires them', async () => {
    const { ann, key, text } = await open();
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    expect(key).toMatch(/^koa:sess:[\w-]{24}$/);
    const { cookie, ...data } = JSON.parse(await text()) as Session;
    expect([data, Object.keys(cookie)]).toEqual([{ user: 'ann' }, expect.not.arrayContaining(['ends'])]);
    expect(Number(await redis.command(`TTL ${key}`))).toBeGreaterThan(86_000);
  });

  it.each([
    ['text that is not JSON', '{"user":"an'],
    ['nothing', ''],
  ])('counts a record as missing if it holds %s, and leaves it and its cookie alone', async (_what, record) => {
    const { site, ann, key, text } = await open();
    await redis.command(`SET ${key} ${JSON.stringify(record)}`);
    const reply = await ann.get('/see');
    expect([reply.json(), setCookieOf(reply), site.events().at(-1)]).toEqual([{}, undefined, 'session:missed']);
    expect(await text()).toBe(record);
  });

  it.each(['5', '[1]', '"text"'])('opens no session if the record holds %s', async (record) => {
    const { site, ann, key } = await open();
    await redis.command(`SET ${key} ${JSON.stringify(record)}`);
    expect((await ann.get('/see')).json()).toEqual({});
    expect(site.events().slice(1)).toEqual(['session:invalid', 'session:missed']);
  });

  it('guarantees last-write, and does not report how long a record has left', () => {
    expect(new Store(client)).toMatchObject({ guarantee: 'last-write', knowsTtl: false });
    expect(() => session({ store: client, renew: true })).toThrow(
      /Expected `store` to tell how long a record has left/,
    );
  });
});
