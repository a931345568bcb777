import Cookies = require('cookies');
import type Koa = require('koa');

import { SessionError } from '../base/errors';
import { ONE_DAY } from '../base/ttl';
import type { CookieOptions } from '../base/types';
import { needsSecure } from './attributes';

/** How `ctx.cookies` wrote the attributes of a cookie, and for what that holds. */
interface Written {
  text: string;
  /** The second in which the cookie ends: the header tells no finer. */
  ends: number;
  maxAge: number | undefined;
  secure: unknown;
}

/** No browser keeps a cookie for longer (RFC 6265bis, 5.5), and much longer than that is no date any more. */
const LONGEST_MAX_AGE = 400 * ONE_DAY;

const TLS = 'Serve it over TLS; behind a proxy that ends TLS set `app.proxy = true`';

/** How Koa's `ctx.cookies` sets a cookie. */
const { set } = Cookies.prototype;

/** A value that no cookie library has anything to say about. */
const PLAIN_VALUE = /^[\w-]+$/;

/**
 * Sets cookies with `ctx.cookies`, and remembers how it wrote attributes that many visitors share: saves a request that sends
 * its cookie again most of that work.
 */
export class SetCookie {
  readonly #written = new WeakMap<Readonly<CookieOptions>, Written>();

  /**
   * Sets a cookie and the one with its signature, both with the same attributes, and answers with their Set-Cookie lines.
   *
   * @param isShared whether the attributes are an object that never changes, and that other visitors' cookies have too
   * @throws SessionError `ERR_SESSION_COOKIE` for what a cookie cannot be.
   */
  send(
    ctx: Koa.Context,
    [name, value]: readonly [name: string, value: string | null],
    [signatureName, signature]: readonly [name: string, value: string | null | undefined],
    attributes: Readonly<CookieOptions>,
    isShared: boolean,
  ): string[] {
    const mayRecall = isShared && isPlain(value) && isPlain(signature) && isKnown(ctx);
    const text = mayRecall ? this.#recall(ctx, attributes) : undefined;
    if (text !== undefined && !ctx.res.hasHeader('Set-Cookie')) {
      const line = `${name}=${value}${text}`;
      const lines = signature === undefined ? [line] : [line, `${signatureName}=${signature}${text}`];
      // A copy: `cookies` adds to the array that is there.
      ctx.res.setHeader('Set-Cookie', [...lines]);
      return lines;
    }
    const line = setCookie(ctx, name, value, attributes);
    if (mayRecall && line.startsWith(`${name}=${value};`))
      this.#remember(ctx, attributes, line.slice(`${name}=${value}`.length));
    return signature === undefined ? [line] : [line, setCookie(ctx, signatureName, signature, attributes)];
  }

  #recall(ctx: Koa.Context, attributes: Readonly<CookieOptions>): string | undefined {
    const written = this.#written.get(attributes);
    if (written === undefined || written.secure !== securityOf(ctx)) return undefined;
    const isSame = written.ends === endOf(attributes) && written.maxAge === maxAgeOf(attributes);
    return isSame ? written.text : undefined;
  }

  #remember(ctx: Koa.Context, attributes: Readonly<CookieOptions>, text: string): void {
    this.#written.set(attributes, {
      text,
      ends: endOf(attributes),
      maxAge: maxAgeOf(attributes),
      secure: securityOf(ctx),
    });
  }
}

/** Whether the application has left `ctx.cookies` as Koa makes it: its own may go by each request. */
function isKnown(ctx: Koa.Context): boolean {
  return ctx.cookies.set === set && ctx.cookies.response === ctx.res;
}

/** Whether `ctx.cookies` takes the connection for a safe one: applications set it where they know better. */
export function securityOf(ctx: Koa.Context): boolean {
  return (ctx.cookies as { secure?: boolean }).secure ?? ctx.secure;
}

function endOf({ maxAge, expires }: Readonly<CookieOptions>): number {
  if (maxAge) return Math.floor((Date.now() + Math.min(maxAge, LONGEST_MAX_AGE)) / 1000);
  return expires instanceof Date ? expires.getTime() : 0;
}

function isPlain(value: string | null | undefined): boolean {
  return value === undefined || (value !== null && PLAIN_VALUE.test(value));
}

