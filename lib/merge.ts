import { SessionError } from './errors';
import { parseRecord, type SessionData, stringify } from './record';
import type { OnConflict } from './types';

/** What one request did to a session, as texts of the whole session. */
export interface Change {
  /** What the request started from. */
  base: string;
  /** What it ended with. */
  mine: string;
  /** What it had before `beforeSave` ran: keys that only the hook set never conflict. */
  handled: string;
  /** Whether the request replaced the session as a whole, so that stored keys it lacks go. */
  replaced: boolean;
  /** Whether a handler set anything on the session's cookie: its text differs with today's options too. */
  cookieChanged: boolean;
}

/** The session as the request found it, as its handlers left it, as it is to be stored, and as it is stored now. */
interface Sides {
  base: SessionData;
  handled: SessionData;
  mine: SessionData;
  theirs: SessionData;
}

/**
 * Applies a change to what is stored now: only the top-level keys that the request set or removed.
 *
 * @throws SessionError `ERR_SESSION_CONFLICT` where both changed a key and `onConflict` is `'throw'`.
 */
export function applyChange(change: Change, current: string, onConflict: OnConflict): string {
  if (current === change.base) return change.mine;
  const sides: Sides = {
    base: dataOf(change.base),
    handled: dataOf(change.handled),
    mine: dataOf(change.mine),
    theirs: dataOf(current),
  };
  // Entries, since assigning to a key named __proto__ would change the prototype instead.
  const merged = new Map(Object.entries(change.replaced ? {} : sides.theirs));
  for (const key of new Set([...Object.keys(sides.base), ...Object.keys(sides.mine)])) {
    if (key === 'cookie' && !change.cookieChanged && sides.theirs['cookie']) {
      merged.set(key, stamped(sides.theirs['cookie'], sides.mine['cookie']));
      continue;
    }
    const changed = !same(key, sides.base, sides.mine);
    if (!changed && !change.replaced) continue;
    const value = changed ? changedValue(key, sides, onConflict) : ownValue(key, sides.theirs);
    if (value === undefined) merged.delete(key);
    else merged.set(key, value);
  }
  return stringify(() => Object.fromEntries(merged));
}

function changedValue(key: string, sides: Sides, onConflict: OnConflict): unknown {
  const { base, mine, theirs } = sides;
  if (onConflict === 'last-write' || !isConflict(key, sides)) return ownValue(key, mine);
  if (onConflict !== 'throw') {
    const value = onConflict(key, ownValue(key, base), ownValue(key, mine), ownValue(key, theirs));
    if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== 'function') return value;
    throw new SessionError('ERR_SESSION_VALUE', 'Expected `onConflict` to return a value, got a promise');
  }
  throw new SessionError(
    'ERR_SESSION_CONFLICT',
    `Another request changed the session's \`${key}\` at the same time, and \`onConflict\` is 'throw': this change was not stored. Try again, or change it with ctx.sessionHandler.update().`,
  );
}

/** Both sides changed the key, were it to the same value: of two that counted to one, one is lost. The hook's keys are no handler's. */
function isConflict(key: string, { base, handled, theirs }: Sides): boolean {
  return key !== 'cookie' && !same(key, base, theirs) && !same(key, base, handled);
}

/** Whether the key holds the same in both, compared as text. */
function same(key: string, a: SessionData, b: SessionData): boolean {
  return JSON.stringify(ownValue(key, a)) === JSON.stringify(ownValue(key, b));
}

/** A session may have keys that every object inherits. */
function ownValue(key: string, data: SessionData): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined;
}

/** Another's cookie, with the stamp that makes this request's text its own. */
function stamped(theirs: unknown, mine: unknown): unknown {
  const { stamp } = { ...(mine as { stamp?: unknown } | undefined) };
  return stamp === undefined ? theirs : { ...(theirs as object), stamp };
}

function dataOf(record: string): SessionData {
  return parseRecord(record) ?? {};
}
