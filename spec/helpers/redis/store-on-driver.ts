import type * as redisModule from '../../../lib/redis';
import { interop } from '../../interop';

/** The packages that redisStore may find under the name of ioredis. */
export const ioRedisNames = ['ioredis4', 'ioredis5', 'ioredis6'] as const;

/** `koa-evented-session/redis` with that version of ioredis installed. */
export function redisStoreOn(name: (typeof ioRedisNames)[number]): typeof redisModule {
  let module: typeof redisModule | undefined;
  jest.isolateModules(() => {
    jest.doMock('ioredis', () => interop(name));
    module = jest.requireActual<typeof redisModule>('../../../lib/redis');
  });
  jest.dontMock('ioredis');
  return module as typeof redisModule;
}
