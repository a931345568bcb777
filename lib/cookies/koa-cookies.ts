import Cookies = require('cookies');
import type Koa = require('koa');

/** What reads and sets the cookies of a request. */
type KoaCookies = Koa.Context['cookies'];

/** `ctx.cookies.get` and `ctx.cookies.set` of Koa 2.15 and later. */
const { get, set } = Cookies.prototype;

/**
 * Returns what reads and sets the session's cookies: `ctx.cookies`, or what the application has put in its place. Koa
 * 2.13 and 2.14 use `cookies` 0.8, which drops `partitioned` and `priority` silently. With them, the functions of this
 * package's `cookies` work on the same request, keys and `secure`.
 */
export function cookiesOf({ cookies }: Koa.Context): KoaCookies {
  if (cookies.set === set || !isOlder(cookies)) return cookies;
  return Object.create(cookies, { get: { value: get }, set: { value: set } });
}

/** Whether the cookies of the request are Koa's. Those that an application provides may treat each request differently. */
export function isKnown(ctx: Koa.Context): boolean {
  const cookies = cookiesOf(ctx);
  return cookies.set === set && cookies.get === get && cookies.request === ctx.req && cookies.response === ctx.res;
}

/** Whether `ctx.cookies` considers the connection secure. Applications set it if they know better. */
export function securityOf(ctx: Koa.Context): boolean {
  return (ctx.cookies as { secure?: boolean }).secure ?? ctx.secure;
}

/**
 * Whether this is an object of `cookies` before 0.9, the first that knows `partitioned`. An application may have changed
 * the object, or made it of a class that extends `Cookies`.
 */
function isOlder(cookies: KoaCookies): boolean {
  const prototype = Object.getPrototypeOf(cookies) as (KoaCookies & { constructor?: unknown }) | null;
  if (cookies.get !== prototype?.get || cookies.set !== prototype.set) return false;
  const Made = prototype.constructor;
  if (typeof Made !== 'function' || Made.prototype !== prototype || !Object.hasOwn(Made, 'Cookie')) return false;
  const attributes: unknown = (Made as Partial<typeof Cookies>).Cookie?.prototype;
  return (
    typeof attributes === 'object' && attributes !== null && 'overwrite' in attributes && !('partitioned' in attributes)
  );
}
