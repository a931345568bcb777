import { execFileSync } from 'node:child_process';
import type { SessionStore } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { endOf, koaRedis, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { at, openShop, patient } from '../helpers/sites/outage-shop';
import { standStill } from '../helpers/time/stand-still';
import { until } from '../helpers/time/until';

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

const timeout = 500;

/** When the call of `method` is on its way to Redis, the process blocks until Redis has answered. */
function standStillAfter(client: SessionStore, method: string, { port }: RedisServer): jest.SpyInstance {
  const methods = client as unknown as Record<string, (...args: unknown[]) => unknown>;
  const own = methods[method]?.bind(client);
  return jest.spyOn(methods, method).mockImplementation((...args) => {
    const answer = own?.(...args);
    setImmediate(() => {
      standStill(timeout + 50);
      execFileSync('redis-cli', ['-p', String(port), 'PING']);
    });
    return answer;
  });
}

describe.each(Object.entries(clients))(
  'A process that is blocked for longer than `timeout` while %s is called',
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

    it.each([
      ['read', 'all that the request may wait', { reconnectTimeout: timeout }],
      ['write', 'all that the request may wait', { reconnectTimeout: timeout }],
      ['read', 'a part of it', { reconnectTimeout: 10_000 }],
      ['write', 'a part of it', { reconnectTimeout: 10_000 }],
    ] as const)('accepts the answer to a %s that has arrived, whether it is %s', async (what, _part, options) => {
      const shop = await openShop(store.client, { timeout, ...options });
      const ann = (await openShop(store.client, patient)).visitor();
      // The second one is a swap, so that Redis knows the script.
      for (const path of ['/put?user=ann', '/put?warm=1']) expect((await ann.get(path)).status).toBe(200);
      const asked = standStillAfter(store.client, store.methods[what], redis);
      const reply = await at(shop, ann).get('/change');
      expect([reply.status, reply.text, asked.mock.calls.length]).toEqual([200, '{"user":"ann","warm":"1"}', 1]);
      jest.restoreAllMocks();
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob', warm: '1' });
      expect(shop.errors).toEqual([]);
    });
  },
);
