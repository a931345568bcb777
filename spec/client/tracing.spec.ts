import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { Knex } from 'knex';
import { storeKind } from '../../lib/client/store-kind';
import { cookieStore } from '../../lib/cookie';
import { fromExpressStore } from '../../lib/express';
import { fromKeyv } from '../../lib/keyv';
import { knexStore } from '../../lib/knex';
import { fromKoaSessionStore } from '../../lib/koa-session-store';
import session, { MemoryStore, Store, type StoreCall, StoreError, StoreUnavailableError } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { sealed } from '../../lib/sealed';
import { startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { cookieHeader, openSite, type Routes, sessionOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';
import { heardCalls, heardParts, stopListening } from '../helpers/tracing/heard';
import { interop } from '../interop';

afterEach(stopListening);

const SECRET = 'a secret that no message may hold';
const brief = ({ operation, method, outcome }: StoreCall) => `${operation} ${method}: ${outcome}`;

/** Can compare and set, and be disconnected. */
class EventfulStore extends MemoryStore {
  readonly events = new EventEmitter();
  on = (event: string, heard: () => void) => this.events.on(event, heard);
  off = (event: string, heard: () => void) => this.events.off(event, heard);
}

function site(options: session.SessionOptions, routes: Routes = {}) {
  return closedAfterTest(openSite({ use: session(options), routes }));
}

describe('A call of the store', () => {
  it('is told of with its method and its outcome', async () => {
    const { visitor } = await site(
      { store: new MemoryStore(), rolling: true, user: (held) => held['user'] as string | undefined },
      { '/login': async (ctx) => void Object.assign(await sessionOf(ctx), { user: 'ann' }) },
    );
    const { get } = visitor();
    const calls = heardCalls();
    const heard = async (path: string) => {
      expect((await get(path)).status).toBe(200);
      return calls.splice(0).map(brief);
    };
    expect(await heard('/put?n=1')).toEqual(['set create: stored']);
    expect(await heard('/see')).toEqual(['get load: found', 'touch touch: stored']);
    expect((await heard('/login')).sort()).toEqual(['get load: found', 'set enroll: stored', 'set swap: stored']);
    expect(await heard('/logout')).toEqual(['get load: found', 'destroy remove: ended', 'destroy dismiss: ended']);
  });

  it('tells a missing record, an ended one and one that is there from each other', async () => {
    const client = new MemoryStore();
    const { visitor } = await site({ store: client }, { '/new': (ctx) => ctx.regenerateSession() });
    const { get } = visitor();
    const cookie = cookieHeader(await get('/put?n=1'));
    const calls = heardCalls();
    await get('/new');
    expect(calls.splice(0).map(brief)).toContain('destroy take: ended');
    await get('/see', { cookie });
    expect(calls.splice(0).map(brief)).toEqual(['get load: nothing']);
    client.close();
  });

  it('names the size of the record that is written or read, in bytes', async () => {
    const client = new MemoryStore();
    const store = new Store(client);
    const record = JSON.stringify({ cookie: {}, name: 'Zoë' });
    client.create(store.keyOf('sid'), record, 1000);
    const calls = heardCalls();
    const budget = store.newBudget();
    await store.records.load(store.keyOf('sid'), budget, false);
    await store.records.create(store.keyOf('other'), { record, ttl: 1000, plain: () => ({}) }, budget);
    const bytes = Buffer.byteLength(record);
    expect(calls).toMatchObject([{ bytes }, { bytes }]);
    expect(bytes).toBe(record.length + 1);
    await store.close();
  });

  it('counts the attempts of a change that meets others, and names the conflicts', async () => {
    const client = new MemoryStore();
    const visitor = (await site({ store: client })).visitor();
    await visitor.get('/put?n=1');
    // Another process writes after this one has read.
    const swap = client.swap.bind(client);
    let others = 2;
    jest.spyOn(client, 'swap').mockImplementation((key, record, ttl, revision) => {
      if (others-- > 0) swap(key, JSON.stringify({ ...JSON.parse(record), others }), ttl, revision);
      return swap(key, record, ttl, revision);
    });
    const calls = heardCalls();
    await visitor.get('/put?mine=1');
    const swaps = calls.filter(({ method }) => method === 'swap');
    expect(swaps.map(({ attempts, outcome }) => [attempts, outcome])).toEqual([
      [1, 'conflict'],
      [2, 'conflict'],
      [3, 'stored'],
    ]);
    client.close();
  });

  it('is told of in the order of Node, with the error if it fails, and without secrets', async () => {
    const client = {
      get: () => Promise.reject(new Error(`no record ${SECRET}`)),
      set: () => undefined,
      destroy: () => undefined,
    };
    const store = new Store(client, { prefix: 'shop:' });
    const parts = heardParts();
    await expect(store.get(SECRET)).rejects.toThrow(StoreError);
    await store.set('sid', { cookie: {}, [SECRET]: SECRET });
    expect(parts.map(([part, { outcome }]) => `${part} ${outcome}`)).toEqual([
      'start undefined',
      'end undefined',
      'error ERR_SESSION_STORE',
      'asyncStart ERR_SESSION_STORE',
      'asyncEnd ERR_SESSION_STORE',
      'start undefined',
      'end undefined',
      'asyncStart stored',
      'asyncEnd stored',
    ]);
    expect(parts[4]?.[1]).toEqual({
      ...{ operation: 'get', method: 'get', store: 'custom', prefix: 'shop:', attempts: 1, bytes: undefined },
      ...{ waited: 0, duration: expect.any(Number), outcome: 'ERR_SESSION_STORE', error: expect.any(StoreError) },
    });
    const shown = parts.map(([, { error, ...call }]) => `${JSON.stringify(call)}${error?.stack}${error?.cause}`);
    expect(shown.join('')).not.toContain(SECRET);
    await store.close();
  });

  it('runs in the context that a subscriber binds, and is told of in it', async () => {
    const storage = new AsyncLocalStorage<string>();
    const start = channel('tracing:koa-evented-session:store:start');
    start.bindStore(storage, (call) => `span of ${(call as StoreCall).method}`);
    const seen: unknown[] = [];
    const parts = channel('tracing:koa-evented-session:store:asyncEnd');
    const ended = () => seen.push(storage.getStore());
    parts.subscribe(ended);
    const client = new MapClient();
    const get = client.get.bind(client);
    client.get = async (key) => {
      await null;
      seen.push(storage.getStore());
      return get(key);
    };
    const store = new Store(client);
    try {
      await store.get('sid');
      seen.push(storage.getStore());
    } finally {
      start.unbindStore(storage);
      parts.unsubscribe(ended);
    }
    expect(seen).toEqual(['span of get', 'span of get', undefined]);
    await store.close();
  });
});

describe('Waiting for the connection', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] }));
  afterEach(() => jest.useRealTimers());

  it('is part of a call, and named by itself', async () => {
    const client = new EmittingClient();
    const store = new Store(client);
    const calls = heardCalls();
    client.emit('disconnect');
    const reading = store.get('sid');
    await jest.advanceTimersByTimeAsync(300);
    client.emit('connect');
    await reading;
    expect(calls).toMatchObject([{ method: 'get', outcome: 'nothing', waited: 300, duration: 300 }]);
    await store.close();
  });

  it('ends with the code of the error if it takes too long', async () => {
    const client = new EmittingClient();
    const store = new Store(client, { reconnectTimeout: 500 });
    const calls = heardCalls();
    client.emit('disconnect');
    const reading = expect(store.get('sid')).rejects.toThrow(StoreUnavailableError);
    await jest.advanceTimersByTimeAsync(500);
    await reading;
    expect(calls).toMatchObject([{ outcome: 'ERR_SESSION_STORE_UNAVAILABLE', waited: 500, duration: 500 }]);
    await store.close();
  });

  it('is told of once for all writers of a record, who wait before they call the store', async () => {
    const client = new EventfulStore();
    const store = new Store(client);
    const key = store.keyOf('sid');
    await store.set('sid', { cookie: {} });
    const loaded = await store.records.load(key, store.newBudget(), false);
    if (loaded.found !== 'session') throw new Error(`Expected a session, got ${loaded.found}`);
    const calls = heardCalls();
    client.events.emit('disconnect');
    const add = (n: number) =>
      store.records.edit(key, (record) => JSON.stringify({ ...JSON.parse(record), [n]: n }), loaded, store.newBudget());
    const writing = Promise.all([add(1), add(2)]);
    await jest.advanceTimersByTimeAsync(300);
    client.events.emit('connect');
    await writing;
    expect(calls.map(brief)).toEqual(['set connect: connected', 'set swap: stored']);
    expect(calls).toMatchObject([{ waited: 300 }, { waited: 0 }]);
    await store.close();
    client.close();
  });
});

