import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Store } from '../../../lib/main';
import { type RedisConnectionOptions, RedisStore, redisStore } from '../../../lib/redis';
import type { RedisClient } from '../../../lib/stores/redis/driver';
import { deadPort } from '../../helpers/network/sick-server';
import { deepFreeze } from '../../helpers/options/deep-freeze';
import { installed } from '../../helpers/package/installed';
import { startNode } from '../../helpers/programs/node-program';
import { drivers } from '../../helpers/redis/drivers';
import { startSentinel } from '../../helpers/redis/sentinel';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;
const password = 'pass/word@1';
const host = '127.0.0.1';

let redis: RedisServer;
const socketOf = ({ dir }: RedisServer) => join(dir, 'redis.sock');
beforeAll(async () => {
  redis = await startRedis({
    args: ['--unixsocket', 'redis.sock', '--user', 'ann', 'on', `>${password}`, '~*', '+@all'],
  });
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(() => redis.stop());

const stores: RedisStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));
const open = (options: RedisConnectionOptions): RedisStore => {
  const store = redisStore(options);
  stores.push(store);
  return store;
};
/** Whether the store reaches a database of the server. */
const reaches = async (store: RedisStore, db = 0, server = redis): Promise<boolean> => {
  await store.set('sid', { cookie: {}, db }, HOUR);
  return (await server.info('keyspace'))[`db${db}`]?.startsWith('keys=1,') === true;
};

