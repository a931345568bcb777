import type Koa = require('koa');

/** Attributes of the session cookie, named as in the `cookies` package. */
export type CookieAttributes = NonNullable<Parameters<Koa.Context['cookies']['set']>[2]>;

/** The options of koa-session-minimal. Falsy values such as `null` or `''` mean "not given". */
export interface Options {
  /** The name of the cookie and, with a colon appended, the prefix of every key in the store. Default: `'koa:sess'`. */
  key?: string | null | undefined;
  /** Where sessions are kept: a client with `get`, `set` and `destroy`. Default: a new MemoryStore. */
  store?: unknown;
  /**
   * Attributes of the cookie, or a function of the context that returns them, called whenever a session is saved or
   * ends. Default: `{ maxAge: 0, path: '/', httpOnly: true }`. `maxAge` in milliseconds is also the lifetime of the
   * record; with `0`, the cookie ends with the browser, and the record after a day. `signed` is always `false`, and
   * `overwrite` always `true`. An attribute of `null`, `undefined` or `''` counts as not given; other falsy values turn
   * it off.
   */
  cookie?: CookieAttributes | ((ctx: Koa.Context) => CookieAttributes | null | undefined) | null | undefined;
}

/** The middleware. */
export interface Middleware extends Koa.Middleware {
  /**
   * Stops listening to the store and fails the requests that wait for it. Does not close the client; close it yourself.
   */
  close(): Promise<void>;
}
