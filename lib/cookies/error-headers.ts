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
 * Sees to it that headers which were set reach the visitor even where the request fails: Koa's error handler drops all headers
 * but the error's own. They are lent to the error for that synchronous call alone, since an error may be shared by requests of
 * several visitors. `rule` is what caches are told of a response that sets a cookie, unless the application tells them itself.
 */
export function carryHeaders(ctx: Koa.Context, headers: Headers, rule: CacheRule): void {
  const carried = carriedBy(ctx);
  for (const name of Object.keys(headers))
    carried.headers[name] = added(stillSent(ctx, name, carried.headers[name]), headers[name]);
  if (headers['set-cookie'] === undefined) return;
  carryVary(ctx);
  // What the application has said stays: it may know better, and it is warned.
  const current = ctx.res.getHeader('Cache-Control');
  const isOurs = current !== undefined && current === carried.rule;
  if (current === undefined || (isOurs && rule === 'no-store')) {
    ctx.res.setHeader('Cache-Control', rule);
    carried.rule = rule;
    carried.headers['cache-control'] = rule;
  }
  warnOfSharing(ctx, () => carried.headers['set-cookie'] !== undefined);
}

/** The response varies with the cookie, also where the application has set another `Vary` meanwhile, and where the request fails. */
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

/** Runs `send`, which sets headers, and carries those. */
export function carryWhatSets(ctx: Koa.Context, send: () => unknown, rule: CacheRule): Promise<void> | undefined {
  const before = currentHeaders(ctx);
  const sent = send();
  if (typeof (sent as PromiseLike<unknown> | undefined)?.then !== 'function') return carrySince(ctx, before, rule);
  return Promise.resolve(sent).then(() => carrySince(ctx, before, rule));
}

/** A copy of the arrays too: `cookies` adds to the one that is there. */
function currentHeaders(ctx: Koa.Context): Current {
  const headers = ctx.res.getHeaders();
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = [...value];
  }
  return headers;
}

function carrySince(ctx: Koa.Context, before: Current, rule: CacheRule): undefined {
  const headers: Headers = {};
  const current = ctx.res.getHeaders();
  for (const name in current) {
    const value = current[name];
    const known = linesOf(before[name]);
    const lines = linesOf(value).filter((line) => !known.includes(line));
    if (lines.length > 0) headers[name] = Array.isArray(value) ? lines : (lines[0] as string);
  }
  carryHeaders(ctx, headers, rule);
}

function added(earlier: string | string[] | undefined, value: string | string[] | undefined): string | string[] {
  const isOne = !Array.isArray(value) && value !== undefined;
  // What is sent again is the same line.
  return isOne ? value : [...new Set([...linesOf(earlier), ...linesOf(value)])];
}

/** Without what somebody has taken off the response meanwhile, or replaced. */
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

/** Takes off the response what was set on it by {@link carryHeaders}. */
export function withdrawHeaders(ctx: Koa.Context): void {
  const carrier = ctx as Carrier;
  if (carrier[CARRIED] === undefined || ctx.headerSent) return;
  for (const [name, value] of Object.entries(carrier[CARRIED].headers)) {
    // It may be the application's too, and does no harm.
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
  // Koa calls this with nothing whenever a response has ended well.
  if (error === null || error === undefined) {
    carried.onerror.call(this, error);
    return;
  }

  const lent = toError(error) as Error & { headers?: Headers };
  const own = Object.getOwnPropertyDescriptor(lent, 'headers');
  Object.defineProperty(lent, 'headers', {
    value: beside(this, join(allStillSent(this, carried.headers), lent.headers), carried.headers),
    configurable: true,
    enumerable: false, // loggers print what is enumerable, and a session id is not for logs
    writable: true,
  });
  try {
    carried.onerror.call(this, lent);
  } finally {
    if (own === undefined) delete lent.headers;
    else Object.defineProperty(lent, 'headers', own);
  }
}

/** The headers as they stand beside those of the response, whatever an error handler drops of these. */
function beside(ctx: Koa.Context, headers: Headers, carried: Headers): Headers {
  const own = headers['set-cookie'];
  if (own === undefined) return headers;
  // What the application has said of caches is dropped too; what it has taken off, of ours, stays off.
  const rule = ctx.res.getHeader('Cache-Control');
  if (rule !== undefined || carried['cache-control'] === undefined)
    headers['cache-control'] ??= linesOf(rule ?? 'no-store').join(', ');
  // Koa has dropped the cookies of the application when it asks, and koa-onerror has not.
  const lines = () => [...new Set([...linesOf(ctx.res.getHeader('Set-Cookie')), ...linesOf(own)])];
  return Object.defineProperty(headers, 'set-cookie', { get: lines, enumerable: true });
}

/** What can hold headers: Koa makes an Error of whatever else was thrown, in these words; a frozen error is stood in for. */
function toError(error: unknown): Error {
  const isError = error instanceof Error || Object.prototype.toString.call(error) === '[object Error]';
  if (!isError) return new Error(format('non-error thrown: %j', error));
  const sealed =
    !Object.isExtensible(error) || Object.getOwnPropertyDescriptor(error, 'headers')?.configurable === false;
  return sealed ? Object.create(error as Error) : (error as Error);
}

/** The error's own headers win, but for those that add up. */
function join(carried: Headers, own: Headers | undefined): Headers {
  const joined: Headers = { ...carried };
  for (const [name, value] of Object.entries(own ?? {})) {
    const key = name.toLowerCase();
    const added = key === 'set-cookie' || key === 'vary' ? joined[key] : undefined;
    joined[key] = added === undefined ? value : [added, value].flat();
  }
  return joined;
}