describe('redisStore', () => {
  it('ends its own connection even while Redis hangs, and only once', async () => {
    const hung = await startRedis();
    try {
      const store = redisStore({ host, port: hung.port });
      await until(() => store.connected);
      await hung.kill('SIGSTOP');
      await Promise.all([store.close(), store.close()]);
      await until(() => !store.connected);
    } finally {
      await hung.kill('SIGCONT');
      await hung.stop();
    }
  });

  it.each([[5], ['redis://localhost'], [[]]])('refuses %p as options', (options) => {
    expect(() => redisStore(options as unknown as RedisConnectionOptions)).toThrow(
      'Expected `options` to be an object, got ',
    );
  });

  it('refuses any serialisation other than JSON', () => {
    expect(() => redisStore({ serialize: String })).toThrow('records are JSON');
  });

  it('reports to a Store why Redis is unavailable', async () => {
    const store = new Store(open({ host, port: await deadPort() }), { reconnectTimeout: 2_000 });
    await expect(store.get('sid')).rejects.toMatchObject({
      code: 'ERR_SESSION_STORE_UNAVAILABLE',
      cause: { code: 'ECONNREFUSED' },
    });
    await store.close();
  });

  it('refuses a url beside a client, which would be ignored', () => {
    const { client } = open({ lazyConnect: true, host, port: redis.port });
    for (const duplicate of [false, true]) {
      expect(() => redisStore({ client, duplicate, url: redis.url })).toThrow('`url` not to be given beside `client`');
    }
  });

  it('creates a RedisStore', () => {
    expect(open({ lazyConnect: true })).toBeInstanceOf(RedisStore);
    expect(() => open({ ...{ lazyConnect: true }, client: undefined })).not.toThrow();
  });

  const ways: [string, () => RedisConnectionOptions, number][] = [
    ['a url', () => ({ url: redis.url }), 0],
    ['a URL', () => ({ url: new URL(redis.url) }), 0],
    ['a url with a database', () => ({ url: `${redis.url}/3` }), 3],
    ['a url and a database beside it', () => ({ url: redis.url, db: 4 }), 4],
    ['a url and empty options beside it', () => ({ url: `${redis.url}/3`, db: undefined, password: undefined }), 3],
    ['host and port', () => ({ host, port: redis.port }), 0],
    ['a db', () => ({ host, port: redis.port, db: 5 }), 5],
    ['a path', () => ({ path: socketOf(redis) }), 0],
    ['a socket, its older name', () => ({ socket: socketOf(redis) }), 0],
  ];
  it.each(ways)('connects by %s', async (_how, options, db) => {
    const given = deepFreeze(options());
    expect(await reaches(open(given), db)).toBe(true);
  });

  const requirePass = ['--requirepass', password];
  const nobodyButAnn = ['--user', 'default', 'off', '--user', 'ann', 'on', `>${password}`, '~*', '+@all'];
  it.each([
    ['`password`', requirePass, { password }],
    ['`auth_pass`, its older name', requirePass, { auth_pass: password }],
    ['`pass`, its older name', requirePass, { pass: password }],
    ['a url', requirePass, { url: `//:${encodeURIComponent(password)}@` }],
    ['`username` and `password`', nobodyButAnn, { username: 'ann', password }],
  ])('logs in by %s', async (_how, args, { url, ...options }: RedisConnectionOptions) => {
    const locked = await startRedis({ args });
    const address = url === undefined ? { port: locked.port } : { url: locked.url.replace('//', String(url)) };
    const store = redisStore({ ...address, ...options });
    await store.set('sid', { cookie: {} }, HOUR);
    expect(await store.get('sid')).toEqual({ cookie: {} });
    await store.close();
    await locked.stop();
  });

  it('passes other options on to ioredis', async () => {
    const store = open({ host, port: redis.port, keyPrefix: 'app:' });
    await store.set('sid', { cookie: {} }, HOUR);
    expect(await redis.command('EXISTS app:sid')).toBe('1');
  });

  it('finds the primary through its Sentinels', async () => {
    const topology = await startSentinel(60_000);
    const store = redisStore(deepFreeze({ ...topology.options }));
    expect(await reaches(store, 0, topology.primary)).toBe(true);
    await store.close();
    await topology.stop();
  }, 30_000);

  it('does not end the process if there is no Redis, and can be closed', async () => {
    const store = redisStore({ host, port: 1, db: 3, disconnectTimeout: 50 });
    const heard: string[] = [];
    store.on('disconnect', () => heard.push('disconnect'));
    await until(() => heard.length > 0);
    await store.close();
    expect([heard, store.connected]).toEqual([['disconnect'], false]);
  });

  it('closes the connection that it opened', async () => {
    const store = redisStore({ host, port: redis.port });
    await store.set('sid', { cookie: {} }, HOUR);
    expect((await redis.info('clients'))['connected_clients']).toBe('2');
    await store.close();
    await until(async () => (await redis.info('clients'))['connected_clients'] === '1');
  });

  it.each([
    ['an object of another kind', {}],
    ['a Map', new Map()],
    ['a url', 'redis://127.0.0.1'],
    ['a client of node-redis 3', { get: () => undefined, set: () => undefined, evalsha: () => undefined }],
  ])('refuses %s as client', (_what, client) => {
    expect(() => redisStore({ client: client as object })).toThrow(TypeError);
    expect(() => redisStore({ client: client as object })).toThrow(
      /^Expected `client` to be a client of ioredis .*, got /,
    );
  });

  it.each<[string, unknown]>([
    ['a url', 'redis://:hunter2@localhost'],
    ['a URL', new URL('redis://:hunter2@localhost')],
  ])('says what to pass instead of %s, and shows no password', (_what, url) => {
    const open = () => redisStore(url as RedisConnectionOptions);
    expect(open).toThrow(
      new TypeError('Expected `options` to be an object, got a URL: pass it as `redisStore({ url })`'),
    );
  });

  it.each(drivers)('says how to pass a client: $name', async (driver) => {
    const client = driver.open({ host: '127.0.0.1', port: redis.port });
    expect(() => redisStore(client as unknown as RedisConnectionOptions)).toThrow(
      new TypeError('Expected `options` to be an object of options, got a client: pass it as `redisStore({ client })`'),
    );
    await driver.end(client);
  });

  it.each([undefined, null, [], 'localhost:7000'])('says that a Cluster needs nodes, not %p', (nodes) => {
    expect(() => redisStore({ isRedisCluster: true, nodes: nodes as [] })).toThrow(
      /^Expected `nodes` to be an array of at least one node, since `isRedisCluster` is true, got /,
    );
  });

  it('refuses nodes for a single server', () => {
    expect(() => redisStore({ nodes: [7000] })).toThrow(
      new TypeError(
        'Expected `isRedisCluster` to be `true`, since `nodes` are given, which only a Cluster has, got `undefined`',
      ),
    );
  });

  it('says what to do if ioredis is not installed, and needs it only to connect', async () => {
    const { folder, remove } = await installed();
    const script = `
      const { redisStore } = require(${JSON.stringify(join(folder, 'node_modules/koa-evented-session/dist/redis.js'))});
      try { redisStore({ host: '127.0.0.1' }); } catch (error) { console.log(error.name + ': ' + error.message); }
      const client = Object.assign(new (require('events'))(), { status: 'ready', evalsha() {}, eval() {}, set() {}, del() {}, disconnect() {}, get: async () => null });
      redisStore({ client }).get('sid').then((session) => console.log('got ' + session));`;
    const program = await startNode(['-e', script]);
    await program.says(/got undefined/);
    expect(program.output).toMatch(/^TypeError: redisStore\(\) needs ioredis to connect: run `npm install ioredis`/);
    await program.end();

    // A package that is installed and cannot be loaded reports the reason itself.
    await mkdir(join(folder, 'node_modules/ioredis'));
    await writeFile(join(folder, 'node_modules/ioredis/index.js'), "throw new Error('not on this Node');");
    const again = await startNode(['-e', script]);
    await again.says(/^Error: not on this Node$/m);
    await again.end();
    await remove();
  });
});

