// Where @types/koa-redis is not installed.

declare module 'koa-redis' {
  import type { EventEmitter } from 'node:events';

  interface RedisStore extends EventEmitter {
    get(sid: string): Promise<unknown>;
    set(sid: string, session: object, ttl?: number): Promise<unknown>;
    destroy(sid: string): Promise<unknown>;
  }
  function redisStore(options?: object): RedisStore;
  export = redisStore;
}