/** Signatures are cookies of their own here: `cookies` would make each anew. */
function setCookie(ctx: Koa.Context, name: string, value: string | null, cookie: Readonly<CookieOptions>): string {
  const { maxAge } = cookie;
  const attributes = { ...cookie, signed: false };
  if (maxAge) attributes.maxAge = Math.min(maxAge, LONGEST_MAX_AGE);
  try {
    // The types of `cookies` know neither null nor the Date that a string has become.
    ctx.cookies.set(name, value, attributes as Parameters<typeof ctx.cookies.set>[2]);
  } catch (cause) {
    throw cookie.secure === true && !securityOf(ctx) ? insecure(name, cause) : cookieError(name, cause);
  }
  // The option `secure: false` has a warning of its own, at set-up.
  if (value !== null && cookie.secure !== false) warnIfDropped(ctx, name, cookie);
  addMaxAge(ctx, [name], attributes);
  return linesOf(ctx).findLast((line) => line.startsWith(`${name}=`)) ?? '';
}

function linesOf(ctx: Koa.Context): string[] {
  return [ctx.res.getHeader('Set-Cookie') ?? []].flat().map(String);
}

/**
 * Gives cookies of the response, which have these attributes, a `Max-Age` beside the `Expires` that `ctx.cookies` has written: it
 * counts by no clock (RFC 6265, 5.3), so a cookie of an hour reaches clients whose clock is two hours fast. A cookie that is
 * cleared needs none: every clock is past 1970.
 */
export function addMaxAge(ctx: Koa.Context, names: readonly string[], attributes: Lifetime): void {
  const seconds = maxAgeOf(attributes);
  if (seconds === undefined) return;
  // One that is cleared has another time: Egg's `ctx.cookies` clears the cookie without a partition beside the one with it.
  const isTheirs = (line: string) =>
    names.some((name) => line.startsWith(`${name}=`) && !line.startsWith(`${name}=;`)) && !/; *max-age=/i.test(line);
  const lines = linesOf(ctx);
  // What the application has put in the place of `ctx.cookies` may do it itself.
  if (!lines.some(isTheirs)) return;
  const longer = (line: string) => line.replace(/; *expires=[^;]+/i, `$&; max-age=${seconds}`);
  ctx.res.setHeader(
    'Set-Cookie',
    lines.map((line) => (isTheirs(line) ? longer(line) : line)),
  );
}

/** What decides how long a cookie lives: `maxAge` in milliseconds, or else `expires`. */
interface Lifetime {
  maxAge?: unknown;
  expires?: unknown;
}

/** Whole seconds, rounded up: with 0 the cookie would end at once. */
function maxAgeOf({ maxAge, expires }: Lifetime): number | undefined {
  const given = typeof maxAge === 'number' && maxAge !== 0 ? Math.min(maxAge, LONGEST_MAX_AGE) : undefined;
  const ms = given ?? (expires instanceof Date ? expires.getTime() - Date.now() : 0);
  return ms > 0 ? Math.ceil(ms / 1000) : undefined;
}

let isWarned = false;

/**
 * Warns, once for each process, of a cookie of the response that browsers drop. What the application has put in the place of
 * `ctx.cookies` may leave the attribute out.
 */
export function warnIfDropped(ctx: Koa.Context, name: string, attributes: Readonly<CookieOptions>): void {
  if (isWarned) return;
  const why = needsSecure(attributes);
  if (why === undefined || securityOf(ctx)) return;
  const isDropped = (line: string) => line.startsWith(`${name}=`) && /; *(samesite=none|partitioned)/i.test(line);
  if (!linesOf(ctx).some(isDropped)) return;
  isWarned = true;
  process.emitWarning(
    `Browsers drop the session cookie \`${name}\`: it has \`${why}\`, which needs a secure connection, but this request came over plain HTTP. ${TLS}`,
    { code: 'KOA_EVENTED_SESSION_INSECURE_COOKIE' },
  );
}

function cookieError(name: string, cause: unknown): SessionError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SessionError('ERR_SESSION_COOKIE', `Cannot set the session cookie \`${name}\`: ${reason}`, { cause });
}

/** The cookie is for TLS only, and this request came without. */
export function insecure(name: string, cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_COOKIE',
    `Cannot set the session cookie \`${name}\`: it has \`secure: true\`, but this request came over plain HTTP. ` +
      `${TLS}; for development give \`secure: false\`.`,
    cause === undefined ? undefined : { cause },
  );
}
