import { randomBytes } from 'node:crypto';
import { SessionError } from '../base/errors';
import type { CookieOptions } from '../base/types';

/** A session as stored in JSON. */
export type SessionData = Record<string, unknown>;

/** The content of a regenerated session's marker. */
export interface Marker {
  /**
   * The id under which the session continues. Follow it only to end that session or to judge a cookie; never read the
   * session through it or send it out.
   */
  successor: string;
  /**
   * Whether the successor took over the session's data. After a login it did not: the old session ended with the
   * marker.
   */
  keepsData: boolean;
  /**
   * When the session got a new id only because of its age, in milliseconds since 1970. For a while, requests with the
   * old id may read the successor.
   */
  renewedAt?: number | undefined;
}

/** JSON's white space, which other readers ignore, as digits of two bits each. */
const SPACES = [' ', '\t', '\n', '\r'] as const;
/** Random bytes that distinguish the markers of different requests. */
const RANDOM_BYTES = 8;
/** Enough for milliseconds since 1970. */
const TIME_BYTES = 6;
/** Flags in a marker's first byte. */
const KEEPS_DATA = 1;
const RENEWS = 2;

/**
 * The text that replaces the record of a regenerated session: JSON's `null`, which no reader takes for a session, and
 * white space that encodes the successor.
 */
export function regeneratedMarker({ successor, keepsData, renewedAt }: Marker): string {
  const time = Buffer.alloc(renewedAt === undefined ? 0 : TIME_BYTES);
  if (renewedAt !== undefined) time.writeUIntBE(renewedAt, 0, TIME_BYTES);
  const flags = Buffer.of((keepsData ? KEEPS_DATA : 0) | (renewedAt === undefined ? 0 : RENEWS));
  return `null${spaced(Buffer.concat([flags, randomBytes(RANDOM_BYTES), time, Buffer.from(successor)]))}`;
}

export function isRegeneratedMarker(record: string): boolean {
  return record.startsWith('null');
}

/** The content of a marker; `undefined` for any other record, and for a marker without a successor. */
export function readMarker(record: string): Marker | undefined {
  if (!isRegeneratedMarker(record)) return undefined;
  const bytes = unspaced(record.slice('null'.length));
  const flags = bytes[0] ?? 0;
  const isRenewal = (flags & RENEWS) !== 0 && bytes.length > 1 + RANDOM_BYTES + TIME_BYTES;
  const successor = bytes.subarray(1 + RANDOM_BYTES + (isRenewal ? TIME_BYTES : 0)).toString();
  if (successor === '') return undefined;
  const marker = { successor, keepsData: (flags & KEEPS_DATA) !== 0 };
  return isRenewal ? { ...marker, renewedAt: bytes.readUIntBE(1 + RANDOM_BYTES, TIME_BYTES) } : marker;
}

function spaced(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) for (const shift of [6, 4, 2, 0]) text += SPACES[(byte >> shift) & 3];
  return text;
}

function unspaced(text: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at + 4 <= text.length; at += 4) {
    bytes.push([...text.slice(at, at + 4)].reduce((byte, space) => (byte << 2) | SPACES.indexOf(space as ' '), 0));
  }
  return Buffer.from(bytes);
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
