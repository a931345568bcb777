import { MemoryStore } from '../../lib/main';
import { ClassClient, compareAndSetClient, plainClient, styles } from './client-styles';
import { endOf, koaRedisKinds, untilReady } from './koa-redis-client';
import { type RedisServer, startRedis } from './redis-server';
import { compareAndSetContract, storeContract } from './store-contract';

const ttlIn = (memory: MemoryStore) => (key: string) => memory.load(key, { ttl: true })?.ttl ?? 0;

describe('The store contract', () => {
  describe('MemoryStore', () => {
    const open = () => {
      const client = new MemoryStore();
      return { client, ttlLeft: ttlIn(client), end: async () => client.close() };
    };
    storeContract(open);
    compareAndSetContract(open);
  });

  describe.each(Object.entries(styles))('a client that answers with %s', (_name, style) => {
    storeContract(() => {
      const memory = new MemoryStore();
      return { client: plainClient(style, memory), ttlLeft: ttlIn(memory), end: async () => memory.close() };
    });
  });

  describe.each(Object.entries(styles))('a client that can compare and set, and answers with %s', (_name, style) => {
    compareAndSetContract(() => {
      const memory = new MemoryStore();
      return { client: compareAndSetClient(style, memory), ttlLeft: ttlIn(memory), end: async () => memory.close() };
    });
  });

  describe('a client that is a class', () => {
    storeContract(() => {
      const memory = new MemoryStore();
      return { client: new ClassClient(memory), ttlLeft: ttlIn(memory), end: async () => memory.close() };
    });
  });

  describe.each(Object.entries(koaRedisKinds))('%s', (_name, connect) => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());

    storeContract(async () => {
      const client = connect(redis);
      await untilReady(client);
      const ttlLeft = async (key: string) => Number(await redis.command(`PTTL ${key}`));
      return { client, ttlLeft, end: () => endOf(client) };
    });
  });
});