describe.each(drivers)('redisStore with a client of $name', (driver) => {
  let locked: RedisServer;
  let client: RedisClient;
  const options = () => ({ host, port: locked.port, password });
  beforeAll(async () => {
    locked = await startRedis({ args: ['--requirepass', password] });
    client = driver.open(options());
    await until(() => driver.isReady(client));
  });
  afterEach(() => client.del('sid'));
  afterAll(async () => {
    await driver.end(client);
    await locked.stop();
  });
  it('uses the given client', () => {
    expect(open({ client }).client).toBe(client);
    expect(open({ client, duplicate: false }).client).toBe(client);
  });

  it('refuses to change its database', () => {
    expect(() => redisStore({ client, db: 3 })).toThrow(TypeError);
    expect(() => redisStore({ client, db: 3 })).toThrow('Expected `db` not to be given beside `client`');
  });

  it('refuses an address for it', () => {
    expect(() => redisStore({ client, url: redis.url })).toThrow(TypeError);
    expect(() => redisStore({ client, duplicate: true, url: redis.url })).toThrow(
      'Expected `url` not to be given beside',
    );
  });

  it('leaves it open when it is closed', async () => {
    const store = redisStore({ client });
    await store.close();
    await store.set('sid', { cookie: {} }, HOUR);
    expect(await client.get('sid')).toBe('{"cookie":{}}');
  });

  it('duplicates it, and keeps the password', async () => {
    const store = open(Object.freeze({ client, duplicate: true }));
    expect(store.client).not.toBe(client);
    await store.set('sid', { cookie: {} }, HOUR);
    expect(await client.get('sid')).toBe('{"cookie":{}}');
  });

  it('duplicates it onto another database, without changing the client', async () => {
    const other = driver.open({ host, port: redis.port });
    expect(await reaches(open({ client: other, duplicate: true, db: 3 }), 3)).toBe(true);
    expect(await other.get('sid')).toBeNull();
    await driver.end(other);
  });

  it('duplicates it onto another server, with a separate user', async () => {
    const store = open({ client, duplicate: true, host, port: redis.port, username: 'ann', password });
    expect(await reaches(store)).toBe(true);
    expect(await client.get('sid')).toBeNull();
  });

  it('duplicates it onto a socket', async () => {
    const store = open({ client, duplicate: true, path: socketOf(redis), username: 'ann', password });
    expect(await reaches(store)).toBe(true);
  });
});
