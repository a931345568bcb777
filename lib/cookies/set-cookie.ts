import type Koa = require('koa');

import { SessionError } from '../base/errors';
import { ONE_DAY } from '../base/ttl';
import type { CookieOptions } from '../base/types';
import { needsSecure } from './attributes';
import { cookiesOf, isKnown, securityOf } from './koa-cookies';

/** The attributes as `ctx.cookies` wrote them, and the conditions under which the text can be reused. */
interface Written {
  text: string;
  /** The second in which the cookie expires, which is the resolution of the header. */
  ends: number;
  maxAge: number | undefined;
  secure: unknown;
}

/** Browsers keep no cookie for longer (RFC 6265bis, section 5.5), and a much longer time exceeds the range of dates. */
const LONGEST_MAX_AGE = 400 * ONE_DAY;

const TLS = 'Serve it over TLS; behind a proxy that terminates TLS set `app.proxy = true`';

/** A value that every cookie library sends unchanged. */
const PLAIN_VALUE = /^[\w-]+$/;

/**
 * Sets cookies with `ctx.cookies`, and reuses the text of attributes that many visitors share. Saves most of the work
 * of sending a cookie again.
 */
export class SetCookie {
  readonly #written = new WeakMap<Readonly<CookieOptions>, Written>();

  /**
   * Sets a cookie and its signature cookie with the same attributes, and returns their Set-Cookie lines.
   *
   * @param isShared whether `attributes` is an object that never changes and is shared by the cookies of many visitors
   * @throws SessionError `ERR_SESSION_COOKIE` if the cookie is invalid.
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
      // A copy: `cookies` appends to the existing array.
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

function endOf({ maxAge, expires }: Readonly<CookieOptions>): number {
  if (maxAge) return Math.floor((Date.now() + Math.min(maxAge, LONGEST_MAX_AGE)) / 1000);
  return expires instanceof Date ? expires.getTime() : 0;
}

function isPlain(value: string | null | undefined): boolean {
  return value === undefined || (value !== null && PLAIN_VALUE.test(value));
}

/** Sets signatures as separate cookies: `cookies` would compute each again. */
function setCookie(ctx: Koa.Context, name: string, value: string | null, cookie: Readonly<CookieOptions>): string {
  const { maxAge } = cookie;
  const attributes = { ...cookie, signed: false };
  if (maxAge) attributes.maxAge = Math.min(maxAge, LONGEST_MAX_AGE);
  try {
    // The types of `cookies` allow neither null nor a Date parsed from a string.
    cookiesOf(ctx).set(name, value, attributes as Parameters<typeof ctx.cookies.set>[2]);
  } catch (cause) {
    throw cookie.secure === true && !securityOf(ctx) ? insecure(name, cause) : cookieError(name, cause);
  }
  // For the option `secure: false`, there is a warning at start-up.
  if (value !== null && cookie.secure !== false) warnIfDropped(ctx, name, cookie);
  addMaxAge(ctx, [name], attributes);
  return linesOf(ctx).findLast((line) => line.startsWith(`${name}=`)) ?? '';
}

function linesOf(ctx: Koa.Context): string[] {
  return [ctx.res.getHeader('Set-Cookie') ?? []].flat().map(String);
}

/**
 * Adds `Max-Age` to the response's cookies that have these attributes, in addition to the `Expires` written by
 * `ctx.cookies`. `Max-Age` does not depend on the client's clock (RFC 6265, section 5.3), so a cookie of one hour also
 * works if that clock is two hours fast. A cleared cookie does not need it: every clock is past 1970.
 */
export function addMaxAge(ctx: Koa.Context, names: readonly string[], attributes: Lifetime): void {
  const seconds = maxAgeOf(attributes);
  if (seconds === undefined) return;
  // Not those that are cleared, whose date differs: Egg's `ctx.cookies` clears the cookie without a partition beside
  // the one with it.
  const isTheirs = (line: string) =>
    names.some((name) => line.startsWith(`${name}=`) && !line.startsWith(`${name}=;`)) && !/; *max-age=/i.test(line);
  const lines = linesOf(ctx);
  // A replacement of `ctx.cookies` may already add it.
  if (!lines.some(isTheirs)) return;
  const longer = (line: string) => line.replace(/; *expires=[^;]+/i, `$&; max-age=${seconds}`);
  ctx.res.setHeader(
    'Set-Cookie',
    lines.map((line) => (isTheirs(line) ? longer(line) : line)),
  );
}

/** The lifetime of a cookie: `maxAge` in milliseconds, or else `expires`. */
interface Lifetime {
  maxAge?: unknown;
  expires?: unknown;
}

/** Whole seconds, rounded up: with 0, the cookie would expire at once. */
function maxAgeOf({ maxAge, expires }: Lifetime): number | undefined {
  const given = typeof maxAge === 'number' && maxAge !== 0 ? Math.min(maxAge, LONGEST_MAX_AGE) : undefined;
  const ms = given ?? (expires instanceof Date ? expires.getTime() - Date.now() : 0);
  return ms > 0 ? Math.ceil(ms / 1000) : undefined;
}

let isWarned = false;

/**
 * Warns, once per process, if browsers will drop a cookie of the response. A replacement of `ctx.cookies` may leave the
 * attribute out.
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

/** The error for a secure cookie in a request without TLS. */
export function insecure(name: string, cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_COOKIE',
    `Cannot set the session cookie \`${name}\`: it has \`secure: true\`, but this request came over plain HTTP. ` +
      `${TLS}; for development set \`secure: false\`.`,
    cause === undefined ? undefined : { cause },
  );
}
