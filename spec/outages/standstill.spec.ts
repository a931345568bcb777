import type { SessionStore } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { endOf, koaRedis, untilReady } from '../helpers/koa-redis-client';
import { openShop, patience } from '../helpers/outage-shop';
import { type RedisServer, startRedis } from '../helpers/redis-server';
import { until } from '../helpers/until';

interface Connected {
  client: SessionStore;
  /** What the client is asked to read, and to write. */
  methods: { read: string; write: string };
  end(): Promise<unknown>;
}

const clients: Record<string, (redis: RedisServer) => Promise<Connected>> = {
  'koa-redis': async (redis) => {
    const client = koaRedis(redis);
    await untilReady(client);
    return { client, methods: { read: 'get', write: 'set' }, end: () => endOf(client) };
  },
  RedisStore: async (redis) => {
    const client = redisStore({ host: '127.0.0.1', port: redis.port });
    await until(() => client.connected);
    return { client, methods: { read: 'load', write: 'swap' }, end: () => client.close() };
  },
};

/** As a long calculation does it to its process, or an operating system that runs others. */
function standStill(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, patience.timeout + 50);
}

/** From now on the process stands still once what `method` asks for is on its way. */
function standStillAfter(client: SessionStore, method: string): void {
  const methods = client as unknown as Record<string, (...args: unknown[]) => unknown>;
  const own = methods[method]?.bind(client);
  jest.spyOn(methods, method).mockImplementation((...args) => {
    const answer = own?.(...args);
    setImmediate(standStill);
    return answer;
  });
}

describe.each(Object.entries(clients))(
  'A process that stands still for longer than `timeout` while %s is asked',
  (_name, connect) => {
    let redis: RedisServer;
    let store: Connected;
    beforeEach(async () => {
      redis = await startRedis();
      store = await connect(redis);
    });
    afterEach(async () => {
      jest.restoreAllMocks();
      await store.end();
      await redis.stop();
    });

    it.each(['read', 'write'] as const)('takes the answer that has come meanwhile: to a %s', async (what) => {
      // A budget that is not used up by that.
      const shop = await openShop(store.client, { reconnectTimeout: 10_000 });
      const ann = shop.visitor();
      // The second one is a swap, so that Redis knows the script.
      for (const path of ['/put?user=ann', '/put?warm=1']) await ann.get(path);
      standStillAfter(store.client, store.methods[what]);
      const reply = await ann.get('/change');
      expect([reply.status, reply.text]).toEqual([200, '{"user":"ann","warm":"1"}']);
      jest.restoreAllMocks();
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob', warm: '1' });
      expect(shop.errors).toEqual([]);
    });
  },
);
