import koaRedis from 'koa-redis';
import * as expressModule from '../../lib/express';
import { type ExpressStoreLike, fromExpressStore } from '../../lib/express';
import * as keyvModule from '../../lib/keyv';
import { fromKeyv, type KeyvLike } from '../../lib/keyv';
import * as knexModule from '../../lib/knex';
import * as koaSessionModule from '../../lib/koa-session-store';
import { fromKoaSessionStore, type KoaSessionStoreLike } from '../../lib/koa-session-store';
import session, { MemoryStore, type SessionStore, Store } from '../../lib/main';
import * as redisModule from '../../lib/redis';
import { redisStore } from '../../lib/redis';
import type { RedisClient } from '../../lib/stores/redis/driver';
import * as compiled from '../fixtures/compiled-client';
import { kinds, plainClient } from '../helpers/stores/client-styles';
import { MapClient } from '../helpers/stores/map-client';
import { interop } from '../interop';

type Make<T> = (options?: unknown) => T;
type Class<T> = new (options?: unknown) => T;

const plain = plainClient((run) => run());
const lazy = { lazyConnect: true };
const ioRedis = (name: string) => interop(name) as Class<RedisClient> & { Cluster: Class<RedisClient> };
const nodeRedis = (name: string) =>
  interop(name) as { createClient: Make<RedisClient>; createCluster: Make<RedisClient> };
const express = interop('express-session') as { MemoryStore: Class<ExpressStoreLike> };
const memorystore = interop('memorystore') as Make<Class<ExpressStoreLike>>;
const fileStore = interop('session-file-store') as Make<Class<ExpressStoreLike>>;
const { RedisStore: ConnectRedis } = interop('connect-redis') as { RedisStore: Class<ExpressStoreLike> };
const { Keyv } = interop('keyv') as { Keyv: Class<KeyvLike> };
const knex = interop('knex') as Make<object>;
const LocalSessionStore = interop('koa-session-local') as Class<KoaSessionStoreLike>;
const MysqlStore = interop('koa-mysql-session') as Class<SessionStore>;

const redis = "pass `redisStore({ client })` from 'koa-evented-session/redis'";
const fromExpress = "pass `fromExpressStore(store)` from 'koa-evented-session/express'";
const inMemory = 'pass `new MemoryStore()`, or omit `store`';

const given: [kind: string, client: unknown, what: string, instead: string][] = [
  ...['ioredis4', 'ioredis5', 'ioredis6'].flatMap((name): typeof given => {
    const { Cluster } = ioRedis(name);
    const cluster: RedisClient = Reflect.construct(Cluster, [[{ port: 1 }], lazy]);
    return [
      [`a client of ${name}`, new (ioRedis(name))(lazy), 'a client of ioredis', redis],
      [`a Cluster of ${name}`, cluster, 'a client of ioredis', redis],
    ];
  }),
  ...['redis4', 'redis5', 'redis6'].flatMap((name): typeof given => {
    const { createClient, createCluster } = nodeRedis(name);
    return [
      [`a client of ${name}`, createClient(), 'a client of node-redis', redis],
      [`a Cluster of ${name}`, createCluster({ rootNodes: [] }), 'a client of node-redis', redis],
    ];
  }),
  ['the MemoryStore of express-session', new express.MemoryStore(), 'a store of express-session', fromExpress],
  ['a memorystore', new (memorystore(express))(), 'a store of express-session', fromExpress],
  ['a session-file-store', new (fileStore(express))({ reapInterval: -1 }), 'a store of express-session', fromExpress],
  ['a connect-redis', new ConnectRedis({ client: {} }), 'a store of express-session', fromExpress],
  [
    'a koa-session-local',
    new LocalSessionStore(),
    'a store of koa-session',
    "pass `fromKoaSessionStore(store)` from 'koa-evented-session/koa-session-store'",
  ],
  ['a Keyv', new Keyv(), 'a Keyv', "give `fromKeyv(keyv)`, from 'koa-evented-session/keyv'"],
  [
    'a Knex instance',
    knex({ client: 'better-sqlite3', useNullAsDefault: true }),
    'a Knex instance',
    "give `knexStore({ knex })`, from 'koa-evented-session/knex'",
  ],
  ['a Map', new Map(), 'a Map or a cache', inMemory],
  ['a promise', Promise.resolve(plain), 'a promise', '`await` it first'],
  ['a module with a default export', { default: plain }, 'a module', 'give its `default`'],
  ['connect-redis, the module', interop('connect-redis'), 'a module', 'pass an instance of its `RedisStore`'],
  ...(
    [
      ['redis', redisModule, 'redisStore', 'redisStore({ url })'],
      ['knex', knexModule, 'knexStore', 'knexStore({ knex })'],
      ['keyv', keyvModule, 'fromKeyv', 'fromKeyv(keyv)'],
      ['express', expressModule, 'fromExpressStore', 'fromExpressStore(store)'],
      ['koa-session-store', koaSessionModule, 'fromKoaSessionStore', 'fromKoaSessionStore(store)'],
    ] as const
  ).map(([path, module, name, call]): (typeof given)[number] => [
    `koa-evented-session/${path}, the module`,
    module,
    `the module of \`${name}\``,
    `give \`${call}\``,
  ]),
];

