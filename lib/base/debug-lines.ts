import createDebug = require('debug');

/** Writes a line, if its namespace is turned on. Declared here, so that users need no types of the package `debug`. */
interface DebugLine {
  (text: string, ...values: unknown[]): void;
  readonly enabled: boolean;
}

/**
 * What happens to the sessions of requests, for `DEBUG=koa-evented-session:*`. Never an id, never data: lines end up in logs. Check
 * `enabled` where a value would have to be computed.
 */
export const sessionLine: DebugLine = createDebug('koa-evented-session:session');

/** What the store is asked, and what it does to requests. */
export const storeLine: DebugLine = createDebug('koa-evented-session:store');
