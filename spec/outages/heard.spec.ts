import { once } from 'node:events';
import { Redis as Redis5 } from 'ioredis5';
import session, { type Store } from '../../lib/main';
import { endOf, type KoaRedis, koaRedisKinds, heard as said, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

const names = ['connect', 'ready', 'error', 'close', 'reconnecting', 'end', 'disconnect'];
/** How many listeners the client has of each event: those of koa-redis itself, ours, everybody's. */
const listenersOf = (client: KoaRedis) =>
  [client, client.client as unknown as KoaRedis].map((emitter) => names.map((name) => emitter.listenerCount(name)));
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe.each(Object.entries(koaRedisKinds))('%s', (kind, connect) => {
  let redis: RedisServer;
  let client: KoaRedis;
  let sessions: session.SessionMiddleware;
  const heard: string[] = [];
  const listen = (store: Store) => {
    for (const event of ['connect', 'disconnect'] as const) store.on(event, () => heard.push(event));
  };
  beforeEach(async () => {
    heard.length = 0;
    redis = await startRedis();
    client = connect(redis);
    client.on('error', () => undefined);
    await untilReady(client);
  });
  afterEach(async () => {
    await sessions.close();
    await endOf(client);
    await redis.stop();
  });

  it('reports a killed Redis within half a second, and its return, once each', async () => {
    sessions = session({ store: client });
    listen(sessions.store);
    const took: number[] = [];
    for (let outage = 1; outage <= 5; outage += 1) {
      const gone = once(sessions.store, 'disconnect');
      const start = performance.now();
      const dead = redis.kill('SIGKILL');
      await gone;
      took.push(Math.round(performance.now() - start));
      await dead;
      const back = once(sessions.store, 'connect');
      await redis.restart();
      await back;
    }
    console.log(`${kind}: disconnect was heard ${took.join(', ')} ms after SIGKILL`);
    expect(heard).toEqual(Array(5).fill(['disconnect', 'connect']).flat());
    // The median, since another program may have the processor for a while.
    expect(took.sort((a, b) => a - b)[2]).toBeLessThan(500);
  });

  it('does not report the end of all retries again', async () => {
    await endOf(client);
    client = connect(redis, { retryStrategy: (times: number) => (times > 3 ? null : 10) });
    client.on('error', () => undefined);
    await untilReady(client);
    sessions = session({ store: client });
    listen(sessions.store);
    const ended = said(client, 'end');
    await redis.kill('SIGKILL');
    await ended;
    expect(heard).toEqual(['disconnect']);
  });

  it('leaves no timer and no listener behind after many lost connections', async () => {
    const warned = jest.fn();
    process.on('warning', warned);
    const operator = new Redis5(redis.port, '127.0.0.1');
    const before = { listeners: listenersOf(client), timers: timers() };
    const others = Array.from({ length: 12 }, (_, n) => session({ store: client, prefix: `${n}:` }));
    sessions = session({ store: client, reconnectTimeout: 600_000 });
    const during = listenersOf(client);
    listen(sessions.store);

    const flaps = 30;
    for (let flap = 1; flap <= flaps; flap += 1) {
      const back = once(sessions.store, 'connect');
      await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await back;
    }
    expect(heard).toEqual(Array(flaps).fill(['disconnect', 'connect']).flat());
    expect(listenersOf(client)).toEqual(during);
    await until(() => timers() <= before.timers);

    await Promise.all([...others, sessions].map((one) => one.close()));
    expect(listenersOf(client)).toEqual(before.listeners);
    expect(warned).not.toHaveBeenCalled();
    process.off('warning', warned);
    operator.disconnect();
    await once(operator, 'end');
  });
});
