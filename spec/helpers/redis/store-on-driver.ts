import * as redisModule from '../../../lib/redis';
import { interop } from '../../interop';

/** The packages that redisStore may find under the name of ioredis. */
export const ioRedisNames = ['ioredis4', 'ioredis5', 'ioredis6'] as const;

type RedisStore = ReturnType<typeof redisModule.redisStore>;

/** `koa-evented-session/redis` with that version of ioredis installed. */
export function redisStoreOn(name: (typeof ioRedisNames)[number]): typeof redisModule {
  const driver = interop(name) as { Cluster: new () => unknown } & (new () => unknown);
  const redisStore = (options: Parameters<typeof redisModule.redisStore>[0]): RedisStore => {
    let store: RedisStore | undefined;
    // The driver is loaded when the store is created.
    try {
      jest.isolateModules(() => {
        jest.doMock('ioredis', () => driver);
        store = redisModule.redisStore(options);
      });
    } finally {
      jest.dontMock('ioredis');
    }
    const { client } = store as RedisStore;
    if (!(client instanceof driver || client instanceof driver.Cluster)) throw new Error(`The store is not on ${name}`);
    return store as RedisStore;
  };
  return { ...redisModule, redisStore };
}
