import type Koa = require('koa');

import { format } from 'node:util';
import type { Headers } from './id-store';
import { type CacheRule, variesOnCookie, varyOnCookie, warnOfSharing } from './shared-caches';

type Current = ReturnType<Koa.Context['res']['getHeaders']>;

const CARRIED = Symbol('koa-evented-session headers that an error response carries too');

interface Carried {
  headers: Headers;
  onerror: Koa.Context['onerror'];
  /** The Cache-Control that this module has set. */
  rule: CacheRule | undefined;
}

interface Carrier extends Koa.Context {
  [CARRIED]?: Carried;
}

/**
 * Keeps headers on the response even if the request fails: Koa's error handler drops all headers but the error's own.
 * The error gets them only for that synchronous call, since requests of several visitors may share one error. `rule` is
 * the Cache-Control of a response that sets a cookie, unless the application sets its own.
 */
export function carryHeaders(ctx: Koa.Context, headers: Headers, rule: CacheRule): void {
  const carried = carriedBy(ctx);
  for (const [name, value] of Object.entries(headers)) {
    const earlier = carried.headers[name];
    carried.headers[name] = earlier === undefined ? value : added(stillSent(ctx, name, earlier), value);
  }
  if (headers['set-cookie'] === undefined) return;
  carryVary(ctx);
  // The application's Cache-Control stays, and there is a warning if it lets shared caches store the cookie.
  const current = ctx.res.getHeader('Cache-Control');
  const isOurs = current !== undefined && current === carried.rule;
  if (current === undefined || (isOurs && rule === 'no-store')) {
    ctx.res.setHeader('Cache-Control', rule);
    carried.rule = rule;
    carried.headers['cache-control'] = rule;
  }
}

/** Adds `Vary: Cookie`, even if the application replaces `Vary` later or the request fails. */
export function carryVary(ctx: Koa.Context): void {
  varyOnCookie(ctx);
  carriedBy(ctx).headers['vary'] = 'Cookie';
}

function carriedBy(ctx: Koa.Context): Carried {
  const carrier = ctx as Carrier;
  carrier[CARRIED] ??= { headers: {}, onerror: ctx.onerror, rule: undefined };
  ctx.onerror = onerrorWithHeaders;
  return carrier[CARRIED];
}

/** Runs `send`, and finds which headers it sets. */
export function headersSetBy(ctx: Koa.Context, send: () => unknown): Headers | Promise<Headers> {
  const before = currentHeaders(ctx);
  const sent = send();
  if (typeof (sent as PromiseLike<unknown> | undefined)?.then !== 'function') return headersSince(ctx, before);
  return Promise.resolve(sent).then(() => headersSince(ctx, before));
}

/** Copies arrays too: `cookies` appends to the existing one. */
function currentHeaders(ctx: Koa.Context): Current {
  const headers = ctx.res.getHeaders();
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = [...value];
  }
  return headers;
}

function headersSince(ctx: Koa.Context, before: Current): Headers {
  const headers: Headers = {};
  const current = ctx.res.getHeaders();
  for (const name in current) {
    const value = current[name];
    const known = linesOf(before[name]);
    const lines = linesOf(value).filter((line) => !known.includes(line));
    if (lines.length > 0) headers[name] = Array.isArray(value) ? lines : (lines[0] as string);
  }
  return headers;
}

function added(earlier: readonly string[], value: string | string[]): string | string[] {
  // A repeated line is not sent twice.
  return Array.isArray(value) ? [...new Set([...earlier, ...value])] : value;
}

/** Leaves out what has since been removed from the response or replaced. */
function stillSent(ctx: Koa.Context, name: string, carried: string | string[] | undefined): string[] {
  const current = linesOf(ctx.res.getHeader(name));
  return linesOf(carried).filter((line) => current.includes(line));
}

