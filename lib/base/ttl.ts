import { SessionError } from './errors';
import { shown } from './expect';
import type { CookieOptions, Session, Ttl } from './types';

/** Default lifetime of a record, in milliseconds, if neither the `ttl` option nor the cookie sets one. */
export const ONE_DAY = 24 * 60 * 60 * 1000;

/**
 * The lifetime of the session's record in milliseconds: the `ttl` option, else the cookie's `expires`, else its
 * `maxAge`, else one day. `0`, `null` and `undefined` mean "not given" at each step. `absoluteTimeout` limits the
 * result. A result of zero or less means that the session has expired.
 *
 * @throws SessionError `ERR_SESSION_TTL` if a value is not a finite number or a valid date.
 */
export function ttlOf(session: Session, option: Ttl | undefined, absoluteTimeout?: Ttl | undefined): number {
  const idle = idleTimeoutOf(session, option);
  return absoluteTimeout === undefined ? idle : Math.min(idle, timeLeftOf(session, absoluteTimeout));
}

/**
 * Milliseconds until the session reaches its `absoluteTimeout`; zero or less means that it has expired. `Infinity` if
 * the option does not limit this session. A session whose record does not say when it began begins now.
 *
 * @throws SessionError `ERR_SESSION_TTL` if the option's function does not return a finite number.
 */
export function timeLeftOf(session: Session, absoluteTimeout: Ttl | undefined): number {
  const ms = typeof absoluteTimeout === 'function' ? absoluteTimeout(session) : absoluteTimeout;
  if (ms === undefined || ms === null || ms === 0) return Number.POSITIVE_INFINITY;
  const { began } = Object(session.cookie) as { began?: unknown };
  const age = typeof began === 'number' ? Date.now() - began : 0;
  return whole(ms, '`absoluteTimeout`') - age;
}

/**
 * The same without `absoluteTimeout`.
 *
 * @param fixed the result for a session that ends with its cookie's `expires`, whenever it was used last
 */
export function idleTimeoutOf(session: Session, option: Ttl | undefined, fixed = untilDate): number {
  const ttl = typeof option === 'function' ? option(session) : option;
  if (ttl !== undefined && ttl !== null && ttl !== 0) return whole(ttl, '`ttl`');
  const { expires, maxAge }: Partial<CookieOptions> = session.cookie ?? {};
  if (expires !== undefined && expires !== null) return fixed(expires);
  if (maxAge !== undefined && maxAge !== null && maxAge !== 0) return whole(maxAge, '`cookie.maxAge`');
  return ONE_DAY;
}

/** Whether the cookie's `expires` has passed. Some clients return expired sessions. */
export function hasExpired(cookie: CookieOptions): boolean {
  const { expires } = cookie;
  return expires !== undefined && expires !== null && new Date(expires).getTime() <= Date.now();
}

function untilDate(expires: NonNullable<CookieOptions['expires']>): number {
  const time = expires instanceof Date || typeof expires === 'string' ? new Date(expires).getTime() : Number.NaN;
  if (!Number.isNaN(time)) return whole(time - Date.now(), '`cookie.expires`');
  throw new SessionError(
    'ERR_SESSION_TTL',
    `Expected \`cookie.expires\` to be a Date or a date string, got ${shown(expires)}`,
  );
}

/**
 * Rounds milliseconds up and clamps them to what every store supports.
 *
 * @throws SessionError `ERR_SESSION_TTL` if the value is not a finite number.
 */
export function whole(ms: unknown, name: string): number {
  if (typeof ms === 'number' && Number.isFinite(ms)) return Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER);
  throw new SessionError('ERR_SESSION_TTL', `Expected ${name} to be a finite number of milliseconds, got ${shown(ms)}`);
}
