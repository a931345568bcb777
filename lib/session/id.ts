import uid = require('uid2');

import { SessionError } from '../base/errors';

/** Longer than any cookie: browsers keep 4 096 bytes of name, value and attributes (RFC 6265, section 6.1). */
const MAX_LENGTH = 4096;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not get through
const CONTROL = /[\u0000-\u001f\u007f]/;

/** A set lookup is faster than `in`, which follows the prototype chain. */
const INHERITED = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Number of ids drawn at a time, which is much cheaper than drawing each alone; `crypto.randomUUID` does the same. */
const DRAWN = 64;

let drawn = Buffer.alloc(0);
let used = 0;

/** A new session id: 24 characters of an alphabet of 64, so 144 random bits; OWASP asks for at least 64. */
export function defaultGenSid(length: number): string {
  if (used + length > drawn.length) {
    // In separate memory: small buffers share theirs with the application's.
    drawn = Buffer.alloc(DRAWN * length, uid(DRAWN * length), 'latin1');
    used = 0;
  }
  const start = used;
  used += length;
  return drawn.toString('latin1', start, used);
}

/**
 * Whether a value can be a session id. Anything else is not looked up in the store. Names such as `__proto__` are
 * refused, since some clients keep sessions in a plain object.
 */
export function isSessionId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_LENGTH &&
    !CONTROL.test(value) &&
    !INHERITED.has(value)
  );
}

/** @throws SessionError `ERR_SESSION_ID` if the application created an invalid id. */
export function checkSessionId(value: unknown, source: string): string {
  if (isSessionId(value)) return value;
  const got = typeof value === 'string' ? `a string of ${value.length} characters` : `${typeof value}`;
  throw new SessionError(
    'ERR_SESSION_ID',
    `Expected ${source} to give a session id, a string of 1 to ${MAX_LENGTH} printable characters, got ${got}`,
  );
}
