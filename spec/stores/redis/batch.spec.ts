import { setImmediate as nextTurn } from 'node:timers/promises';
import { type RedisStore, redisStore } from '../../../lib/redis';
import { type Corkable, RedisBatch } from '../../../lib/stores/redis/batch';
import type { IoRedisClient } from '../../../lib/stores/redis/driver';
import { type RedisCluster, startCluster } from '../../helpers/redis/cluster';
import { driverOf } from '../../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../../helpers/redis/server';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;

/** The part of a socket that the operating system is reached by. */
interface Socket extends Corkable {
  readonly writableCorked: number;
  write(text: string): boolean;
  destroy(): unknown;
  _write(...args: unknown[]): void;
  _writev(...args: unknown[]): void;
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const sids = (count: number, name = 'sid') => Array.from({ length: count }, (_, n) => `${name}${n}`);

describe.each(['ioredis4', 'ioredis5', 'ioredis6'])('The commands of a store on %s', (name) => {
  const driver = driverOf(name);
  let client: IoRedisClient & { stream: Socket };
  let store: RedisStore;

  beforeEach(async () => {
    await redis.command('FLUSHALL');
    client = driver.open({ host: '127.0.0.1', port: redis.port }, { retryStrategy: () => 10 }) as typeof client;
    await until(() => driver.isReady(client));
    store = redisStore({ client });
  });

  afterEach(async () => {
    await store.close();
    await driver.end(client);
  });

  /** The number of writes to the socket from now on. */
  function writes(): () => number {
    const spies = [jest.spyOn(client.stream, '_write'), jest.spyOn(client.stream, '_writev')];
    return () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  }

  it('are sent in one write if they come in one turn', async () => {
    await store.create('sid', '{}', HOUR);
    const count = writes();
    const answers = await Promise.all([
      store.load('sid'),
      store.load('none'),
      store.create('other', '{"n":1}', HOUR),
      store.touch('sid', HOUR),
      store.swap('sid', '{"n":2}', HOUR, '{}'),
      store.get('other'),
      store.destroy('none'),
    ]);
    // Scripts that Redis has not seen go along once more.
    expect(count()).toBeLessThanOrEqual(2);
    expect(answers).toMatchObject([{ record: '{}' }, null, '{"n":1}', true, { ok: true }, { n: 1 }, undefined]);
    const before = count();
    await Promise.all(sids(50).map((sid) => store.load(sid)));
    expect(count() - before).toBe(1);
  });

  it('are sent in another write if they come in a later turn, without waiting for the first answers', async () => {
    const count = writes();
    const first = [store.load('a'), store.load('b')];
    await nextTurn();
    expect([count(), client.stream.writableCorked]).toEqual([1, 0]);
    const second = [store.load('c'), store.load('d')];
    await nextTurn();
    expect([count(), client.stream.writableCorked]).toEqual([2, 0]);
    await Promise.all([...first, ...second]);
    expect(count()).toBe(2);
  });

  it('wait no longer than the turn in which they come, also in promises and ticks', async () => {
    const count = writes();
    const ticked = new Promise((resolve) => process.nextTick(() => resolve(store.load('a'))));
    const promised = Promise.resolve().then(() => store.load('b'));
    await Promise.all([store.load('c'), ticked, promised]);
    expect(count()).toBe(1);
  });

  it('are not held back if they are long', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(8_200) });
    const count = writes();
    const created = store.create('long', long, HOUR);
    expect([count(), client.stream.writableCorked]).toEqual([1, 0]);
    expect(await created).toBe(long);
    expect(await store.get('long')).toEqual(JSON.parse(long));
  });

  it('keep their order, long ones among short ones', async () => {
    const records = sids(40).map((_, n) => JSON.stringify({ n, text: 'x'.repeat(n % 3 === 0 ? 20_000 : 10) }));
    await Promise.all(records.map((record) => store.set('sid', JSON.parse(record), HOUR)));
    expect(await store.load('sid')).toMatchObject({ record: records.at(-1) });
    expect(client.stream.writableCorked).toBe(0);
  });

  it('do not delay those of the application on the same client', async () => {
    const loaded = store.load('sid');
    const written = client.set('app', 'kept');
    const read = client.get('app');
    expect(await Promise.all([loaded, written, read])).toEqual([null, 'OK', 'kept']);
    expect(await client.get('app')).toBe('kept');
    expect(client.stream.writableCorked).toBe(0);
  });

  it('of two stores on one client all arrive', async () => {
    const other = redisStore({ client });
    const count = writes();
    await Promise.all(sids(10).flatMap((sid) => [store.load(sid), other.load(sid)]));
    expect([count(), client.stream.writableCorked]).toEqual([1, 0]);
    await other.close();
  });

  it('fail if the connection is lost with them in it, and work on the next one', async () => {
    for (let round = 0; round < 5; round += 1) {
      const lost = client.stream;
      const held = sids(10).map((sid) => store.create(`${sid}-${round}`, '{}', HOUR));
      // They are in the socket, and not on their way yet.
      lost.destroy();
      // ioredis resends unanswered commands.
      expect(await Promise.all(held)).toEqual(Array(10).fill('{}'));
      expect(client.stream).not.toBe(lost);
      expect([lost.writableCorked, client.stream.writableCorked]).toEqual([0, 0]);
    }
    expect(await redis.command('DBSIZE')).toBe('50');
  });

  it('work after the server has hung up and was started again', async () => {
    for (const loss of [() => redis.command('CLIENT KILL TYPE normal').catch(() => ''), () => redis.restart()]) {
      // Not by `once` of node:events, which an error ends.
      const lost = new Promise<void>((resolve) => client.on('close', () => resolve()));
      const meanwhile = sids(10).map((sid) => store.load(sid));
      await Promise.all([lost, loss()]);
      expect(await Promise.all([...meanwhile, store.load('sid')])).toEqual(Array(11).fill(null));
      await until(() => driver.isReady(client));
      const count = writes();
      await Promise.all(sids(10).map((sid) => store.load(sid)));
      expect([count(), client.stream.writableCorked]).toEqual([1, 0]);
    }
  });

  it('work after the application has disconnected and connected again', async () => {
    const application = client as unknown as { disconnect(): void; connect(): Promise<void> };
    const cut = store.load('sid').catch(({ message }: Error) => message);
    application.disconnect();
    // Whether the socket still sent it is ioredis' affair; it does not stay without an end.
    expect([null, 'Connection is closed.']).toContain(await cut);
    await until(() => client.status === 'end');
    await application.connect();
    expect(await Promise.all(sids(10).map((sid) => store.create(sid, '{}', HOUR)))).toEqual(Array(10).fill('{}'));
    expect(client.stream.writableCorked).toBe(0);
  });

  it('are answered under fake timers, and so are those of the application on the same client', async () => {
    jest.useFakeTimers();
    try {
      const answers = [store.create('sid', '{}', HOUR), store.get('sid'), client.set('app', 'kept')];
      expect(await Promise.all(answers)).toEqual(['{}', {}, 'OK']);
      expect(client.stream.writableCorked).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('sent before there is a connection are sent with it', async () => {
    const fresh = driver.open({ host: '127.0.0.1', port: redis.port }, { lazyConnect: true });
    const early = redisStore({ client: fresh });
    expect(await Promise.all(sids(5).map((sid) => early.create(sid, '{}', HOUR)))).toEqual(Array(5).fill('{}'));
    await early.close();
    await driver.end(fresh);
  });
});

describe('A Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.stop());

  it.each(['ioredis4', 'ioredis5', 'ioredis6'])('of %s works without a separate stream', async (name) => {
    const driver = driverOf(name);
    const client = driver.openCluster(cluster.addresses) as IoRedisClient;
    await until(() => driver.isReady(client));
    expect(client.stream).toBeUndefined();
    const store = redisStore({ client });
    const all = sids(30, name);
    expect(await Promise.all(all.map((sid) => store.create(sid, '{}', HOUR)))).toEqual(Array(30).fill('{}'));
    expect(await Promise.all(all.map((sid) => store.get(sid)))).toEqual(Array(30).fill({}));
    await store.close();
    await driver.end(client);
  });
});

