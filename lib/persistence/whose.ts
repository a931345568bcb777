import { SessionError } from '../base/errors';
import { expected, shown } from '../base/expect';
import { notesOf } from '../base/notes';
import type { Session } from '../base/types';
import { indexOf } from './user-index';

/** Returns the user of a session, as the application names it. */
export type UserOf = (session: Session) => unknown;

/** The rule that tells whose a session is, if there is one. */
export interface UserRule {
  readonly user: UserOf | undefined;
}

/**
 * The text for a user.
 *
 * @throws SessionError `ERR_SESSION_VALUE` unless it is a string, a number, `null` or `undefined`.
 */
export function userNamed(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  // Lone surrogates of different users would be hashed as the same bytes.
  if (typeof value === 'string' && value !== '' && value.isWellFormed()) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  // The error tells enough: an async function's own failure must not end the process.
  if (value instanceof Promise) value.catch(() => undefined);
  throw new SessionError(
    'ERR_SESSION_VALUE',
    `Expected \`user\` to return a string or a number that names the session's user, or null for none, got ${shown(value)}`,
  );
}

/**
 * The text for a user whom a caller names.
 *
 * @throws TypeError
 */
export function givenUser(user: unknown): string {
  try {
    const name = userNamed(user);
    if (name !== undefined) return name;
  } catch {
    // The error speaks of the option `user`, but here the argument is wrong.
  }
  throw expected('user', 'a string or a number that names a user', user);
}

/** The index that lists a session; `undefined` if the session has no user. */
export function indexOfSession(session: Session, { user }: UserRule): string | undefined {
  const name = userNamed(user?.(session));
  return name === undefined ? undefined : indexOf(name);
}

/** The index of a stored session: the one that it notes, if `user` is not given or fails on it. */
export function indexOfStored(session: Session, rules: UserRule): string | undefined {
  try {
    if (rules.user !== undefined) return indexOfSession(session, rules);
  } catch {
    // What the last write has noted still counts.
  }
  return notesOf(Object(session.cookie))?.index;
}
