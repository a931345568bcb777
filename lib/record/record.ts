import { SessionError } from '../base/errors';
import type { CookieOptions } from '../base/types';

/** A session as stored in JSON. */
export type SessionData = Record<string, unknown>;

/** Whether the record is what a regenerated session leaves behind. */
export function isRegeneratedMarker(record: string): boolean {
  return record.startsWith('null');
}

/** Whether a value can be a session: an object that is not an array. */
export function isSessionData(value: unknown): value is SessionData {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The end of `"expires"`: searching for text that begins with a rare letter is much faster. */
const END_OF_EXPIRES = 'xpires"';

/** Whether a record looks like a session's, is not a marker and has no cookie with an `expires`. */
export function looksLikeSession(record: string): boolean {
  return record.startsWith('{') && record.endsWith('}') && !record.includes(END_OF_EXPIRES);
}

/** The session in a record's text; `undefined` if there is none. */
export function parseRecord(record: string): SessionData | undefined {
  try {
    const value: unknown = JSON.parse(record);
    return isSessionData(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The text of the record: the session with its cookie inside, in koa-generic-session's layout.
 *
 * @throws SessionError `ERR_SESSION_SERIALIZE` if JSON cannot hold a value.
 */
export function serialize(session: SessionData, cookie: unknown): string {
  return stringify(() => (carriesCookie(session, cookie) ? session : withCookie(session, cookie)));
}

/** @throws SessionError `ERR_SESSION_SERIALIZE` if JSON cannot hold a value. */
export function stringify(session: () => SessionData): string {
  try {
    return JSON.stringify(session());
  } catch (cause) {
    throw new SessionError(
      'ERR_SESSION_SERIALIZE',
      `Expected ctx.session to be serialisable as JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** A plain copy of the session, with the cookie's attributes, for clients that take objects. */
export function toPlain(
  session: SessionData,
  cookie: { toJSON(): CookieOptions & { own: readonly string[] } },
): SessionData & { cookie: CookieOptions & { own: string[] } } {
  const json = cookie.toJSON();
  // A copy: the client may change the array it gets.
  return withCookie(session, { ...json, own: [...json.own] });
}

/**
 * Whether the session has no data: JSON would keep nothing of it but the cookie. It does not serialize: the first value
 * that JSON keeps decides.
 */
export function isEmpty(session: SessionData): boolean {
  try {
    const { toJSON } = session;
    const data: unknown = typeof toJSON === 'function' ? toJSON.call(session, '') : session;
    // Not an object: serialize() reports the error.
    if (!isSessionData(data)) return false;
    for (const key of Object.keys(data)) if (key !== 'cookie' && isKept(data[key], key)) return false;
    return true;
  } catch {
    // A getter or toJSON() of the application failed: serialize() reports the error.
    return false;
  }
}

/** Whether JSON keeps the value of an object's member. */
function isKept(value: unknown, key: string): boolean {
  if (value === null) return true;
  if (typeof value !== 'object' && typeof value !== 'function') return value !== undefined && typeof value !== 'symbol';
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON !== 'function') return typeof value !== 'function';
  const json: unknown = toJSON.call(value, key);
  return json !== undefined && typeof json !== 'function' && typeof json !== 'symbol';
}

function carriesCookie(session: SessionData, cookie: unknown): boolean {
  return (
    typeof session['toJSON'] !== 'function' &&
    session['cookie'] === cookie &&
    Object.prototype.propertyIsEnumerable.call(session, 'cookie')
  );
}

function withCookie<C>(session: SessionData, cookie: C): SessionData & { cookie: C } {
  const { toJSON } = session;
  const data: unknown = typeof toJSON === 'function' ? toJSON.call(session, '') : session;
  if (!isSessionData(data)) {
    throw new SessionError(
      'ERR_SESSION_SERIALIZE',
      `Expected the toJSON() of ctx.session to return an object, got ${typeof data}`,
    );
  }
  return { ...data, cookie };
}
