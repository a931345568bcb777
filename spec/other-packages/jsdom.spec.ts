/** @jest-environment ./spec/interop/node_modules/jest-environment-jsdom */
import { cookieStore } from '../../lib/cookie';
import { knexStore } from '../../lib/knex';
import session, { type SessionStore } from '../../lib/main';
import { redisStore } from '../../lib/redis';
import { sqlDatabases } from '../helpers/databases/sql-databases';
import { startRedis } from '../helpers/redis/server';
import { openBareSite } from '../helpers/sites/bare-site';
import { clockContract } from '../helpers/time/clock-contract';

describe('In jsdom', () => {
  it('timers are numbers, and much of Node is missing', () => {
    expect(globalThis).toHaveProperty('document.contentType', 'text/html');
    const timer: unknown = setTimeout(() => undefined, 1);
    expect(timer).toEqual(expect.any(Number));
    const names = ['setImmediate', 'structuredClone', 'TextEncoder', 'ReadableStream', 'fetch'];
    expect(names.filter((name) => name in globalThis)).toEqual([]);
  });

  const liveIn = async (store: SessionStore) => {
    const site = await openBareSite(() => session({ store, rolling: true }), {
      '/put': (ctx) => void Object.assign(ctx.session ?? {}, ctx.query),
      '/see': (ctx) => ctx.session?.['user'],
    });
    const seen = [await site.go('/put?user=ann'), await site.go('/see')];
    await site.close();
    expect([...seen, ...site.errors]).toEqual(['200 null', '200 "ann"']);
  };

  it('sessions work in Redis', async () => {
    const redis = await startRedis();
    const store = redisStore({ url: redis.url });
    try {
      await liveIn(store);
    } finally {
      await store.close();
      await redis.stop();
    }
  });

  it('sessions work in a table, which is swept', async () => {
    const database = await sqlDatabases.SQLite();
    const store = knexStore({ knex: database.open(), sweepBatch: 1 });
    try {
      await liveIn(store);
      for (const sid of ['a', 'b', 'c']) await store.create(sid, '{}', 1);
      while (await store.get('c'));
      expect(await store.sweep()).toBe(3);
    } finally {
      await store.close();
      await database.stop();
    }
  });

  it('sessions cannot be sealed in the cookie, since jose does not load', () => {
    expect(() => cookieStore({ keys: [Buffer.alloc(64)] })).toThrow('cookieStore() needs jose');
  });
});

clockContract(['the real clock', 'the fake clock of jest', 'the legacy fake clock of jest']);