describe('A value mistaken for a store throws a TypeError at set-up that says what to pass:', () => {
  it.each(given)('%s', (_kind, client, what, instead) => {
    const problem = new TypeError(`Expected \`store\` to be a store for koa-evented-session, got ${what}: ${instead}`);
    expect(() => session({ store: client as SessionStore })).toThrow(problem);
    expect(() => new Store(client as SessionStore)).toThrow(problem);
  });

  it.each<[string, unknown]>([
    ['koa-redis itself', koaRedis],
    ['redisStore itself', redisStore],
    ['the class of koa-mysql-session', MysqlStore],
    ['the class of koa-session-local', LocalSessionStore],
    ['a class of their own', MapClient],
    ['memorystore itself', memorystore],
    ['the class of memorystore', memorystore(express)],
  ])('%s', (_kind, client) => {
    expect(() => session({ store: client as SessionStore })).toThrow(
      'Expected `store` to have the methods `get`, `set`, `destroy`, but `get`, `set`, `destroy` are missing ' +
        '(a function was given: call it, or make an instance of it with `new`?)',
    );
  });

  it('for an object without a method, the name of the method', () => {
    const { destroy: _, ...half } = plain;
    expect(() => session({ store: half as SessionStore })).toThrow(
      new TypeError('Expected `store` to have the methods `get`, `set`, `destroy`, but `destroy` is missing'),
    );
  });
});

describe('Nothing is reported for', () => {
  const ofMemory = Object.entries(kinds).map(([kind, make]) => [kind, () => make(new MemoryStore())] as const);
  it.each<readonly [string, () => SessionStore]>([
    ...ofMemory,
    ['a module', () => compiled],
    ['a MemoryStore', () => new MemoryStore()],
    ['a koa-redis', () => koaRedis(lazy)],
    ['a redisStore', () => redisStore(lazy)],
    ['what fromExpressStore makes', () => fromExpressStore(new express.MemoryStore())],
    ['what fromKeyv makes', () => fromKeyv(Reflect.construct(Keyv, [{ throwOnErrors: true }]))],
    ['what fromKoaSessionStore makes', () => fromKoaSessionStore(new LocalSessionStore())],
    [
      'an ioredis client to which somebody has added what it lacks',
      () => Object.assign(new (ioRedis('ioredis5'))(lazy), { destroy: () => undefined }) as unknown as SessionStore,
    ],
  ])('%s', (_kind, make) => {
    expect(() => new Store(make())).not.toThrow();
  });
});
