import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis5';
import type Koa from 'koa';
import session, { type EndReason, MemoryStore } from '../../lib/main';
import { type RedisStore, redisStore } from '../../lib/redis';
import { browser } from '../helpers/http/serve';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { endingsContract, idOf, openTwo } from '../helpers/sites/endings-contract';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { openWatching, visitorAt } from '../helpers/sites/watching-sites';
import { MapClient } from '../helpers/stores/map-client';
import { fakeIntervals } from '../helpers/time/fake-clock';
import { until } from '../helpers/time/until';

const TOMORROW = new Date(Date.now() + 86_400_000);

let redis: RedisServer;
const opened: { close(): unknown }[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(() => redis.command('FLUSHALL'));
afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())));
afterAll(() => redis.kill());

const onRedis = (): RedisStore => {
  const store = redisStore({ url: redis.url });
  opened.push(store);
  return store;
};

describe.each([
  [
    'a MemoryStore',
    (store = new MemoryStore()) =>
      () =>
        store,
  ],
  ['Redis', () => onRedis],
])('Another process, on %s,', (_name, shared) => {
  endingsContract(() => shared());
});

describe('On Redis', () => {
  it('an end whose message was lost is told once the listener is connected again', async () => {
    const { ann, there } = await openTwo(onRedis);
    const client = new Redis(redis.url);
    await client.del(there.sessions.store.keyOf(String(await idOf(ann, there))));
    client.disconnect();
    expect(there.told).toEqual([]);
    await redis.command('CLIENT KILL TYPE pubsub');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['gone']);
  });

  it('texts of others on the channel are no messages', async () => {
    const { ann, there } = await openTwo(onRedis);
    const client = new Redis(redis.url);
    for (const text of ['', '{', 'null', '[]', '{"handle":1}', '{"handle":"x","reason":"why","from":"y"}']) {
      await client.publish('koa:sess:endings', text);
    }
    client.disconnect();
    await ann.get('/logout');
    await until(() => there.ended.length > 0);
    expect(there.ended.map(({ reason }) => reason)).toEqual(['logout']);
    expect(there.site.errors).toEqual([]);
  });

  it('a message about a session that is there ends no watch, neither before nor after it began', async () => {
    const { ann, there } = await openTwo(onRedis);
    const client = new Redis(redis.url);
    opened.push({ close: () => client.disconnect() });
    const handle = String(there.watches[0]?.handle);
    const forge = async (forged: string) => {
      const told = there.ended.length;
      const [another, message] = [`another ${told}`, { handle: forged, reason: 'operator', from: 'eve' }];
      await client.publish('koa:sess:endings', JSON.stringify(message));
      await client.publish('koa:sess:endings', JSON.stringify({ ...message, handle: another }));
      await until(() => there.ended.slice(told).some(({ key }) => key === another));
    };
    await forge(handle);
    there.watches[0]?.stop();
    await forge(handle);
    await visitorAt(there, ann).get('/watch');
    const peek = jest.spyOn(there.sessions.store.client as RedisStore, 'peek');
    await forge(handle);
    await until(() => peek.mock.calls.length > 0);
    await Promise.all(peek.mock.results.map(({ value }) => value));
    await setImmediate();
    expect(there.told).toEqual([]);
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['logout']);
  });

  it('a message holds neither the id nor data', async () => {
    const { ann, here } = await openTwo(onRedis);
    const client = new Redis(redis.url);
    const heard: string[] = [];
    client.on('message', (_channel, text) => heard.push(text));
    await client.subscribe('koa:sess:endings');
    const id = await idOf(ann, here);
    await ann.get('/logout');
    await until(() => heard.length > 0);
    client.disconnect();
    expect(heard.join()).not.toContain(id);
    expect(heard.join()).not.toContain('ann');
  });
});

