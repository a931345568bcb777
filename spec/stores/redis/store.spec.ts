import { join } from 'node:path';
import { Redis } from 'ioredis5';
import session, { type Session, type SessionOptions, Store } from '../../../lib/main';
import { type RedisConnectionOptions, type RedisStore, redisStore } from '../../../lib/redis';
import { root } from '../../helpers/programs/node-program';
import { runScript } from '../../helpers/programs/process-script';
import { driverOf } from '../../helpers/redis/drivers';
import { endOf, koaRedis } from '../../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { closedAfterTest } from '../../helpers/sites/open-sites';
import { openSite, type Routes, sentId } from '../../helpers/sites/session-site';

const HOUR = 60 * 60 * 1000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(() => redis.stop());

const stores: RedisStore[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));
const open = (options: RedisConnectionOptions = {}): RedisStore => {
  const store = redisStore({ host: '127.0.0.1', port: redis.port, ...options });
  stores.push(store);
  return store;
};

/** The commands that reach Redis from now on, each with how often. */
const commands = async () => {
  await redis.command('CONFIG RESETSTAT');
  return async () => {
    const stats = Object.entries(await redis.info('commandstats'));
    const counted = stats.map(([name, stat]) => [name.replace('cmdstat_', ''), Number(/calls=(\d+)/.exec(stat)?.[1])]);
    const { info: _, ping: _asWell, ...asked } = Object.fromEntries(counted) as Record<string, number>;
    return asked;
  };
};

describe('A site with its sessions in a RedisStore', () => {
  const routes: Routes = {
    '/renew': (ctx) => ctx['regenerateSession']({ keepData: true }),
  };
  const siteOf = async (options: SessionOptions = {}) => {
    const store = open();
    const site = await closedAfterTest(openSite({ use: session({ store, ...options }), routes }));
    const ann = site.visitor();
    const key = `koa:sess:${sentId(await ann.get('/put?user=ann'))}`;
    // Scripts that Redis has seen go by their digest.
    await ann.get('/put?warm=1');
    await ann.get('/see');
    const see = async () => (await ann.get('/see')).json();
    return { site, ann, key, see };
  };

  it('has the guarantee compare-and-set', () => {
    const store = new Store(open());
    expect(store.guarantee).toBe('compare-and-set');
    store.close();
  });

  it('costs one GET for a session that is only read', async () => {
    const { ann } = await siteOf();
    const count = await commands();
    await ann.get('/see');
    expect(await count()).toEqual({ get: 1 });
  });

  it('costs nothing for visitors without a session', async () => {
    const { site } = await siteOf();
    const count = await commands();
    await site.visitor().get('/see');
    expect(await count()).toEqual({});
  });

  it('costs one GET and one script for a session that is changed', async () => {
    const { ann } = await siteOf();
    const count = await commands();
    await ann.get('/put?user=bob');
    // The script itself reads, and sets.
    expect(await count()).toEqual({ get: 2, evalsha: 1, set: 1 });
  });

  it('costs one GET and one script for a session that ends', async () => {
    const { ann, see } = await siteOf();
    await open().remove('none');
    const count = await commands();
    await ann.get('/logout');
    expect(await count()).toEqual({ get: 2, evalsha: 1, del: 1 });
    expect(await see()).toEqual({});
  });

  it('ends a session even if Redis is full', async () => {
    const { site, ann, see, key } = await siteOf();
    await redis.command('CONFIG SET maxmemory 1');
    try {
      expect((await ann.get('/put?user=eve')).status).toBe(500);
      expect((await ann.get('/logout')).status).toBe(200);
      expect([await see(), await redis.command(`EXISTS ${key}`)]).toEqual([{}, '0']);
      expect(site.errors).toMatchObject([{ message: expect.stringContaining('OOM') }]);
    } finally {
      await redis.command('CONFIG SET maxmemory 0');
    }
  });

  it('extends a session that is only read with one PEXPIRE with `rolling`, without a SET', async () => {
    const { ann, key } = await siteOf({ rolling: true });
    await redis.command(`PEXPIRE ${key} 60000`);
    const count = await commands();
    await ann.get('/see');
    // GETRANGE is the script's look at whether the session was regenerated.
    expect(await count()).toEqual({ get: 1, evalsha: 1, getrange: 1, pexpire: 1 });
    expect(Number(await redis.command(`PTTL ${key}`))).toBeGreaterThan(23 * HOUR);
  });

  it('extends a session with `renew` after half of its time, not before', async () => {
    const { ann, key } = await siteOf({ renew: true });
    let count = await commands();
    await ann.get('/see');
    expect(await count()).toEqual({ evalsha: 1, get: 1, pttl: 1 });
    await redis.command(`PEXPIRE ${key} ${11 * HOUR}`);
    count = await commands();
    await ann.get('/see');
    expect(await count()).toMatchObject({ evalsha: 2, get: 1, pttl: 1, pexpire: 1 });
    expect(Number(await redis.command(`PTTL ${key}`))).toBeGreaterThan(23 * HOUR);
  });

  it('works after SCRIPT FLUSH', async () => {
    const { ann, see } = await siteOf({ rolling: true });
    await redis.command('SCRIPT FLUSH');
    expect(await see()).toEqual({ user: 'ann', warm: '1' });
    await redis.command('SCRIPT FLUSH');
    await ann.get('/put?user=bob');
    await redis.command('SCRIPT FLUSH');
    await ann.get('/renew');
    expect(await see()).toEqual({ user: 'bob', warm: '1' });
  });

  it.each([
    ['no JSON', '{user:ann}'],
    ['no whole JSON', '{"user":"ann"'],
    ['nothing', ''],
    ['a number', '5'],
    ['a list', '[]'],
    ['a string', '"ann"'],
  ])('counts a record that is %s as a missed session, reports it, and keeps it', async (_what, text) => {
    const { site, ann, key } = await siteOf();
    await redis.command(`SET ${key} '${text}'`);
    site.heard.length = 0;
    const reply = await ann.get('/see');
    expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
    expect(site.heard.map(({ name, value }) => [name, value])).toEqual([
      ['session:invalid', text],
      ['session:missed', undefined],
    ]);
    const fresh = `koa:sess:${sentId(await ann.get('/put?user=bob'))}`;
    expect(fresh).not.toBe(key);
    expect(await redis.command(`GET ${key}`)).toBe(text);
    expect(site.errors).toEqual([]);
  });

  it('returns only objects if the store itself is called', async () => {
    const store = open();
    for (const text of ['5', '[]', '{user:ann}', 'null']) {
      await redis.command(`SET sid ${text}`);
      expect(await store.get('sid')).toBeUndefined();
    }
  });

  it('does not write to a record that has become something else', async () => {
    const store = open();
    const revision = await store.create('sid', '{}', HOUR);
    await redis.command('SET sid 5');
    expect(await store.swap('sid', '{"a":1}', HOUR, String(revision))).toEqual({
      ok: false,
      record: '5',
      revision: '5',
    });
  });
});

