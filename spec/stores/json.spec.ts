import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cookieStore } from '../../lib/cookie';
import { type ExpressStoreLike, fromExpressStore } from '../../lib/express';
import { fromKeyv, type KeyvLike } from '../../lib/keyv';
import { knexStore } from '../../lib/knex';
import { fromKoaSessionStore, type KoaSessionStoreLike } from '../../lib/koa-session-store';
import session, { MemoryStore, type SessionOptions } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { VALUES } from '../../lib/testing/values';
import { sqlDatabases } from '../helpers/databases/sql-databases';
import { driverOf } from '../helpers/redis/drivers';
import { koaRedis, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { interop } from '../interop';

type ExpressStore = new (options?: object) => ExpressStoreLike;
const expressSession = interop('express-session') as { MemoryStore: ExpressStore };
const ofExpress = (name: string) => (interop(name) as (session: unknown) => ExpressStore)(expressSession);
const { Keyv } = interop('keyv') as { Keyv: new (options: object) => KeyvLike };
const { default: KeyvRedis } = interop('@keyv/redis') as {
  default: new (url: string, options: object) => { disconnect(): Promise<void> };
};

let redis: RedisServer;
const ends: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => redis.stop());

/** All that sessions can be kept in: the servers that are missing here pass the contract, which asks for the same. */
const stores: Record<string, () => SessionOptions['store'] | Promise<SessionOptions['store']>> = {
  'a MemoryStore': () => new MemoryStore(),
  'a RedisStore': () => {
    const store = redisStore({ url: redis.url });
    ends.push(() => store.close());
    return store;
  },
  'a KnexStore': async () => {
    const database = await sqlDatabases.SQLite();
    ends.push(() => database.stop());
    return knexStore({ knex: database.open(), sweepInterval: 0 });
  },
  'the cookie': () => cookieStore({ keys: [randomBytes(64)] }),
  'koa-redis': async () => {
    const client = koaRedis(redis);
    ends.push(() => client.client.disconnect());
    await untilReady(client);
    return client;
  },
  'Keyv in memory': () => fromKeyv(new Keyv({ throwOnErrors: true })),
  'Keyv in Redis': () => {
    const adapter = new KeyvRedis(redis.url, { throwOnErrors: true });
    ends.push(() => adapter.disconnect());
    return fromKeyv(new Keyv({ store: adapter, throwOnErrors: true }));
  },
  'the MemoryStore of express-session': () => fromExpressStore(new expressSession.MemoryStore()),
  memorystore: () => fromExpressStore(new (ofExpress('memorystore'))()),
  'session-file-store': async () => {
    const path = await mkdtemp(join(tmpdir(), 'spec-sessions-'));
    ends.push(() => rm(path, { recursive: true }));
    return fromExpressStore(new (ofExpress('session-file-store'))({ path, retries: 0, logFn: () => undefined }));
  },
  'connect-redis': () => {
    const driver = driverOf('redis5');
    const client = driver.open({ host: '127.0.0.1', port: redis.port });
    ends.push(() => driver.end(client));
    const { RedisStore } = interop('connect-redis') as { RedisStore: ExpressStore };
    return fromExpressStore(new RedisStore({ client }));
  },
  'koa-session-local': () => fromKoaSessionStore(new (interop('koa-session-local') as new () => KoaSessionStoreLike)()),
  'a client that was written by hand': () => new MapClient(),
};

const all = () => Object.fromEntries(Object.entries(VALUES).map(([name, make]) => [name, make()]));
const inJson = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value));

const routes: Routes = {
  '/put-all': async (ctx) => {
    const own = JSON.parse('{"__proto__":{"admin":true}}') as object;
    Object.defineProperties(Object.assign(await sessionOf(ctx), all()), Object.getOwnPropertyDescriptors(own));
  },
};

describe('A session keeps what JSON keeps, in', () => {
  it.each(Object.entries(stores))('%s', async (_name, open) => {
    const store = await open();
    const sessions = session({ store });
    ends.unshift(() => sessions.close());
    const site = await closedAfterTest(openSite({ use: sessions, routes }));
    const ann = site.visitor();
    await ann.get('/put-all');
    const kept = { ...inJson(all()), ...JSON.parse('{"__proto__":{"admin":true}}') };
    expect((await ann.get('/see')).json()).toStrictEqual(kept);
    // Read, changed by one request and written again, it still does.
    await ann.get('/put?more=1');
    expect((await ann.get('/see')).json()).toStrictEqual({ ...kept, more: '1' });
    expect(site.errors).toEqual([]);
    if (sessions.store.usesTokens) return;
    for (const [name, make] of Object.entries(VALUES)) {
      await sessions.store.set(name, { cookie: {}, value: make() });
      const { value } = inJson(await sessions.store.get(name));
      expect([name, value]).toStrictEqual([name, inJson({ value: make() })['value']]);
    }
  });
});
