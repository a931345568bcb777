import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import Koa from 'koa';
import session, { type SessionStore, Store } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import type { NodeRedisClient } from '../../lib/stores/redis/driver';
import { browser, serve } from '../helpers/http/serve';
import { deadPort } from '../helpers/network/sick-server';
import { drivers } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { ioRedisNames, redisStoreOn } from '../helpers/redis/store-on-driver';
import { MapClient } from '../helpers/stores/map-client';
import { until } from '../helpers/time/until';
import { interop } from '../interop';

const host = '127.0.0.1';
const unavailable = 'session store is unavailable: ';
const ours = { disconnectTimeout: 50 };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ args: ['--requirepass', 'right'] });
});
afterAll(() => redis.stop());

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const storeOn = (client: SessionStore & { close?(): Promise<void> }, reconnectTimeout = 150) => {
  const store = new Store(client, { reconnectTimeout });
  ends.push(
    () => client.close?.(),
    () => store.close(),
  );
  return store;
};
const messageOf = async (store: Store): Promise<string> => {
  // On a busy machine, the first connection fails after more time than a store waits.
  for (let tries = 1; ; tries += 1) {
    const message = await store.get('sid').then(
      () => 'an answer',
      (error: Error) => error.message,
    );
    if (tries === 20 || !/^session store [^:]+$/.test(message)) return message;
    await pause(50);
  }
};