function allStillSent(ctx: Koa.Context, carried: Headers): Headers {
  const sent: Headers = {};
  for (const [name, value] of Object.entries(carried)) {
    if (name === 'vary') {
      const current = linesOf(ctx.res.getHeader(name));
      if (variesOnCookie(current)) sent[name] = current.join(', ');
      continue;
    }
    const lines = stillSent(ctx, name, value);
    if (lines.length > 0) sent[name] = Array.isArray(value) ? lines : (lines[0] as string);
  }
  return sent;
}

function linesOf(value: number | string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [String(value)];
}

/** Removes from the response what {@link carryHeaders} has set. */
export function withdrawHeaders(ctx: Koa.Context): void {
  const carrier = ctx as Carrier;
  if (carrier[CARRIED] === undefined || ctx.headerSent) return;
  for (const [name, value] of Object.entries(carrier[CARRIED].headers)) {
    // `Vary` may be the application's, and does no harm.
    if (name === 'vary') continue;
    const others = linesOf(ctx.res.getHeader(name)).filter((line) => !linesOf(value).includes(line));
    if (others.length > 0) ctx.res.setHeader(name, others);
    else ctx.res.removeHeader(name);
  }
  const { vary } = carrier[CARRIED].headers;
  carrier[CARRIED].headers = vary === undefined ? {} : { vary };
  carrier[CARRIED].rule = undefined;
}

function onerrorWithHeaders(this: Carrier, error: Error): void {
  const carried = this[CARRIED];
  if (carried === undefined) return;
  // Koa calls this without an error after every successful response. Middleware in front may change headers until then.
  if (error === null || error === undefined) {
    if (carried.headers['set-cookie'] !== undefined) warnOfSharing(this.res);
    carried.onerror.call(this, error);
    return;
  }

  const lent = toError(error) as Error & { headers?: Headers };
  const own = Object.getOwnPropertyDescriptor(lent, 'headers');
  Object.defineProperty(lent, 'headers', {
    value: beside(this, join(allStillSent(this, carried.headers), lent.headers), carried.headers),
    configurable: true,
    enumerable: false, // loggers print enumerable properties, and session ids must not be logged
    writable: true,
  });
  try {
    carried.onerror.call(this, lent);
  } finally {
    if (own === undefined) delete lent.headers;
    else Object.defineProperty(lent, 'headers', own);
  }
}

/** The kept headers merged with those of the response, which an error handler may drop. */
function beside(ctx: Koa.Context, headers: Headers, carried: Headers): Headers {
  const own = headers['set-cookie'];
  if (own === undefined) return headers;
  // The application's Cache-Control would be dropped too; one of this module that the application removed stays
  // removed.
  const rule = ctx.res.getHeader('Cache-Control');
  if (rule !== undefined || carried['cache-control'] === undefined)
    headers['cache-control'] ??= linesOf(rule ?? 'no-store').join(', ');
  // At this point Koa has dropped the application's cookies, but koa-onerror has not.
  const lines = () => [...new Set([...linesOf(ctx.res.getHeader('Set-Cookie')), ...linesOf(own)])];
  return Object.defineProperty(headers, 'set-cookie', { get: lines, enumerable: true });
}

/**
 * An error that can hold headers: for other thrown values, an Error with Koa's wording; for a frozen error, a stand-in.
 */
function toError(error: unknown): Error {
  const isError = error instanceof Error || Object.prototype.toString.call(error) === '[object Error]';
  if (!isError) return new Error(format('non-error thrown: %j', error));
  const sealed =
    !Object.isExtensible(error) || Object.getOwnPropertyDescriptor(error, 'headers')?.configurable === false;
  return sealed ? Object.create(error as Error) : (error as Error);
}

/** Merges the headers. The error's own win, except for headers that combine. */
function join(carried: Headers, own: Headers | undefined): Headers {
  const joined: Headers = { ...carried };
  for (const [name, value] of Object.entries(own ?? {})) {
    const key = name.toLowerCase();
    const added = key === 'set-cookie' || key === 'vary' ? joined[key] : undefined;
    joined[key] = added === undefined ? value : [added, value].flat();
  }
  return joined;
}
