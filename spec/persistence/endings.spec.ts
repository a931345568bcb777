import { Redis } from 'ioredis5';
import session, { type EndReason, MemoryStore, type SessionStore } from '../../lib/main';
import { type RedisStore, redisStore } from '../../lib/redis';
import type { Browser } from '../helpers/http/serve';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { openWatching, visitorAt, type WatchingSite } from '../helpers/sites/watching-sites';
import { MapClient } from '../helpers/stores/map-client';
import { until } from '../helpers/time/until';

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

/** Two sites that share their sessions, as two processes do, with a visitor of both. */
async function open(storeOf: () => SessionStore, options: session.SessionOptions = {}) {
  const [here, there] = await Promise.all([storeOf(), storeOf()].map((store) => openWatching({ store, ...options })));
  if (here === undefined || there === undefined) throw new Error('Expected two sites');
  opened.unshift(here.sessions, there.sessions);
  const ann = here.site.visitor();
  await ann.get('/login?user=ann');
  await visitorAt(there, ann).get('/watch');
  // A message that comes before anybody listens is found by the look-up, which tells another reason.
  await there.listens();
  return { here, there, ann };
}

async function idOf(visitor: Browser, { site }: WatchingSite): Promise<string | undefined> {
  return (await visitor.jar.getCookies(site.url)).find(({ key }) => key === 'koa.sid')?.value;
}

type Sites = { here: WatchingSite; there: WatchingSite; ann: Browser };

const ends: [how: string, reason: EndReason, end: (sites: Sites) => unknown][] = [
  ['a logout', 'logout', ({ ann }) => ann.get('/logout')],
  ['a new id without the data', 'regenerated', ({ ann }) => ann.get('/replace')],
  ['a login of another user', 'regenerated', ({ ann }) => ann.get('/login?user=bob')],
  [
    'sessions.of(user).end(handle)',
    'user',
    async ({ here }) => {
      const [listed] = await here.sessions.of('ann').list();
      await here.sessions.of('ann').end(String(listed?.handle));
    },
  ],
  ['sessions.of(user).endAll()', 'user', ({ here }) => here.sessions.of('ann').endAll()],
  ['maxPerUser', 'limit', ({ here }) => here.site.visitor().get('/login?user=ann')],
  ['store.clear()', 'operator', ({ here }) => here.sessions.store.clear()],
];

describe.each([
  [
    'a MemoryStore',
    (store = new MemoryStore()) =>
      () =>
        store,
  ],
  ['Redis', () => onRedis],
])('Another process, on %s,', (_name, shared) => {
  it.each(ends)('is told of %s', async (_how, reason, end) => {
    const sites = await open(shared(), { maxPerUser: 1 });
    await end(sites);
    await until(() => sites.there.told.length > 0);
    const handle = sites.there.watches[0]?.handle;
    expect(sites.there.told).toEqual([reason]);
    expect(sites.there.ended).toEqual([{ key: handle, reason }]);
    // In the process that ended it, once too.
    expect(sites.here.ended.map((ended) => ended.reason)).toEqual([reason]);
  });

  it('is told nothing of a new id with the data, and is told of the end under that id', async () => {
    const { ann, there } = await open(shared());
    await ann.get('/rotate');
    await ann.get('/rotate');
    expect(there.told).toEqual([]);
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['logout']);
  });

  it('is told only of the session that it watches, and not after `stop()`', async () => {
    const { ann, here, there } = await open(shared());
    const bob = there.site.visitor();
    await bob.get('/login?user=bob');
    await bob.get('/watch');
    there.watches[1]?.stop();
    await here.sessions.of('bob').endAll();
    await ann.get('/logout');
    await until(() => there.told.length > 0);
    await until(() => there.ended.length === 2);
    expect(there.told).toEqual(['logout']);
  });
});

describe('On Redis', () => {
  it('an end whose message was lost is told once the listener is connected again', async () => {
    const { ann, there } = await open(onRedis);
    const client = new Redis(redis.url);
    await client.del(there.sessions.store.keyOf(String(await idOf(ann, there))));
    client.disconnect();
    expect(there.told).toEqual([]);
    await redis.command('CLIENT KILL TYPE pubsub');
    await until(() => there.told.length > 0);
    expect(there.told).toEqual(['gone']);
  });

  it('texts of others on the channel are no messages', async () => {
    const { ann, there } = await open(onRedis);
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

  it('a message holds neither the id nor data', async () => {
    const { ann, here } = await open(onRedis);
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
    const { there } = await open(() => new MemoryStore());
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
    jest.useFakeTimers({
      doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date', 'setTimeout'],
    });
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

it('`broadcastEndings` is refused if sessions travel in the cookie, and if it is not a boolean', () => {
  const store = { pack: () => '', unpack: () => null };
  expect(() => session({ store, broadcastEndings: true })).toThrow(/travel in the cookie/);
  expect(() => session({ broadcastEndings: 'yes' as never })).toThrow(/Expected `broadcastEndings` to be/);
});
