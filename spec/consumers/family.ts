// Every store of the family, as its users have it: given without a cast.

import KeyvRedis from '@keyv/redis';
import { metrics, trace } from '@opentelemetry/api';
import { RedisStore as ConnectRedis } from 'connect-redis';
import expressSession from 'express-session';
import Redis5, { Cluster } from 'ioredis5';
import Redis6 from 'ioredis6';
import { Keyv } from 'keyv';
import knex from 'knex';
import session, { MemoryStore, type Session, type SessionStore, Store } from 'koa-evented-session';
import { fromExpressStore } from 'koa-evented-session/express';
import { fromKeyv } from 'koa-evented-session/keyv';
import { knexStore } from 'koa-evented-session/knex';
import { fromKoaSessionStore } from 'koa-evented-session/koa-session-store';
import { instrumentSessions } from 'koa-evented-session/opentelemetry';
import { redisStore } from 'koa-evented-session/redis';
import { sealed } from 'koa-evented-session/sealed';
import { storeContract } from 'koa-evented-session/testing';
import MysqlStore from 'koa-mysql-session';
import koaRedis from 'koa-redis';
import LocalSessionStore from 'koa-session-local';
import memorystore from 'memorystore';
import * as redis4 from 'redis4';
import * as redis6 from 'redis6';
import fileStore from 'session-file-store';

/** A class of one's own, typed throughout. */
class Records implements SessionStore {
  readonly #records = new Map<string, Session>();

  get(key: string): Session | null {
    return this.#records.get(key) ?? null;
  }

  async set(key: string, stored: Session, ttl: number): Promise<void> {
    if (ttl > 0) this.#records.set(key, stored);
  }

  destroy(key: string): boolean {
    return this.#records.delete(key);
  }
}

const MemoryOfExpress = memorystore(expressSession);
const FileStore = fileStore(expressSession);

session({ store: new MemoryStore({ max: 1000 }) });
session({ store: new Store(new MemoryStore(), { prefix: 'shop:sess:' }) });
session({ store: new Records() });
session({ store: { get: () => null, set: async () => 'OK', destroy: () => 1 } });
session({ store: koaRedis({ url: 'redis://127.0.0.1' }) });
session({ store: new MysqlStore({ host: '127.0.0.1' }) });
session({ store: redisStore() });
session({ store: redisStore({ url: 'redis://127.0.0.1' }) });
session({ store: redisStore({ client: new Redis5() }) });
session({ store: redisStore({ client: new Cluster([{ port: 6379 }]) }) });
session({ store: redisStore({ client: new Redis6() }) });
session({ store: redisStore({ client: redis4.createClient() }) });
session({ store: redisStore({ client: redis6.createClient() }) });
session({ store: redisStore({ client: redis6.createCluster({ rootNodes: [] }) }) });
session({ store: knexStore({ knex: knex({ client: 'pg' }), table: 'sessions' }) });
session({ store: sealed(redisStore(), { keys: ['secret', Buffer.from('secret')], readPlainUntil: new Date() }) });
session({ store: sealed(knexStore({ knex: knex({ client: 'pg' }) }), { keys: ['secret'] }) });
session({ store: fromExpressStore(new expressSession.MemoryStore()) });
session({ store: fromExpressStore(new ConnectRedis({ client: redis6.createClient() })) });
session({ store: fromExpressStore(new MemoryOfExpress({ checkPeriod: 1000 })) });
session({ store: fromExpressStore(new FileStore({ path: 'sessions' })) });
session({ store: fromKeyv(new Keyv({ throwOnErrors: true })) });
session({ store: fromKeyv(new Keyv({ store: new KeyvRedis('redis://127.0.0.1'), throwOnErrors: true })) });
session({ store: fromKoaSessionStore(new LocalSessionStore()) });

instrumentSessions({ tracerProvider: trace.getTracerProvider(), meterProvider: metrics.getMeterProvider() })();

const runner = { describe: (_name: string, work: () => void) => work(), it: () => undefined };
storeContract('a class of my own', () => new Records(), runner);