describe('RedisBatch', () => {
  /** Records the calls on it. */
  const stream = () => {
    const done: string[] = [];
    return { done, cork: () => void done.push('cork'), uncork: () => void done.push('uncork') };
  };

  it('holds a stream back once per turn, and releases it after the turn', async () => {
    const batch = new RedisBatch();
    const one = stream();
    for (let turn = 0; turn < 3; turn += 1) {
      batch.join(one, 0);
      batch.join(one, 8_192);
      expect(one.done.splice(0)).toEqual(['cork']);
      await nextTurn();
      expect(one.done.splice(0)).toEqual(['uncork']);
    }
  });

  it('releases it after the turn under fake timers too', async () => {
    jest.useFakeTimers();
    try {
      const one = stream();
      new RedisBatch().join(one, 0);
      await nextTurn();
      expect(one.done).toEqual(['cork', 'uncork']);
    } finally {
      jest.useRealTimers();
    }
  });

  it('holds nothing back without a stream, or for a long text', async () => {
    const batch = new RedisBatch();
    const one = stream();
    batch.join(undefined, 0);
    batch.join(null, 0);
    batch.join(one, 8_193);
    await nextTurn();
    expect(one.done).toEqual([]);
  });

  it('releases each stream as often as it held it back, even if another one replaced it in the same turn', async () => {
    const batch = new RedisBatch();
    const [lost, next] = [stream(), stream()];
    for (const one of [lost, next, lost, lost, next]) batch.join(one, 0);
    await nextTurn();
    await nextTurn();
    for (const { done } of [lost, next]) {
      expect(done.filter((it) => it === 'uncork')).toHaveLength(done.filter((it) => it === 'cork').length);
      expect(done.at(-1)).toBe('uncork');
    }
    batch.join(next, 0);
    expect(next.done.at(-1)).toBe('cork');
    await nextTurn();
    expect(next.done.at(-1)).toBe('uncork');
  });
});
