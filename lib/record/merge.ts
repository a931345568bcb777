import { SessionError } from '../base/errors';
import { mergedNotes, notesOf } from '../base/notes';
import { stampsOf, withStamp } from '../base/stamps';
import type { OnConflict } from '../base/types';
import { type Members, membersOf, parsedMembers, recordOf } from './members';
import { stringify } from './record';

/** One request's change to a session, as texts of the whole session. */
export interface Change {
  /** The session that the request started from. */
  base: string;
  /** The session that it ended with. */
  mine: string;
  /** The session before `beforeSave` ran: keys that only the hook set never conflict. */
  handled: string;
  /** Whether the request replaced the whole session, so that stored keys missing from it are removed. */
  replaced: boolean;
  /**
   * Whether a handler changed the session's cookie. The text alone does not tell: it also differs if the options
   * changed.
   */
  cookieChanged: boolean;
}

/** The difference that a change makes: the text of each relevant key, before and after. */
export interface Difference {
  base: Members;
  mine: Members;
  /** The members before `beforeSave` ran. */
  handled: Members;
  /** The keys that the request set or removed, and `cookie`; if it replaced the session, all keys of both sides. */
  keys: readonly string[];
  replaced: boolean;
  cookieChanged: boolean;
}

/**
 * Applies a change to the stored record: only the top-level keys that the request set or removed.
 *
 * @throws SessionError `ERR_SESSION_CONFLICT` if both changed a key and `onConflict` is `'throw'`.
 */
export function applyChange(change: Change, current: string, onConflict: OnConflict): string {
  if (current === change.base) return change.mine;
  const difference = differenceOf(change, parsedMembers(change.base));
  return recordOf(mergeInto(membersOf(current, difference.base), difference, onConflict));
}

/** @param base the members of the text that the change started from, in the layout of JSON.stringify */
export function differenceOf(change: Change, base: Members): Difference {
  const { replaced, cookieChanged } = change;
  const mine = membersOf(change.mine, base);
  const handled = change.handled === change.mine ? mine : membersOf(change.handled, base);
  const keys: string[] = [];
  const matters = (key: string) => replaced || key === 'cookie' || base.get(key) !== mine.get(key);
  for (const key of base.keys()) if (matters(key)) keys.push(key);
  for (const key of mine.keys()) if (!base.has(key)) keys.push(key);
  return { base, mine, handled, keys, replaced, cookieChanged };
}

/**
 * Applies a difference to the members of the stored record, in place unless the session was replaced. If it throws,
 * they are unchanged.
 *
 * @throws SessionError `ERR_SESSION_CONFLICT` if both changed a key and `onConflict` is `'throw'`.
 */
export function mergeInto(theirs: Members, difference: Difference, onConflict: OnConflict): Members {
  const values = difference.keys.map((key) => mergedValue(key, theirs, difference, onConflict));
  const merged: Members = difference.replaced ? new Map() : theirs;
  difference.keys.forEach((key, n) => {
    const value = values[n];
    if (value === undefined) merged.delete(key);
    else merged.set(key, value);
  });
  return merged;
}

function mergedValue(key: string, theirs: Members, difference: Difference, onConflict: OnConflict): string | undefined {
  const { base, mine, cookieChanged } = difference;
  const stored = theirs.get(key);
  if (key === 'cookie' && !cookieChanged && isTruthy(stored)) {
    return noted(stamped(stored, base.get(key), mine.get(key)), base.get(key), mine.get(key));
  }
  if (base.get(key) === mine.get(key)) return stored;
  if (key === 'cookie') {
    const cookie = withStoredStamps(stored, base.get(key), mine.get(key));
    return cookie && noted(cookie, base.get(key), stored);
  }
  if (onConflict === 'last-write' || !isConflict(key, stored, difference)) return mine.get(key);
  if (onConflict !== 'throw') {
    const value = onConflict(key, parsed(base.get(key)), parsed(mine.get(key)), parsed(stored));
    if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== 'function') return textOf(value, key);
    throw new SessionError('ERR_SESSION_VALUE', 'Expected `onConflict` to return a value, got a promise');
  }
  throw new SessionError(
    'ERR_SESSION_CONFLICT',
    `Another request changed the session's \`${key}\` at the same time, and \`onConflict\` is 'throw': this change was not stored. Try again, or change it with ctx.sessionHandler.update().`,
  );
}

/**
 * A conflict even if both set the same value: of two requests that each add one to a counter, one would be lost. Keys
 * that only the hook set do not count.
 */
function isConflict(key: string, stored: string | undefined, { base, handled }: Difference): boolean {
  const before = base.get(key);
  return before !== handled.get(key) && before !== stored && before !== normal(stored);
}

/** The value in the layout of JSON.stringify: another program may have stored it in a different layout. */
function normal(text: string | undefined): string | undefined {
  return text === undefined ? undefined : JSON.stringify(JSON.parse(text));
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

function textOf(value: unknown, key: string): string | undefined {
  const member = stringify(() => ({ [key]: value }));
  return member === '{}' ? undefined : member.slice(JSON.stringify(key).length + 2, -1);
}

function isTruthy(text: string | undefined): text is string {
  return Boolean(parsed(text));
}

/** The stored cookie, with the stamp that identifies this request's write. */
function stamped(theirs: string, base: string | undefined, mine: string | undefined): string {
  const stamp = newStampOf(base, mine);
  if (stamp === undefined) return theirs;
  const cookie = JSON.parse(theirs) as object;
  return JSON.stringify({ ...cookie, stamps: withStamp(stampsOf(cookie), stamp) });
}

/** A merged cookie, with what another writer of the record has noted about the session. */
function noted(cookie: string, base: string | undefined, other: string | undefined): string {
  if (other === base || !other?.includes('"began"')) return cookie;
  const notes = notesOf(Object(parsed(other)));
  if (notes === undefined) return cookie;
  const merged = JSON.parse(cookie) as object;
  return JSON.stringify({ ...merged, ...mergedNotes(notesOf(Object(parsed(base))), notes, notesOf(merged)) });
}

/** This request's cookie, with the stamps of other writers, which still look for them. */
function withStoredStamps(stored: string | undefined, base: string | undefined, mine: string | undefined) {
  if (mine === undefined || !stored?.includes('"stamp')) return mine;
  const stamps = stampsOf(parsed(stored));
  const stamp = newStampOf(base, mine);
  const cookie = JSON.parse(mine) as object;
  return JSON.stringify({ ...cookie, stamps: stamp === undefined ? stamps : withStamp(stamps, stamp) });
}

/** The stamp that this request added to the cookie, if any. */
function newStampOf(base: string | undefined, mine: string | undefined): string | undefined {
  if (!mine?.includes('"stamps"')) return undefined;
  const stamp = stampsOf(parsed(mine)).at(-1);
  return stamp !== undefined && stampsOf(parsed(base)).includes(stamp) ? undefined : stamp;
}