describe('The kind of a store', () => {
  const makeKnex = interop('knex') as (config: Knex.Config) => Knex;
  const keyv = () =>
    new (interop('keyv') as { Keyv: new (options: object) => Parameters<typeof fromKeyv>[0] }).Keyv({
      throwOnErrors: true,
    });
  const express = () =>
    new (interop('express-session') as { MemoryStore: new () => Parameters<typeof fromExpressStore>[0] }).MemoryStore();
  const keys = [randomBytes(64).toString('base64url')];
  class OwnClient extends MapClient {}
  class NamedClient extends MapClient {
    readonly kind = 'dynamodb';
  }

  it.each<[string, () => object]>([
    ['memory', () => new MemoryStore()],
    ['redis', () => redisStore({ url: 'redis://127.0.0.1:1' })],
    ['knex:sqlite3', () => knexStore({ knex: makeKnex({ client: 'better-sqlite3', useNullAsDefault: true }) })],
    ['knex:postgresql', () => knexStore({ knex: makeKnex({ client: 'pg' }) })],
    ['cookie', () => cookieStore({ keys })],
    ['sealed:memory', () => sealed(new MemoryStore(), { keys })],
    ['keyv', () => fromKeyv(keyv())],
    ['express:MemoryStore', () => fromExpressStore(express())],
    ['koa-session-store', () => fromKoaSessionStore(new MapClient() as never)],
    ['OwnClient', () => new OwnClient()],
    ['dynamodb', () => new NamedClient()],
    ['custom', () => ({ get() {}, set() {}, destroy() {} })],
  ])('is %s', async (kind, open) => {
    const client = open() as { close?(): unknown };
    expect(storeKind(client)).toBe(kind);
    await client.close?.();
  });
});

describe('Calls that travel to Redis together', () => {
  it('are told of one by one', async () => {
    const redis = await startRedis();
    const client = redisStore({ url: redis.url });
    const store = new Store(client);
    try {
      await store.set('sid', { cookie: {} });
      const calls = heardCalls();
      await Promise.all(Array.from({ length: 20 }, (_, n) => store.get(n === 0 ? 'sid' : `other ${n}`)));
      expect(calls.map(brief).sort()).toEqual(['get get: found', ...Array(19).fill('get get: nothing')]);
      expect(calls[0]).toMatchObject({ store: 'redis', prefix: 'koa:sess:', duration: expect.any(Number) });
    } finally {
      await store.close();
      await client.close();
      await redis.stop();
    }
  });
});
