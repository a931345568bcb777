import createDebug = require('debug');

/** Writes a line if its namespace is enabled. Declared here so that users need no types of the package `debug`. */
interface DebugLine {
  (text: string, ...values: unknown[]): void;
  readonly enabled: boolean;
}

/**
 * What happens to the sessions of requests, for `DEBUG=koa-evented-session:*`. Log no ids and no data. Check `enabled`
 * before computing a value.
 */
export const sessionLine: DebugLine = createDebug('koa-evented-session:session');

/** Calls to the store, and their effect on requests. */
export const storeLine: DebugLine = createDebug('koa-evented-session:store');

/** Most often `app.keys` of another deployment or process: visitors are logged out, and no event tells. */
export const REFUSED = 'refused: the signature of the cookie is wrong or missing';
