import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Koa from 'koa';
import session, { type SessionStore, Store, type StoreError } from '../../../lib/main';
import { type RedisStore, redisStore } from '../../../lib/redis';
import { browser, serve } from '../../helpers/http/serve';
import { driverOf } from '../../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { ioRedisNames, redisStoreOn } from '../../helpers/redis/store-on-driver';
import { until } from '../../helpers/time/until';

const host = '127.0.0.1';
const db = 99;
const HOUR = 60 * 60 * 1000;
const refused = 'ERR DB index is out of range';
const ours = { disconnectTimeout: 50 };
const nodeRedisNames = ['redis4', 'redis5', 'redis6'];

let redis: RedisServer;
/** Starts the server again with that many databases. */
const restartWith = async (databases: number) => {
  await writeFile(join(redis.dir, 'redis.conf'), `databases ${databases}`);
  await redis.restart();
};
const keys = async () => Object.keys(await redis.info('keyspace')).filter((name) => name.startsWith('db'));
const connections = async () => Number((await redis.info('stats'))['total_connections_received']);

beforeAll(async () => {
  redis = await startRedis({ config: ['databases 16'] });
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(() => redis.stop());

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const opened = <S extends SessionStore & { close(): Promise<void> }>(client: S): S => {
  ends.push(() => client.close());
  return client;
};
const storeOn = (client: SessionStore, reconnectTimeout = 150) => {
  const store = new Store(client, { reconnectTimeout });
  ends.push(() => store.close());
  return store;
};
/** A busy machine may take longer than a store waits, but not for ever. */
const eventually = (work: () => Promise<unknown>) => until(() => work().then(Boolean, () => false));
/** The first connection has failed. On a busy machine that takes longer than a store waits. */
const failureOf = (client: RedisStore) => new Promise((resolve) => client.once('error', resolve));
const duplicateOn = (name: string) => {
  const driver = driverOf(name);
  const client = driver.open({ host, port: redis.port });
  ends.push(() => driver.end(client));
  return opened(redisStore({ client, duplicate: true, db }));
};

const kinds = [
  ...ioRedisNames.flatMap((name) => {
    const open = (options: object) => opened(redisStoreOn(name).redisStore({ ...ours, ...options }));
    return [
      { kind: `${name}, \`db\``, open: () => open({ host, port: redis.port, db }) },
      { kind: `${name}, a url`, open: () => open({ url: `${redis.url}/${db}` }) },
      {
        kind: `${name}, without its ready check`,
        open: () => open({ host, port: redis.port, db, enableReadyCheck: false, disableClientInfo: true }),
      },
      {
        kind: `${name}, without its queue`,
        open: () => open({ url: `${redis.url}/${db}`, enableOfflineQueue: false }),
      },
      { kind: `${name}, a duplicate`, open: () => duplicateOn(name) },
    ];
  }),
  ...nodeRedisNames.map((name) => ({ kind: `${name}, a duplicate`, open: () => duplicateOn(name) })),
];

describe('A database that the server refuses', () => {
  it('makes every store unavailable, and no other database gets a record', async () => {
    const before = await connections();
    const heard: string[] = [];
    const failures = await Promise.all(
      kinds.map(async ({ kind, open }) => {
        const client = open();
        client.on('connect', () => heard.push(kind));
        const store = storeOn(client);
        const failed = failureOf(client);
        // A call that does not wait for the connection.
        client.set(`early, ${kind}`, { cookie: {} }, HOUR).catch(() => undefined);
        await failed;
        const error = await store.set(kind, { cookie: {} }, HOUR).catch((failure: unknown) => failure);
        const { code, message } = error as StoreError;
        return { kind, code, message, connected: client.connected };
      }),
    );
    const code = 'ERR_SESSION_STORE_UNAVAILABLE';
    const message = `session store is unavailable: ${refused}`;
    expect(failures).toEqual(kinds.map(({ kind }) => ({ kind, code, message, connected: false })));
    expect([await keys(), heard]).toEqual([[], []]);
    // Each has tried again after 50, 100, 150 ms and so on.
    expect((await connections()) - before).toBeLessThan(20 * kinds.length);
  });

  it('fails requests with the reason, and is reported once for each connection', async () => {
    const app = new Koa();
    app.keys = ['secret'];
    const errors: string[] = [];
    app.on('error', (error: Error) => errors.push(error.message));
    const client = opened(redisStore({ host, port: redis.port, db, retryStrategy: () => 10_000, ...ours }));
    const heard: string[] = [];
    client.on('error', (error) => heard.push((error as Error).message));
    const sessions = session({ store: client, reconnectTimeout: 100 });
    app.use(sessions).use((ctx) => {
      ctx.session = { cookie: {}, user: 'ann' };
    });
    const server = await serve(app);
    ends.push(
      () => sessions.close(),
      () => server.close(),
    );
    await until(() => heard.length > 0);
    expect((await browser(server.url).get('/')).status).toBe(500);
    expect(errors).toEqual([`session store is unavailable: ${refused}`]);
    expect([heard, await keys()]).toEqual([[refused], []]);
  });

  it.each(ioRedisNames)('fails the command that opens the connection: %s', async (name) => {
    const options = { host, port: redis.port, db, lazyConnect: true, ...ours };
    const store = storeOn(opened(redisStoreOn(name).redisStore(options)), 30_000);
    await expect(store.set('sid', { cookie: {} }, HOUR)).rejects.toThrow(refused);
    expect(await keys()).toEqual([]);
  });

  it('does not hide a wrong password, and everything works once the password is right', async () => {
    await redis.command('ACL SETUSER ann reset on >right ~* +@all');
    const options = { host, port: redis.port, db: 1, username: 'ann', password: 'other', ...ours };
    const clients = ioRedisNames.map((name) => opened(redisStoreOn(name).redisStore(options)));
    const stores = clients.map((client) => storeOn(client));
    await Promise.all(clients.map(failureOf));
    const failures = await Promise.all(stores.map((store) => store.get('sid').catch((error: Error) => error.message)));
    expect(failures).toEqual(stores.map(() => expect.stringMatching(/WRONGPASS/)));
    await redis.command('ACL SETUSER ann >other');
    await eventually(() => Promise.all(stores.map((store) => store.set('sid', { cookie: {} }, HOUR))));
    expect(await keys()).toEqual(['db1']);
  });
});

describe('A server that has the database again', () => {
  const ofEach = kinds.filter(({ kind }) => /`db`|check|redis\d, a dup/.test(kind) && !/ioredis\d, a dup/.test(kind));
  it('serves every store, which has written to no other database', async () => {
    await restartWith(100);
    const all = ofEach.map(({ kind, open }) => {
      const client = open();
      return { kind, client, store: storeOn(client) };
    });
    const available = () =>
      until(() => all.every(({ store, client }) => client.connected && store.status === 'available'));
    const set = () => Promise.all(all.map(({ kind, store }) => store.set(kind, { cookie: {} }, HOUR)));
    // Without the prefix, and before the connection is open.
    const early = Promise.all(all.map(({ kind, client }) => client.set(kind, { cookie: {} }, HOUR)));
    await available();
    await early;
    await eventually(set);
    expect((await redis.info('keyspace'))['db99']).toMatch(`keys=${2 * all.length},`);

    // Commands without an answer, and commands behind them.
    await redis.kill('SIGSTOP');
    const long = 'x'.repeat(100_000);
    const pending = all.flatMap(({ kind, client }) => {
      const answers = Array.from({ length: 40 }, (_, n) =>
        client.set(`pending-${n}`, { cookie: {}, long }, HOUR).catch(() => undefined),
      );
      // ioredis 4 drops them, unsettled, if the next connection closes before its handshake is answered.
      return kind.startsWith('ioredis4') ? [] : answers;
    });
    await restartWith(16);
    const away = await Promise.allSettled(all.map(({ store }) => store.get('sid')));
    expect(away).toEqual(all.map(() => ({ status: 'rejected', reason: expect.any(Error) })));
    await until(async () => {
      const errors = await Promise.all(all.map(({ store }) => store.get('sid').catch(String)));
      return errors.every((error) => String(error).endsWith(`is unavailable: ${refused}`));
    });
    expect(await keys()).toEqual([]);

    await restartWith(100);
    await available();
    await eventually(set);
    await Promise.all(pending);
    expect(await keys()).toEqual(['db99']);
  });
});
