import createDebug = require('debug');

/**
 * What happens to the sessions of requests, for `DEBUG=koa-evented-session:*`. Never an id, never data: lines end up in logs. Check
 * `enabled` where a value would have to be computed.
 */
export const sessionLine = createDebug('koa-evented-session:session');

/** What the store is asked, and what it does to requests. */
export const storeLine = createDebug('koa-evented-session:store');