describe('sessions.watch()', () => {
  it('resolves to null for a visitor without a session', async () => {
    const { there } = await openTwo(() => new MemoryStore());
    await there.site.visitor().get('/watch');
    expect(there.watches.at(-1)).toBeNull();
  });

  it('needs the option, and a listener', async () => {
    const req = {} as Parameters<session.SessionMiddleware['watch']>[0];
    await expect(session().watch(req, () => undefined)).rejects.toThrow(/Expected the option `broadcastEndings`/);
    const sessions = session({ broadcastEndings: true });
    await expect(sessions.watch(req, undefined as never)).rejects.toThrow(/Expected `listener` to be a function/);
    await sessions.close();
  });

  it('fails neither the logout nor other listeners if a listener fails', async () => {
    const [thrown, rejected, emitted] = [new Error('thrown'), new Error('rejected'), new Error('emitted')];
    const told: EndReason[] = [];
    const sessions = session({ broadcastEndings: true });
    opened.push(sessions);
    const watch = async ({ req }: { req: Parameters<typeof sessions.watch>[0] }) => {
      await sessions.watch(req, () => {
        throw thrown;
      });
      await sessions.watch(req, () => Promise.reject(rejected));
      await sessions.watch(req, (reason) => told.push(reason));
    };
    const site = await closedAfterTest(openSite({ use: sessions, routes: { '/watch': watch } }));
    site.app.on('session:ended', () => {
      throw emitted;
    });
    const ann = site.visitor();
    await ann.get('/put?a=1');
    await ann.get('/watch');
    const { status } = await ann.get('/logout');
    expect(status).toBe(200);
    expect(told).toEqual(['logout']);
    await until(() => site.errors.length === 3);
    expect(site.errors).toEqual(expect.arrayContaining([thrown, rejected, emitted]));
  });

  it('is told every three seconds by a store that passes no messages', async () => {
    fakeIntervals();
    try {
      const client = new MapClient();
      const there = await openWatching({ store: client, user: null });
      opened.push(there.sessions);
      const ann = there.site.visitor();
      await ann.get('/put?a=1');
      await ann.get('/watch');
      // As another process does.
      for (const key of client.records.keys()) client.records.delete(key);
      jest.advanceTimersByTime(2999);
      expect(there.told).toEqual([]);
      jest.advanceTimersByTime(1);
      await until(() => there.told.length > 0);
      expect(there.told).toEqual(['gone']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('takes one timer for all watched sessions, and none once they have ended', async () => {
    const timers = jest.spyOn(globalThis, 'setInterval');
    const cleared = jest.spyOn(globalThis, 'clearInterval');
    try {
      const there = await openWatching({ store: new MemoryStore() });
      opened.push(there.sessions);
      const before = timers.mock.calls.length;
      for (let n = 0; n < 20; n += 1) {
        const visitor = there.site.visitor();
        await visitor.get('/login?user=ann');
        await visitor.get('/watch');
      }
      expect(timers.mock.calls.length - before).toBe(1);
      const timer = timers.mock.results.at(-1)?.value;
      await there.sessions.of('ann').endAll();
      expect(there.told).toEqual(Array(20).fill('user'));
      expect(cleared).toHaveBeenCalledWith(timer);
    } finally {
      timers.mockRestore();
      cleared.mockRestore();
    }
  });
});

/** Has all watched sessions looked up, once for each call. Needs faked intervals. */
function lookUpsOf(store: MemoryStore): () => Promise<void> {
  const peek = jest.spyOn(store, 'peek');
  return async () => {
    peek.mockClear();
    jest.advanceTimersByTime(20_000);
    await until(() => peek.mock.calls.length > 0);
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  };
}

describe('A watched session', () => {
  it('that ends while it is looked up for the watch is told', async () => {
    const store = new MemoryStore();
    const { ann, here, there } = await openTwo(() => store);
    const load = store.load.bind(store);
    // The request itself reads it first.
    const loads = jest.spyOn(store, 'load').mockImplementationOnce(load);
    loads.mockImplementationOnce((async (...args: Parameters<typeof load>) => {
      const found = load(...args);
      await here.sessions.of('ann').endAll();
      return found;
    }) as never);
    await visitorAt(there, ann).get('/watch');
    expect(there.watches).toHaveLength(2);
    await until(() => there.told.length === 2);
    expect(there.told).toEqual(['user', 'user']);
  });

  it('that began before the option was given keeps its handle', async () => {
    const store = new MemoryStore();
    const before = await openWatching({ store, broadcastEndings: false });
    const here = await openWatching({ store });
    const there = await openWatching({ store });
    opened.push(before.sessions, here.sessions, there.sessions);
    const ann = before.site.visitor();
    await ann.get('/put?a=1');
    await visitorAt(there, ann).get('/watch');
    await visitorAt(here, ann).get('/rotate');
    await visitorAt(here, ann).get('/rotate');
    await visitorAt(here, ann).get('/logout');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['logout']);
    expect(there.ended).toEqual([{ key: there.watches[0]?.handle, reason: 'logout' }]);
  });

  it('is followed to its new id, also while it is looked up', async () => {
    fakeIntervals();
    try {
      const store = new MemoryStore();
      const { ann, there } = await openTwo(() => store);
      const lookUp = lookUpsOf(store);
      const keyNow = async () => there.sessions.store.keyOf(String(await idOf(ann, there)));
      for (let round = 0; round < 3; round += 1) {
        const old = await keyNow();
        const find = store.load.bind(store);
        // It gets another new id once the look-up has read the old key.
        if (round === 1) {
          jest.spyOn(store, 'load').mockImplementationOnce((async (...args: Parameters<typeof find>) => {
            const found = find(...args);
            await ann.get('/rotate');
            return found;
          }) as never);
        }
        await ann.get('/rotate');
        await lookUp();
        await lookUp();
        expect(there.told).toEqual([]);
        // The marker ends.
        store.destroy(old);
        expect(await keyNow()).not.toBe(old);
      }
      await lookUp();
      expect(there.told).toEqual([]);
      store.destroy(await keyNow());
      await lookUp();
      expect(there.told).toEqual(['gone']);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([
    ['hashed ids', 'plain', { hashed: true, readPlainUntil: TOMORROW }],
    ['plain ids', 'hashed', { hashed: false, readHashedUntil: TOMORROW }],
  ] as const)('that has not moved to %s yet is found, and followed when it moves', async (_what, before, ids) => {
    fakeIntervals();
    try {
      const store = new MemoryStore();
      const old = await openWatching({ store, ids: before, broadcastEndings: false });
      const told: EndReason[] = [];
      const sessions = session({ store, ids, broadcastEndings: true });
      opened.push(old.sessions, sessions);
      // As for the first request of a WebSocket, which does not come through the middleware.
      const watching: Koa.Middleware = async (ctx, next) => {
        if (ctx.path !== '/watch') return next();
        ctx.body = String((await sessions.watch(ctx.req, (reason) => told.push(reason))) !== null);
      };
      const site = await closedAfterTest(openSite({ use: [watching, sessions] }));
      const ann = old.site.visitor();
      await ann.get('/put?a=1');
      // The application is known from its first request.
      await browser(site.url).get('/idle');
      const here = browser(site.url, ann.jar);
      const lookUp = lookUpsOf(store);
      expect((await here.get('/watch')).text).toBe('true');
      await lookUp();
      expect(told).toEqual([]);
      expect((await here.get('/see')).json()).toEqual({ a: '1' });
      await lookUp();
      await lookUp();
      expect(told).toEqual([]);
      await here.get('/logout');
      await until(() => told.length > 0);
      expect(told).toEqual(['logout']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is told to each of its watches, unless a listener of another one stops it', async () => {
    const told: string[] = [];
    const sessions = session({ broadcastEndings: true });
    opened.push(sessions);
    const stops: (() => void)[] = [];
    const watch = async ({ req }: { req: Parameters<typeof sessions.watch>[0] }) => {
      for (const name of ['a', 'b', 'c']) {
        const watching = await sessions.watch(req, () => {
          told.push(name);
          for (const stop of name === 'a' ? stops.slice(0, 2) : []) stop();
        });
        stops.push(() => watching?.stop());
      }
    };
    const site = await closedAfterTest(openSite({ use: sessions, routes: { '/watch': watch } }));
    const ann = site.visitor();
    await ann.get('/put?a=1');
    await ann.get('/watch');
    await ann.get('/logout');
    expect(told).toEqual(['a', 'c']);
    for (const stop of stops) stop();
    expect(site.errors).toEqual([]);
  });

  it('is not watched any more after `close()`', async () => {
    const { ann, there } = await openTwo(() => new MemoryStore());
    await there.sessions.close();
    const timers = jest.spyOn(globalThis, 'setInterval');
    await visitorAt(there, ann).get('/watch');
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
    expect(there.told).toEqual([]);
  });
});

it('`broadcastEndings` is refused if sessions travel in the cookie, and if it is not a boolean', () => {
  const store = { pack: () => '', unpack: () => null };
  expect(() => session({ store, broadcastEndings: true })).toThrow(/travel in the cookie/);
  expect(() => session({ broadcastEndings: 'yes' as never })).toThrow(/Expected `broadcastEndings` to be/);
});
