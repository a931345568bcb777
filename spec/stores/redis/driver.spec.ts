import { type RedisStore, redisStore } from '../../../lib/redis';
import type { RedisClient } from '../../../lib/stores/redis/driver';
import { storeContract } from '../../../lib/testing';
import { type Driver, driverOf, drivers } from '../../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe.each(drivers)('RedisStore on a client of $name', (driver: Driver) => {
  const open: { client: RedisClient; store: RedisStore }[] = [];
  const connect = async (more?: object, { port } = redis, isReady = true) => {
    const client = driver.open({ host: '127.0.0.1', port }, more);
    if (isReady) await until(() => driver.isReady(client));
    const store = redisStore({ client });
    open.push({ client, store });
    return { client, store };
  };
  const end = async () => {
    for (const { client, store } of open.splice(0)) {
      await store.close();
      await driver.end(client);
    }
  };
  afterEach(end);

  describe('keeps', () => {
    let client: RedisClient;
    beforeAll(async () => {
      await redis.command('FLUSHALL');
      client = driver.open({ host: '127.0.0.1', port: redis.port });
      await until(() => driver.isReady(client));
    });
    afterAll(() => driver.end(client));
    const open = () => {
      const store = redisStore({ client });
      return {
        client: store,
        ttlLeft: async (key: string) => Number(await redis.command(`PTTL ${key}`)),
        end: () => store.close(),
      };
    };
    storeContract('the contract:', open, { guarantee: 'compare-and-set' });
  });

  it('works after Redis has forgotten the scripts', async () => {
    const { store } = await connect();
    await redis.command('SET sid {}');
    let revision = '{}';
    for (const record of ['{"n":1}', '{"n":2}']) {
      await redis.command('SCRIPT FLUSH');
      expect(await store.swap('sid', record, HOUR, revision)).toEqual({ ok: true, revision: record });
      await redis.command('SCRIPT FLUSH');
      expect(await store.touch('sid', HOUR)).toBe(true);
      await redis.command('SCRIPT FLUSH');
      expect(await store.load('sid', { ttl: true })).toMatchObject({ record });
      revision = record;
    }
    const ends = ['mark', 'take', 'remove'] as const;
    const args = { mark: [1], take: ['null ', HOUR], remove: [] };
    for (const method of ends) {
      await redis.command('SCRIPT FLUSH');
      expect(await Reflect.apply(store[method], store, ['other', ...args[method]])).toBeNull();
    }
    await redis.command('SCRIPT FLUSH');
    expect(await Promise.all(Array.from({ length: 10 }, () => store.touch('sid', HOUR)))).not.toContain(false);
  });

  it('passes on an error of Redis', async () => {
    const { store } = await connect();
    await redis.command('DEL list');
    await redis.command('RPUSH list 1');
    const calls = [
      store.get('list'),
      store.touch('list', HOUR),
      store.swap('list', '{}', HOUR, ''),
      store.remove('list'),
      store.take('list', 'null ', HOUR),
      store.mark('list', 1),
    ];
    for (const call of calls) await expect(call).rejects.toThrow('WRONGTYPE');
    await expect(store.set('sid', { cookie: {} }, -1)).rejects.toThrow('invalid expire time');
  });

  it('ends sessions in a full Redis, even if that has forgotten the script', async () => {
    const { store } = await connect();
    const sids = ['one', 'other'];
    for (const sid of sids) await store.set(sid, { cookie: {} }, HOUR);
    await redis.command('SET moved null');
    // Under its usual policy, `noeviction`, it refuses what needs memory.
    await redis.command('CONFIG SET maxmemory 1');
    try {
      for (const call of [
        store.set('new', { cookie: {} }, HOUR),
        store.take('one', 'null ', HOUR),
        store.mark('one', 1),
      ]) {
        await expect(call).rejects.toThrow('OOM');
      }
      for (const sid of sids) {
        expect(await store.remove(sid)).toBe('{"cookie":{}}');
        await redis.command('SCRIPT FLUSH');
      }
      expect(await store.remove('moved')).toBe('null');
      expect(await redis.command('EXISTS one other moved')).toBe('1');
    } finally {
      await redis.command('CONFIG SET maxmemory 0');
    }
  });

  describe('reports an outage', () => {
    let own: RedisServer;
    beforeEach(async () => {
      own = await startRedis();
    });
    afterEach(async () => {
      await end();
      await own.stop();
    });
    const listenTo = (store: RedisStore) => {
      const heard: string[] = [];
      for (const event of ['connect', 'disconnect'] as const) store.on(event, () => heard.push(event));
      return heard;
    };

    it('once when it begins and once when it is over, each time', async () => {
      const { store } = await connect({}, own);
      const heard = listenTo(store);
      for (const outages of [1, 2]) {
        await own.kill('SIGKILL');
        await until(() => !store.connected);
        await until(() => heard.length > 0);
        expect(heard).toEqual(['disconnect']);
        await own.restart();
        await until(() => heard.length > 1);
        expect([heard, store.connected]).toEqual([['disconnect', 'connect'], true]);
        await store.set('sid', { cookie: {}, outages }, HOUR);
        expect(await store.get('sid')).toMatchObject({ outages });
        heard.length = 0;
      }
    });

    it('that exists from the beginning', async () => {
      await own.kill('SIGKILL');
      const { store } = await connect({}, own, false);
      const heard = listenTo(store);
      expect(store.connected).toBe(false);
      await own.restart();
      await until(() => heard.includes('connect'));
      expect(heard.filter((event) => event === 'connect')).toHaveLength(1);
      expect(await store.get('sid')).toBeUndefined();
    });

    it('to a client that gives up at once', async () => {
      const client = driver.open({ host: '127.0.0.1', port: own.port, retries: false });
      await until(() => driver.isReady(client));
      const store = redisStore({ client });
      open.push({ client, store });
      const heard = listenTo(store);
      await own.kill('SIGKILL');
      await until(() => heard.length > 0);
      expect([heard, store.connected]).toEqual([['disconnect'], false]);
    });

    it('when its client is closed', async () => {
      const { client, store } = await connect({}, own);
      const heard = listenTo(store);
      await client.quit();
      await until(() => heard.length > 0);
      expect([heard, store.connected]).toEqual([['disconnect'], false]);
    });
  });

  describe('with a duplicated connection,', () => {
    it('closes only that one', async () => {
      const { client } = await connect();
      const before = await redis.info('clients');
      const store = redisStore({ client, duplicate: true });
      await until(() => store.connected);
      await store.set('sid', { cookie: {}, user: 'ann' }, HOUR);
      await store.close();
      await until(async () => (await redis.info('clients'))['connected_clients'] === before['connected_clients']);
      expect(JSON.parse(String(await client.get('sid')))).toMatchObject({ user: 'ann' });
    });

    it('can be closed while Redis is away', async () => {
      const own = await startRedis();
      const { client } = await connect({}, own);
      const store = redisStore({ client, duplicate: true });
      await until(() => store.connected);
      await own.kill('SIGKILL');
      await until(() => !store.connected);
      await store.close();
      await end();
      await own.stop();
    });

    it('can be closed before it is connected', async () => {
      const { client } = await connect();
      const before = await redis.info('clients');
      const store = redisStore({ client, duplicate: true });
      const ended = new Promise<void>((resolve) => store.client.on('end', () => resolve()));
      await store.close();
      await ended;
      await until(async () => (await redis.info('clients'))['connected_clients'] === before['connected_clients']);
    });
  });

  it('leaves nothing behind on the client', async () => {
    const { client, store } = await connect();
    const events = ['ready', 'close', 'reconnecting', 'end', 'connect', 'disconnect'];
    const counts = () => events.map((event) => client.listenerCount(event));
    const with1 = counts();
    const more = Array.from({ length: 20 }, () => redisStore({ client }));
    expect(counts()).toEqual(with1);
    await Promise.all([...more, store].map((it) => it.close()));
    const clean = driver.open({ host: '127.0.0.1', port: redis.port });
    expect(counts()).toEqual(events.map((event) => clean.listenerCount(event)));
    await until(() => driver.isReady(clean));
    await driver.end(clean);
  });
});

describe('RedisStore on a client of ioredis', () => {
  it.each([
    ['that returns numbers as strings', { stringNumbers: true }],
    ['that puts a prefix before its keys', { keyPrefix: 'app:' }],
    ['that connects with its first command', { lazyConnect: true }],
    ['that bundles commands', { enableAutoPipelining: true }],
  ])('works with one %s', async (_which, more) => {
    const driver = driverOf('ioredis5');
    const client = driver.open({ host: '127.0.0.1', port: redis.port }, more);
    const store = redisStore({ client });
    await redis.command('FLUSHALL');
    expect(await store.create('sid', '{}', HOUR)).toBe('{}');
    expect(await store.swap('sid', '{"n":1}', HOUR, '{}')).toEqual({ ok: true, revision: '{"n":1}' });
    expect(await store.swap('sid', '{"n":2}', HOUR, '{}')).toMatchObject({ ok: false, record: '{"n":1}' });
    expect(await store.touch('sid', HOUR)).toBe(true);
    expect(await store.touch('missing', HOUR)).toBe(false);
    expect(await store.load('sid', { ttl: true })).toMatchObject({ record: '{"n":1}', ttl: expect.any(Number) });
    await store.close();
    await driver.end(client);
  });
});
