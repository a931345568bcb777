import { EventEmitter, once } from 'node:events';
import session, { Store } from '../../lib/main';
import { endOf, type KoaRedis, koaRedisKinds, statusOf, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';
import { until } from '../helpers/time/until';

/** What a Store says from now on, its status along with it. */
function heardOf(store: Store): string[] {
  const heard: string[] = [];
  for (const event of ['connect', 'disconnect'] as const)
    store.on(event, () => heard.push(`${event}: ${store.status}`));
  return heard;
}

/** A client of the ioredis family: an emitter with a `status`. */
class RedisLikeClient extends EmittingClient {
  constructor(public status: string) {
    super();
  }

  become(status: string): void {
    this.status = status;
    this.emit(status);
  }
}

describe('The events of a client', () => {
  describe('that emits connect and disconnect', () => {
    it('are optional', async () => {
      const store = new Store(new MapClient());
      expect(store.status).toBe('available');
      store.close();
    });

    it('reach the Store until it is closed', () => {
      const client = new EmittingClient();
      const store = new Store(client);
      const heard = heardOf(store);
      client.emit('disconnect');
      client.emit('connect');
      store.close();
      client.emit('disconnect');
      expect(heard).toEqual(['disconnect: pending', 'connect: available']);
    });

    it('pass nothing of the client into the Store', () => {
      const client = new EmittingClient();
      const heard = jest.fn();
      new Store(client).on('disconnect', heard);
      client.emit('disconnect', new Error('secret address'));
      expect(heard.mock.calls).toEqual([[]]);
    });

    it('need one listener each, however many Stores there are', () => {
      const client = new EmittingClient();
      const warned = jest.spyOn(process, 'emitWarning').mockImplementation();
      const stores = Array.from({ length: 20 }, (_, n) => new Store(client, { prefix: `${n}:` }));
      expect([client.listenerCount('connect'), client.listenerCount('disconnect')]).toEqual([1, 1]);
      const heard = stores.map(heardOf);
      client.emit('disconnect');
      expect(heard).toEqual(stores.map(() => ['disconnect: pending']));
      for (const store of stores) store.close();
      expect([client.eventNames(), warned.mock.calls]).toEqual([[], []]);
      warned.mockRestore();
    });

    it('still reach the others when one Store is closed', () => {
      const client = new EmittingClient();
      const [one, other] = [new Store(client), new Store(client)];
      const heard = [heardOf(one), heardOf(other)];
      one.close();
      one.close();
      client.emit('disconnect');
      expect(heard).toEqual([[], ['disconnect: pending']]);
    });

    it('can be listened to again after the last Store was closed', () => {
      const client = new EmittingClient();
      new Store(client).close();
      const heard = heardOf(new Store(client));
      client.emit('disconnect');
      expect(heard).toEqual(['disconnect: pending']);
    });

    it('keep the listeners of others', () => {
      const client = new EmittingClient();
      const theirs = () => undefined;
      client.on('connect', theirs);
      new Store(client).close();
      expect([client.listeners('connect'), client.eventNames()]).toEqual([[theirs], ['connect']]);
    });

    it.each([
      ['removeListener alone', { removeListener: EventEmitter.prototype.removeListener }],
      ['nothing to remove listeners with', {}],
    ])('may come from a client that has %s', (_what, removal) => {
      const emitter = new EventEmitter();
      const client = Object.assign(new MapClient(), {
        on: (event: string, listener: () => void) => emitter.on(event, listener),
        ...('removeListener' in removal && {
          removeListener: (event: string, listener: () => void) => emitter.removeListener(event, listener),
        }),
      });
      const store = new Store(client);
      const heard = heardOf(store);
      emitter.emit('disconnect');
      store.close();
      emitter.emit('connect');
      expect([heard, store.status]).toEqual([['disconnect: pending'], 'closed']);
      expect(emitter.eventNames().length).toBe('removeListener' in removal ? 0 : 2);
    });

    it('never make the Store emit an unhandled error', () => {
      const client = new EmittingClient();
      const store = new Store(client);
      client.on('error', () => undefined);
      client.emit('error', new Error('refused'));
      expect([store.status, store.eventNames()]).toEqual(['available', []]);
    });
  });

  describe('that has a status like ioredis', () => {
    it.each([
      ['connecting', 'pending'],
      ['connect', 'pending'],
      ['reconnecting', 'pending'],
      ['close', 'pending'],
      ['end', 'pending'],
      ['ready', 'available'],
      ['monitoring', 'available'],
      ['wait', 'available'],
    ])('turns a client that is %s into a Store that is %s', (status, expected) => {
      const store = new Store(new RedisLikeClient(status));
      expect(store.status).toBe(expected);
      store.close();
    });

    it('count as connected when it is ready, not while Redis is loading', () => {
      const client = new RedisLikeClient('connecting');
      const store = new Store(client);
      const heard = heardOf(store);
      client.become('connect');
      expect([heard, store.status]).toEqual([[], 'pending']);
      client.become('ready');
      expect(heard).toEqual(['connect: available']);
      store.close();
    });

    it.each(['close', 'reconnecting', 'end', 'disconnect'])('count as disconnected with %s', (event) => {
      const client = new RedisLikeClient('ready');
      const store = new Store(client);
      const heard = heardOf(store);
      client.become(event);
      expect(heard).toEqual(['disconnect: pending']);
      store.close();
    });

    it('are emitted once per outage, whatever happens during it', () => {
      const client = new RedisLikeClient('ready');
      const store = new Store(client);
      const heard = heardOf(store);
      const outage = ['close', 'reconnecting', 'connecting', 'close', 'reconnecting', 'connect', 'ready'];
      for (const status of [...outage, ...outage]) client.become(status);
      expect(heard).toEqual(Array(2).fill(['disconnect: pending', 'connect: available']).flat());
      store.close();
    });
  });

  describe.each(Object.entries(koaRedisKinds))('of %s', (_kind, connect) => {
    let redis: RedisServer;
    let client: KoaRedis;
    beforeEach(async () => {
      redis = await startRedis();
      client = connect(redis);
      client.on('error', () => undefined);
    });
    afterEach(async () => {
      await endOf(client);
      await redis.stop();
    });

    it('report each outage of a real server once', async () => {
      const store = new Store(client);
      const heard = heardOf(store);
      await once(store, 'connect');
      for (const _outage of [1, 2]) {
        await Promise.all([once(store, 'disconnect'), redis.kill('SIGKILL')]);
        await Promise.all([once(store, 'connect'), redis.restart()]);
      }
      expect(heard).toEqual([
        'connect: available',
        ...Array(2).fill(['disconnect: pending', 'connect: available']).flat(),
      ]);
      store.close();
    });

    it('let a request wait for a server that returns', async () => {
      await untilReady(client);
      const use = session({ store: client });
      const site = await closedAfterTest(openSite({ use }));
      const visitor = site.visitor();
      await Promise.all([once(use.store, 'disconnect'), redis.kill('SIGKILL')]);
      const reply = visitor.get('/put?user=ann');
      await redis.restart();
      expect((await reply).status).toBe(200);
      expect((await visitor.get('/see')).json()).toEqual({ user: 'ann' });
      await use.close();
    });

    it('let requests fail soon if the server stays away', async () => {
      await untilReady(client);
      const use = session({ store: client, reconnectTimeout: 30, timeout: 4000 });
      const site = await closedAfterTest(openSite({ use }));
      const visitor = site.visitor();
      await visitor.get('/put?user=ann');
      await Promise.all([once(use.store, 'disconnect'), redis.kill('SIGKILL')]);
      expect((await visitor.get('/see')).status).toBe(500);
      expect(use.store.status).toBe('unavailable');
      expect((await visitor.get('/see')).status).toBe(500);
      expect(site.errors.map((error) => [error.name, error.message])).toEqual(
        Array(2).fill(['StoreUnavailableError', expect.stringMatching(/^session store is unavailable/)]),
      );
      await use.close();
    });

    it('end with the last retry when the owner quits the client', async () => {
      const store = new Store(client);
      const heard = heardOf(store);
      await once(store, 'connect');
      await client.quit();
      await until(() => statusOf(client) === 'end');
      expect(heard).toEqual(['connect: available', 'disconnect: pending']);
      store.close();
    });

    it('leave no listener behind when the middleware is closed', async () => {
      await untilReady(client);
      const names = ['connect', 'ready', 'close', 'reconnecting', 'end', 'disconnect'];
      const counts = () => names.map((name) => client.listenerCount(name));
      const before = counts();
      const use = session({ store: client });
      const during = counts();
      await use.close();
      expect(during).not.toEqual(before);
      expect(counts()).toEqual(before);
    });
  });
});
