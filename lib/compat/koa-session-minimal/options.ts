import type Koa = require('koa');

/** Attributes of the session cookie, as the `cookies` package names them. */
export type CookieAttributes = NonNullable<Parameters<Koa.Context['cookies']['set']>[2]>;

/** The options of koa-session-minimal. What is falsy, such as `null` or `''`, means "not given". */
export interface Options {
  /** The cookie's name, and with a colon behind it what every key in the store starts with. Default: `'koa:sess'`. */
  key?: string | null | undefined;
  /** Where sessions are kept: a client with `get`, `set` and `destroy`. Default: a new MemoryStore. */
  store?: unknown;
  /**
   * Attributes of the cookie, or a function of the context that returns them, called whenever a session is saved or ends.
   * Default: `{ maxAge: 0, path: '/', httpOnly: true }`. `maxAge` in milliseconds is the record's time too; with `0` the cookie ends
   * with the browser, and the record after a day. `signed` and `overwrite` are always `false` and `true`.
   * An attribute of `null`, `undefined` or `''` is not given; what else is falsy turns it off.
   */
  cookie?: CookieAttributes | ((ctx: Koa.Context) => CookieAttributes | null | undefined) | null | undefined;
}

/** The middleware. */
export interface Middleware extends Koa.Middleware {
  /** Stops listening to the store, and fails the requests that wait for it. The client is yours to end. */
  close(): Promise<void>;
}
