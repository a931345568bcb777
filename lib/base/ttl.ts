import { SessionError } from './errors';
import { shown } from './expect';
import type { CookieOptions, Session, Ttl } from './types';

/** What a record lives where neither the `ttl` option nor the cookie says: one day, in milliseconds. */
export const ONE_DAY = 24 * 60 * 60 * 1000;

/**
 * How many milliseconds the session's record is to live: the `ttl` option, else the cookie's `expires`, else its `maxAge`,
 * else one day; `0`, `null` and `undefined` mean "not given" at each step. Zero or less as a result: the session has ended.
 *
 * @throws SessionError `ERR_SESSION_TTL` for what is no finite number or no date.
 */
export function ttlOf(session: Session, option: Ttl | undefined): number {
  const ttl = typeof option === 'function' ? option(session) : option;
  if (ttl !== undefined && ttl !== null && ttl !== 0) return whole(ttl, '`ttl`');
  const { expires, maxAge }: Partial<CookieOptions> = session.cookie ?? {};
  if (expires !== undefined && expires !== null) return untilDate(expires);
  if (maxAge !== undefined && maxAge !== null && maxAge !== 0) return whole(maxAge, '`cookie.maxAge`');
  return ONE_DAY;
}

/** Whether the cookie's own `expires` has passed: clients exist that hand out what has expired. */
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
 * Milliseconds rounded up, and kept within what every store can count.
 *
 * @throws SessionError `ERR_SESSION_TTL` for what is no finite number.
 */
export function whole(ms: unknown, name: string): number {
  if (typeof ms === 'number' && Number.isFinite(ms)) return Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER);
  throw new SessionError('ERR_SESSION_TTL', `Expected ${name} to be a finite number of milliseconds, got ${shown(ms)}`);
}
