import { Redis } from 'ioredis5';
import session from '../../../lib/main';
import { redisStore } from '../../../lib/redis';
import type { NodeRedisClient } from '../../../lib/stores/redis/driver';
import { type ConnectOptions, driverOf, drivers } from '../../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { idOf, openTwo } from '../../helpers/sites/endings-contract';
import { openWatching } from '../../helpers/sites/watching-sites';
import { fakeIntervals } from '../../helpers/time/fake-clock';
import { until } from '../../helpers/time/until';
import { interop } from '../../interop';

type Pool = NodeRedisClient & { destroy(): void };

const host = '127.0.0.1';

let redis: RedisServer;
const opened: { close(): unknown }[] = [];
beforeAll(async () => {
  redis = await startRedis({ config: ['appendonly yes'] });
});
beforeEach(() => redis.command('FLUSHALL'));
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});
afterAll(() => redis.stop());

const storeOn = (name: string, options: Partial<ConnectOptions> = {}, more?: object) => {
  const driver = driverOf(name);
  const client = driver.open({ host, port: redis.port, ...options }, more);
  const store = redisStore({ client });
  opened.push(store, { close: () => driver.end(client) });
  return store;
};

describe.each(drivers.map(({ name }) => name))('Another process, on %s,', (name) => {
  it('is told by a process on another driver, and leaves no connection', async () => {
    const stores = [storeOn('ioredis5'), storeOn(name)];
    const { ann, here, there } = await openTwo(() => stores.shift() as ReturnType<typeof storeOn>);
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect([there.told, there.site.errors]).toEqual([['logout'], []]);
    await Promise.all([here.sessions.close(), there.sessions.close()]);
    await until(async () => !(await redis.command('CLIENT LIST')).includes('cmd=subscribe'));
  });

  it('is told of an end whose message was lost while Redis was away, and of the next', async () => {
    const { ann, there } = await openTwo(() => storeOn(name));
    const client = new Redis(redis.url);
    await client.del(there.sessions.store.keyOf(String(await idOf(ann, there))));
    client.disconnect();
    await redis.kill();
    await redis.restart();
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['gone']);
    await until(async () => (await ann.get('/login?user=ann')).status === 200);
    await there.listens();
    await ann.get('/logout');
    await until(() => there.ended.length > 1);
    expect(there.ended.map(({ reason }) => reason)).toEqual(['gone', 'logout']);
  });
});

it.each<[string, object]>([
  ['maxRetriesPerRequest', { maxRetriesPerRequest: 0 }],
  ['lazyConnect', { lazyConnect: true }],
  ['enableOfflineQueue: false', { enableOfflineQueue: false }],
  ['keyPrefix', { keyPrefix: 'shop:' }],
])('Another process is told on ioredis with %s', async (_option, more) => {
  const { ann, there } = await openTwo(() => storeOn('ioredis5', {}, more));
  await ann.get('/logout');
  await until(() => there.told.length > 0);
  expect(there.told).toEqual(['logout']);
});

it('Processes with other keys are told nothing: those of another database, or with another `keyPrefix`', async () => {
  const ways: [string, Partial<ConnectOptions>, object][] = [
    ['ioredis5', {}, {}],
    ['ioredis5', { db: 1 }, {}],
    ['redis5', { db: 1 }, {}],
    ['ioredis5', {}, { keyPrefix: 'shop:' }],
  ];
  const heard = ways.map(() => 0);
  const stores = ways.map((way) => storeOn(...way));
  for (const [n, store] of stores.entries()) {
    await new Promise<void>((resolve) => {
      const stop = store.subscribe('endings', () => (heard[n] = Number(heard[n]) + 1), resolve);
      opened.unshift({ close: stop });
    });
  }
  await stores[1]?.publish('endings', 'text');
  await until(() => heard[1] === 1 && heard[2] === 1);
  await stores[3]?.publish('endings', 'text');
  await until(() => heard[3] === 1);
  expect(heard).toEqual([0, 1, 1, 1]);
});

it('A user who may not listen causes one process warning, and is told by the look-up', async () => {
  const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  await redis.command('ACL SETUSER deaf on nopass ~* &* +@all -subscribe -publish');
  const store = storeOn('ioredis5', { username: 'deaf', password: 'x' });
  fakeIntervals();
  try {
    const there = await openWatching({ store, user: null });
    opened.unshift(there.sessions);
    const ann = there.site.visitor();
    await ann.get('/put?a=1');
    await ann.get('/watch');
    await redis.command(`DEL ${there.sessions.store.keyOf(String(await idOf(ann, there)))}`);
    await until(() => warnings.mock.calls.length > 0);
    jest.advanceTimersByTime(60_000);
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['gone']);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings.mock.calls[0]?.[0]).toContain(
      'needs the rights +subscribe and &koa:sess:endings of the Redis user',
    );
  } finally {
    jest.useRealTimers();
    warnings.mockRestore();
  }
});

it('A store on a pool of node-redis is asked every three seconds, and tells the others', async () => {
  const { createClientPool } = interop('redis5') as { createClientPool(options: object): Pool };
  const pool = createClientPool({ socket: { host, port: redis.port } });
  await pool.connect();
  opened.push({ close: () => pool.destroy() });
  const sessions = session({ store: redisStore({ client: pool }), broadcastEndings: true });
  opened.unshift(sessions);
  const heard: string[] = [];
  const listening = storeOn('ioredis5');
  await new Promise<void>((resolve) => {
    opened.unshift({ close: listening.subscribe('koa:sess:endings', (text) => heard.push(text), resolve) });
  });
  sessions.store.endings?.announce('handle', 'operator');
  await until(() => heard.length > 0);
  expect(JSON.parse(String(heard[0]))).toMatchObject({ handle: 'handle', reason: 'operator' });
});
