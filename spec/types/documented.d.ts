// Packages that are not installed under their own names, as far as the documentation shows how they are used.

declare module 'connect-redis' {
  export const RedisStore: new (options: { client: object }) => import('express-session').Store;
}

declare module 'session-file-store' {
  type FileStore = new (options?: { path?: string }) => import('express-session').Store;
  function factory(session: typeof import('express-session')): FileStore;
  export = factory;
}

declare module 'keyv' {
  export class Keyv {
    constructor(options?: { store?: object; throwOnErrors?: boolean });
    get(key: string): Promise<unknown>;
    set(key: string, value: unknown, ttl?: number): Promise<boolean>;
    delete(key: string): Promise<boolean>;
  }
}

declare module '@keyv/redis' {
  export default class KeyvRedis {
    constructor(url?: string, options?: { throwOnErrors?: boolean });
  }
}

declare module 'koa-session-local' {
  class LocalSessionStore {
    constructor(options?: { gc?: boolean; probability?: number; maxlifetime?: number });
    get(key: string, maxAge?: number, options?: object): Promise<object | null>;
    set(key: string, session: object, maxAge: number, options: object): Promise<void>;
    destroy(key: string): Promise<void>;
  }
  export = LocalSessionStore;
}

declare module 'koa-mysql-session' {
  class MysqlStore {
    constructor(options: object);
    get(sid: string): Generator<unknown, object | null>;
    set(sid: string, session: object, ttl?: number): Generator<unknown, unknown>;
    destroy(sid: string): Generator<unknown, void>;
  }
  export = MysqlStore;
}

declare module '@koa/bodyparser' {
  export function bodyParser(options?: object): import('koa').Middleware;
}

declare module 'connect-mongo' {
  export class MongoStore {
    static create(options: object): MongoStore;
    get(sid: string, callback: (error: unknown, session?: object | null) => void): void;
    set(sid: string, session: object, callback?: (error: unknown) => void): void;
    destroy(sid: string, callback?: (error: unknown) => void): void;
    close(): Promise<void>;
  }
}

declare module 'koa-passport' {
  type Done = (error: unknown, answer?: unknown) => void;
  interface User {
    name: string;
  }
  export class KoaPassport {
    use(strategy: object): this;
    serializeUser(serialize: (user: User, done: Done) => void): void;
    deserializeUser(deserialize: (id: string, done: Done) => void): void;
    initialize(): import('koa').Middleware;
    session(): import('koa').Middleware;
    authenticate(
      strategy: string,
      options: object,
      callback?: (error: unknown, user: User) => unknown,
    ): import('koa').Middleware;
  }
}

declare module 'passport-local' {
  type Done = (error: unknown, user?: object | false, info?: { message: string }) => void;
  export class Strategy {
    constructor(verify: (name: string, password: string, done: Done) => unknown);
  }
}

declare module 'csrf' {
  class Tokens {
    secretSync(): string;
    create(secret: string): string;
    verify(secret: string | undefined, token: string | undefined): boolean;
  }
  export = Tokens;
}

declare module 'koa-better-flash' {
  function flash(): import('koa').Middleware;
  export = flash;
}

declare module 'openid-client' {
  interface Configuration {
    serverMetadata(): { issuer: string; jwks_uri: string };
  }
  type Parameters = Record<string, unknown>;
  export function discovery(server: URL, clientId: string, clientSecret: string): Promise<Configuration>;
  export function randomState(): string;
  export function randomNonce(): string;
  export function randomPKCECodeVerifier(): string;
  export function calculatePKCECodeChallenge(codeVerifier: string): Promise<string>;
  export function buildAuthorizationUrl(provider: Configuration, parameters: Parameters): URL;
  export function buildEndSessionUrl(provider: Configuration, parameters: Parameters): URL;
  export function authorizationCodeGrant(
    provider: Configuration,
    currentUrl: URL,
    checks: { expectedState: string; expectedNonce: string; pkceCodeVerifier: string; idTokenExpected: boolean },
  ): Promise<{ id_token: string; claims(): { sub: string; sid?: string } }>;
}

declare module '@koa/cors' {
  function cors(options?: { origin?: string; credentials?: boolean }): import('koa').Middleware;
  export = cors;
}
