import { type RedisStore, redisStore } from '../../../lib/redis';
import { Slots, slotOf } from '../../../lib/stores/redis/slots';
import { type RedisServer, startRedis } from '../../helpers/redis/server';

const HOUR = 60 * 60 * 1000;
const MANY = 1_500;

let servers: [RedisServer, RedisServer];
let stores: [RedisStore, RedisStore];
beforeAll(async () => {
  servers = await Promise.all([startRedis(), startRedis()]);
  stores = servers.map(({ port }) => redisStore({ host: '127.0.0.1', port })) as typeof stores;
});
beforeEach(() => Promise.all(servers.map((server) => server.command('FLUSHALL'))));
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await Promise.all(servers.map((server) => server.stop()));
});

async function walk(store: RedisStore, prefix: string, from?: string): Promise<string[]> {
  const found: string[] = [];
  let cursor = from;
  do {
    const page = await store.keys(prefix, cursor);
    found.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

const keep = (store: RedisStore) =>
  Promise.all(Array.from({ length: MANY }, (_, n) => store.create(`walk:${n}`, '{}', HOUR)));

describe('The keys in Redis', () => {
  it('are listed from the beginning again if the cursor comes from another server', async () => {
    const [one, other] = stores;
    await Promise.all([keep(one), keep(other)]);
    const { cursor } = await one.keys('walk:');
    expect(new Set(await walk(other, 'walk:', cursor)).size).toBe(MANY);
    // On the same server, it goes on.
    expect(new Set(await walk(one, 'walk:', cursor)).size).toBeLessThan(MANY);
  });

  it('are those of texts only: other types are not records', async () => {
    const [one] = stores;
    const [server] = servers;
    await one.create('walk:sid', '{}', HOUR);
    for (const line of ['HSET walk:hash a 1', 'RPUSH walk:list 1', 'ZADD walk:sorted 1 a']) await server.command(line);
    expect(await walk(one, 'walk:')).toEqual(['walk:sid']);
  });

  it('are listed without what ioredis adds to each key', async () => {
    const [{ port }] = servers;
    const store = redisStore({ host: '127.0.0.1', port, keyPrefix: 'a*:' });
    try {
      await store.create('walk:sid', '{}', HOUR);
      await stores[0].create('walk:other', '{}', HOUR);
      await stores[0].create('ab:walk:other', '{}', HOUR);
      expect(await walk(store, 'walk:')).toEqual(['walk:sid']);
    } finally {
      await store.close();
    }
  });

  it('are listed with a user that may use only the keys of the prefix, and few commands', async () => {
    const [server] = servers;
    const rules = 'on >secret resetkeys ~walk:* resetchannels -@all +get +set +eval +evalsha +scan +info +select';
    await server.command(`ACL SETUSER walker ${rules}`);
    const store = redisStore({ host: '127.0.0.1', port: server.port, username: 'walker', password: 'secret' });
    try {
      await store.create('walk:sid', '{}', HOUR);
      expect(await walk(store, 'walk:')).toEqual(['walk:sid']);
    } finally {
      await store.close();
    }
  });

  it.each(['', 'sid-1', '1/2/3', '0/run/x/0/', '0/run/0-9/-1/'])('refuse the cursor %j', async (cursor) => {
    await expect(stores[0].keys('walk:', cursor)).rejects.toThrow(TypeError);
  });
});

describe('The slots of a Cluster', () => {
  // From the specification of Redis Cluster, and CLUSTER KEYSLOT.
  it.each([
    ['123456789', 12_739],
    ['{user1000}.following', 3_443],
    ['user1000', 3_443],
    ['foo{}{bar}', 8_363],
    ['foo{{bar}}zap', 4_015],
    ['foo{bar}{zap}', 5_061],
    ['bar', 5_061],
    ['{bar', 4_015],
  ])('include that of %s', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });

  it('are ranges as text', () => {
    const slots = Slots.in('0-5,7,16383,9-10');
    expect(`${slots}`).toBe('0-5,7,9-10,16383');
    expect(`${slots.and(Slots.in('4-9'))}`).toBe('4-5,7,9');
    expect(`${slots.or(Slots.in('6,8,11-16382'))}`).toBe('0-16383');
    expect(`${slots.without(Slots.in('0-9'))}`).toBe('10,16383');
    expect(`${Slots.in('')}`).toBe('');
    expect([0, 5, 6, 7, 16_383].map((slot) => slots.has(slot))).toEqual([true, true, false, true, true]);
  });
});
