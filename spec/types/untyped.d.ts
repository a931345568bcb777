// Modules without types, or whose published types redeclare `ctx.session`.

declare module 'koa2' {
  import Koa = require('koa');
  export = Koa;
}

declare module 'koa-generic-session' {
  import type { Middleware } from 'koa';

  function session(options?: object): Middleware;
  export = session;
}

declare module 'markdown-it' {
  interface Token {
    readonly tag: string;
    readonly content: string;
  }
  function markdownIt(options?: object): {
    render(text: string, env?: object): string;
    readonly renderer: { rules: Record<string, (tokens: Token[], index: number) => string> };
  };
  export = markdownIt;
}

declare module 'koa-redis' {
  import type { EventEmitter } from 'node:events';

  interface RedisStore extends EventEmitter {
    readonly client: { quit(): Promise<unknown>; disconnect(): void };
    readonly connected: boolean;
    get(sid: string): Promise<unknown>;
    set(sid: string, session: unknown, ttl?: number): Promise<unknown>;
    destroy(sid: string): Promise<unknown>;
    quit(): Promise<unknown>;
    end(): Promise<unknown>;
  }
  function redisStore(options?: object): RedisStore;
  export = redisStore;
}

/** Not installed here under its own name; the documentation shows how it is used. */
declare module 'redis' {
  import type { EventEmitter } from 'node:events';

  export function createClient(options?: object): EventEmitter & { connect(): Promise<unknown> };
}