describe('A RedisStore', () => {
  it('does not send the old record with a new one', async () => {
    const store = open();
    const large = JSON.stringify({ text: 'x'.repeat(200_000) });
    const received = async () => Number((await redis.info('stats'))['total_net_input_bytes']);
    await store.create('sid', '{}', HOUR);
    // The script's text goes along the first time.
    await store.swap('sid', large, HOUR, '{}');
    const before = await received();
    expect(await store.swap('sid', '{"n":1}', HOUR, large)).toMatchObject({ ok: true });
    expect((await received()) - before).toBeLessThan(1_000);
  });

  it('stores the plain JSON that koa-redis writes and reads', async () => {
    const [store, other] = [open(), koaRedis(redis)];
    const data: Session = { cookie: { maxAge: HOUR }, user: 'Zoë 🎈', list: [], big: 9007199254740991 };
    await store.set('ours', data, HOUR);
    await other.set('theirs', data, HOUR);
    const text = JSON.stringify(data);
    expect([await redis.command('GET ours'), await redis.command('GET theirs')]).toEqual([text, text]);
    expect(await other.get('ours')).toEqual(data);
    expect(await store.get('theirs')).toEqual(data);
    expect(await store.load('theirs')).toMatchObject({ record: text });
    await endOf(other);
  });

  it('shows koa-redis no session under a regenerated id', async () => {
    const [store, other] = [open(), koaRedis(redis)];
    const site = await closedAfterTest(
      openSite({ use: session({ store }), routes: { '/renew': (ctx) => ctx['regenerateSession']() } }),
    );
    const ann = site.visitor();
    const key = `koa:sess:${sentId(await ann.get('/put?user=ann'))}`;
    await ann.get('/renew');
    expect(await redis.command(`GET ${key}`)).toMatch(/^null\s*$/);
    expect((await other.get(key)) ?? null).toBeNull();
    expect(Number(await redis.command(`PTTL ${key}`))).toBeLessThanOrEqual(60_000);
    await endOf(other);
  });

  it('accepts the longest possible ttl', async () => {
    const store = open();
    await store.set('sid', { cookie: {} }, Number.MAX_SAFE_INTEGER);
    expect(await store.swap('sid', '{}', Number.MAX_SAFE_INTEGER, '{"cookie":{}}')).toMatchObject({ ok: true });
    expect(await store.touch('sid', Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(await store.load('sid', { ttl: true })).toMatchObject({ record: '{}' });
  });

  it('serves many Stores, and many share a client, without a warning', async () => {
    const script = `
      const { RedisStore } = require(args.redis);
      const first = new RedisStore({ host: '127.0.0.1', port: args.port });
      const shared = Array.from({ length: 30 }, () => new RedisStore({ client: first.client }));
      const wrapped = Array.from({ length: 30 }, (_, n) => new session.Store(shared[n % 2]));
      console.log(await wrapped[0].get('sid'));
      for (const store of [...wrapped, ...shared, first]) await store.close();`;
    const args = { redis: join(root, 'dist', 'redis.js'), port: redis.port };
    expect(await runScript('own', script, args)).toEqual({ code: 0, signal: null, stdout: 'undefined\n', stderr: '' });
  });
});

describe('A record without a ttl', () => {
  it.each<[string, SessionOptions]>([
    ['unread', {}],
    ['read', { valid: () => true }],
  ])('is still a session, and gets a ttl with `renew`: %s', async (_how, options) => {
    const use = session({ store: open(), renew: true, ...options });
    const site = await closedAfterTest(openSite({ use }));
    const ann = site.visitor();
    const key = `koa:sess:${sentId(await ann.get('/put?user=ann'))}`;
    await redis.command(`PERSIST ${key}`);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    expect(Number(await redis.command(`PTTL ${key}`))).toBeGreaterThan(HOUR);
  });
});

it.each([
  ['/put?n=1', { name: '\uFFFD', n: '1' }],
  ['/logout', {}],
])('A record with bytes that are not UTF-8 can be changed and ended: %s', async (path, seen) => {
  const site = await closedAfterTest(openSite({ use: session({ store: open(), timeout: 2000 }) }));
  const ann = site.visitor();
  const key = `koa:sess:${sentId(await ann.get('/put?user=ann'))}`;
  const client = new Redis({ host: '127.0.0.1', port: redis.port });
  await client.set(key, Buffer.from([...Buffer.from('{"name":"'), 0xe9, ...Buffer.from('","cookie":{}}')]));
  client.disconnect();
  expect((await ann.get(path)).status).toBe(200);
  expect((await ann.get('/see')).json()).toEqual(seen);
});

it('A record with bytes that are not UTF-8 can be marked, and then swapped', async () => {
  const store = open();
  const client = new Redis({ host: '127.0.0.1', port: redis.port });
  await client.set('bytes', Buffer.from([...Buffer.from('{"name":"'), 0xe9, ...Buffer.from('"}')]));
  const old = (await store.load('bytes'))?.revision;
  const marked = await store.mark('bytes', 2);
  expect(marked?.record).toBe('{"name":"\uFFFD"}  ');
  expect(await store.swap('bytes', '{"a":1}', HOUR, old as string)).toMatchObject({ ok: false });
  expect(await store.swap('bytes', '{"a":1}', HOUR, marked?.revision as string)).toMatchObject({ ok: true });
  client.disconnect();
});

it('Sessions are kept by a client of ioredis 4 that refuses bytes', async () => {
  const client = driverOf('ioredis4').open({ host: '127.0.0.1', port: redis.port }, { dropBufferSupport: true });
  const site = await closedAfterTest(openSite({ use: session({ store: redisStore({ client }) }) }));
  const ann = site.visitor();
  await ann.get('/put?user=ann');
  expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  await driverOf('ioredis4').end(client);
});
