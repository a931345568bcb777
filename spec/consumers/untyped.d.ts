// Stores that have no types, as their users declare them.

declare module 'koa-mysql-session' {
  class MysqlStore {
    constructor(options: object);
    get(sid: string): Generator<unknown, object | null>;
    set(sid: string, session: object, ttl?: number): Generator<unknown, unknown>;
    destroy(sid: string): Generator<unknown, void>;
  }
  export = MysqlStore;
}

declare module 'koa-session-local' {
  class LocalSessionStore {
    get(key: string, maxAge?: number, options?: object): Promise<object | null>;
    set(key: string, session: object, maxAge: number, options: object): Promise<void>;
    destroy(key: string): Promise<void>;
  }
  export = LocalSessionStore;
}

declare module 'session-file-store' {
  import type session = require('express-session');

  function fileStore(of: typeof session): new (options?: { path?: string }) => session.Store;
  export = fileStore;
}