describe('An unavailable store reports the reason', () => {
  it.each(ioRedisNames)('nothing listens: %s', async (name) => {
    const port = await deadPort();
    const store = storeOn(redisStoreOn(name).redisStore({ host, port, ...ours }));
    expect(await messageOf(store)).toBe(`${unavailable}connect ECONNREFUSED ${host}:${port}`);
  });

  it.each(ioRedisNames)('the password is wrong: %s', async (name) => {
    const client = redisStoreOn(name).redisStore({ host, port: redis.port, password: 'wrong', ...ours });
    expect(await messageOf(storeOn(client))).toMatch(
      /^session store is unavailable: .*WRONGPASS invalid username-password pair/,
    );
  });

  it.each(drivers)('the password is wrong: a client of $name', async (driver) => {
    const client = driver.open({ host, port: redis.port, password: 'wrong' });
    ends.push(() => driver.end(client));
    expect(await messageOf(storeOn(redisStore({ client })))).toMatch(
      /^session store is unavailable: .*WRONGPASS invalid/,
    );
  });

  it.each(drivers.filter(({ name }) => name.startsWith('redis')))(
    'it was never connected: a client of $name',
    async ({ name }) => {
      const { createClient } = interop(name) as { createClient(options: object): NodeRedisClient };
      const client = createClient({ password: 'right', socket: { host, port: redis.port } });
      const store = storeOn(redisStore({ client }), 100);
      // node-redis 4 does not tell.
      const orClosed = name === 'redis4' ? ', or was closed' : '';
      const reason = `the client was never connected${orClosed}: await client.connect()`;
      expect(await messageOf(store)).toBe(unavailable + reason);
      await client.connect();
      expect(await messageOf(store)).toBe('an answer');
      await client.quit();
      await until(() => store.status !== 'available');
      expect(await messageOf(store)).toBe(`${unavailable}the client was closed`);
    },
  );

  it.each(drivers.filter(({ name }) => name.startsWith('redis')))(
    'it was closed before the middleware got it: a client of $name',
    async ({ name }) => {
      const { createClient } = interop(name) as { createClient(options: object): NodeRedisClient };
      const client = createClient({ password: 'right', socket: { host, port: redis.port } });
      await client.connect();
      await client.quit();
      const reason =
        name === 'redis4'
          ? 'the client was never connected, or was closed: await client.connect()'
          : 'the client was closed';
      expect(await messageOf(storeOn(redisStore({ client }), 100))).toBe(unavailable + reason);
    },
  );

  it.each(drivers)('nothing listens: a Cluster of $name', async (driver) => {
    const port = await deadPort();
    const client = driver.openCluster([{ host, port }]);
    ends.push(() => driver.end(client).catch(() => undefined));
    const store = storeOn(redisStore({ client }));
    // ioredis keeps to itself why.
    const why = driver.name.startsWith('io')
      ? `no connection to ${host}:${port}, a node of the Cluster`
      : `connect ECONNREFUSED ${host}:${port}`;
    expect(await messageOf(store)).toBe(`${unavailable}${why}`);
  });

  it.each(['redis4', 'redis5', 'redis6'])('a Cluster of %s was never connected', async (name) => {
    const { createCluster } = interop(name) as { createCluster(options: object): NodeRedisClient };
    const client = createCluster({ rootNodes: [{ socket: { host, port: await deadPort() } }] });
    expect(await messageOf(storeOn(redisStore({ client })))).toBe(
      `${unavailable}the client was never connected, or was closed: await client.connect()`,
    );
  });

  it.each(['redis5', 'redis6'])('a pool of %s was never connected, or was closed', async (name) => {
    const { createClientPool } = interop(name) as { createClientPool(options: object): NodeRedisClient };
    const pool = createClientPool({ password: 'right', socket: { host, port: redis.port } });
    const store = storeOn(redisStore({ client: pool }));
    const away = `${unavailable}the pool was never connected, or was closed: await pool.connect()`;
    expect(await messageOf(store)).toBe(away);
    await expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_UNAVAILABLE' });
    await pool.connect();
    expect(await messageOf(store)).toBe('an answer');
    await (pool as unknown as { close(): Promise<void> }).close();
    expect(await messageOf(store)).toBe(away);
  });

  const asked = 'session store gave no answer to "get" within 150 ms: ';
  it.each(ioRedisNames)('its first command opens it, and nothing listens: %s', async (name) => {
    const port = await deadPort();
    const store = storeOn(redisStoreOn(name).redisStore({ host, port, lazyConnect: true, ...ours }));
    expect(await messageOf(store)).toBe(`${asked}connect ECONNREFUSED ${host}:${port}`);
    await expect(store.get('sid')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  it('nothing listens: a pool of redis6', async () => {
    const { createClientPool } = interop('redis6') as { createClientPool(options: object): NodeRedisClient };
    const port = await deadPort();
    const pool = createClientPool({ socket: { host, port, reconnectStrategy: 20 } });
    pool.on('error', () => undefined);
    pool.connect().catch(() => undefined);
    ends.push(() => pool.destroy?.());
    expect(await messageOf(storeOn(redisStore({ client: pool })))).toBe(`${asked}connect ECONNREFUSED ${host}:${port}`);
  });

  it('its client was ended', async () => {
    const store = storeOn(redisStore({ host, port: redis.port, password: 'right', ...ours }), 100);
    expect(await messageOf(store)).toBe('an answer');
    await (store.client as unknown as { client: NodeRedisClient }).client.quit();
    await until(() => store.status !== 'available');
    expect(await messageOf(store)).toBe(`${unavailable}the client was closed`);
  });

  it('the middleware was closed', async () => {
    const store = storeOn(new MapClient());
    await store.close();
    expect(await messageOf(store)).toBe(`${unavailable}the session middleware was closed`);
  });

  it('in the line that Koa itself logs', async () => {
    const app = new Koa();
    app.keys = ['the key of the specs, of more than 32 bytes'];
    const port = await deadPort();
    const client = redisStore({ host, port, ...ours });
    const failed = new Promise((resolve) => client.once('error', resolve));
    const sessions = session({ store: client, reconnectTimeout: 100 });
    app.use(sessions).use((ctx) => {
      ctx.session = { cookie: {}, user: 'ann' };
    });
    const log = jest.spyOn(console, 'error').mockImplementation();
    const server = await serve(app);
    await failed;
    expect((await browser(server.url).get('/')).status).toBe(500);
    expect(String(log.mock.calls)).toContain(`${unavailable}connect ECONNREFUSED ${host}:${port}`);
    log.mockRestore();
    await server.close();
    await sessions.close();
    await client.close();
  });
});

describe('`disconnect` has the reason as its argument', () => {
  it.each(ioRedisNames)('nothing listens: %s', async (name) => {
    const store = storeOn(redisStoreOn(name).redisStore({ host, port: await deadPort(), ...ours }));
    const heard = await new Promise((resolve) => store.on('disconnect', resolve));
    expect(heard).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it.each(drivers)('nothing listens: a client of $name', async (driver) => {
    const client = driver.open({ host, port: await deadPort() });
    ends.push(() => driver.end(client));
    const store = storeOn(redisStore({ client }));
    const heard = await new Promise((resolve) => store.on('disconnect', resolve));
    expect(heard).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('and no argument if the client gives no reason', () => {
    const store = storeOn(Object.assign(new EventEmitter(), new MapClient(), plain) as unknown as SessionStore);
    const heard: unknown[] = [];
    store.on('disconnect', (...args) => heard.push(args));
    (store.client as unknown as EventEmitter).emit('disconnect');
    expect(heard).toEqual([[undefined]]);
  });
});

const plain = { get: () => null, set: () => undefined, destroy: () => undefined };
