import { SessionError } from '../base/errors';
import { type Notes, notesOf } from '../base/notes';
import { tellOfSession } from '../base/session-channel';
import type { Session } from '../base/types';
import type { SessionCookie } from '../cookies/session-cookie';
import { handleOfKey } from '../persistence/handles';
import type { Enroll } from '../persistence/records';
import { indexOfSession } from '../persistence/whose';
import { parseRecord } from '../record/record';
import { deviceOf } from '../users/device';
import { endSurplus, keepPlace, placeFor } from '../users/limit';
import {
  ALWAYS,
  type Entry,
  enroll,
  entryOfMoved,
  missingEntry,
  NEVER_SINCE,
  notesOfEntry,
  type UserRules,
  unlist,
} from '../users/rules';
import type { HeldSession } from './held-session';
import type { SessionState } from './state';

/** An entry in a user's index, which a session needs before it is written. */
export interface Enrolment {
  entry: Entry;
  /** Whether the session belonged to another user before, or to none. */
  isLogin: boolean;
  /** Whether the record is the user's already, so that it ends with all others of the user. */
  isKnown: boolean;
  /** Whether the limit has to be looked at again once the record is stored. */
  isUnsure?: boolean;
  /** Forgets what was noted, since nothing was stored: the next attempt lists the session again. */
  undo(): void;
}

/** Whether the record must be written before it can be extended, since it lacks a note. */
export function lacksNotes({ held, options }: SessionState, session: Session, ttl: number): boolean {
  if (!options.notesBeginning) return false;
  const { notes } = held.cookie;
  if (notes?.began === undefined) return true;
  return options.users !== undefined && missingEntry(session, notes, ttl, options.users) !== undefined;
}

/**
 * Notes in a session, before it is written, when it began and which index lists it. Returns the entry that the index
 * lacks.
 *
 * @param isNew whether the session is stored under a new key
 */
export function note(state: SessionState, held: HeldSession, session: Session, isNew: boolean): Enrolment | undefined {
  const { store, users } = state.options;
  const { cookie } = held;
  noteBeginning(state, cookie, isNew);
  if (users === undefined) return undefined;
  const { notes } = cookie;
  const ttl = store.ttlOf(held.withCookie(session));
  const entry = ttl > 0 ? missingEntry(session, isNew ? undefined : notes, ttl, users) : undefined;
  if (entry === undefined) {
    if (notes?.index !== undefined && indexOfSession(session, users) === undefined) cookie.note(UNLISTED);
    return undefined;
  }
  const isLogin = notes?.index !== entry.index;
  // A session that moves is listed for as long as before, so that a walk over the index meets it.
  if (!isLogin) entry.ttl = Math.max(entry.ttl, Number(notes.until ?? 0) - Date.now());
  if (isLogin) cookie.note({ device: deviceOf(state.ctx, users) });
  cookie.note(notesOfEntry(entry));
  return { entry, isLogin, isKnown: !isLogin && !isNew, undo: () => cookie.note({ ...UNLISTED, ...notes }) };
}

function noteBeginning(state: SessionState, cookie: SessionCookie, isNew: boolean): void {
  if (cookie.began === undefined) cookie.note({ began: Date.now() });
  else if (isNew) cookie.note({ renewed: Date.now() });
  if (!isNew) return;
  // Without the data, it is another session.
  cookie.note({ handle: state.predecessor?.keepsData === true ? handleBefore(state) : undefined });
}

const UNLISTED: Notes = { index: undefined, until: undefined, device: undefined };

/**
 * Lists the record in its user's index, before it is written. Resolves to `false` if all sessions of the user were
 * ended after this request began.
 *
 * @throws SessionError `ERR_SESSION_LIMIT` if the user has as many sessions as the options allow.
 */
export async function enter(state: SessionState, enrolment: Enrolment): Promise<boolean> {
  const { entry, isKnown, isLogin } = enrolment;
  const users = state.options.users as UserRules;
  const began = isKnown ? ALWAYS : state.beganFor(entry.index);
  const isListed = await enroll(entry, state.key, began, users, keyBefore(state));
  if (!isListed || !isLogin || users.exceeded !== 'refuse') return isListed;
  const place = await placeFor(state.key, entry.index, users, leftKey(state));
  enrolment.isUnsure = place === 'unsure';
  if (place !== 'full') return true;
  // Another request may be logging in to a session that is stored.
  if (state.origin === 'new') await leaveIndex(state, entry.index, state.key);
  const refusal = new SessionError(
    'ERR_SESSION_LIMIT',
    `The user has reached \`maxPerUser\` (${users.limit}): nothing was stored. End another session, then call ctx.regenerateSession() and log in again.`,
  );
  state.refuse(refusal);
  throw refusal;
}

/** Whether the record may be sent to the store together with its entry, since the entry arrives first. */
export function mayGoTogether({ options }: SessionState, { isLogin }: Enrolment): boolean {
  const { exceeded, index, limit } = options.users as UserRules;
  return index.isOrdered && !(isLogin && limit !== undefined && exceeded === 'refuse');
}

/** The handle of the session that this one replaces. */
export function handleBefore({ options, predecessor }: SessionState): string | undefined {
  if (predecessor === undefined) return undefined;
  return predecessor.handle ?? handleOfKey(options.store.keyOf(predecessor.id), options);
}

/** The key of the session that this one continues. */
function keyBefore(state: SessionState): string | undefined {
  return state.predecessor?.keepsData === true ? leftKey(state) : undefined;
}

/** The key of the session that this one replaces. */
function leftKey(state: SessionState): string | undefined {
  const { predecessor } = state;
  return predecessor && state.keyOf(predecessor.id);
}

/** Keeps the number of the user's sessions within the limit, now that this one is stored; `false` if it has ended. */
export async function keepWithinLimit(state: SessionState, { entry, isLogin, isUnsure }: Enrolment): Promise<boolean> {
  const users = state.options.users as UserRules;
  if (isUnsure) return keepPlace(state.key, entry.index, users, leftKey(state));
  if (!isLogin || users.exceeded !== 'end-oldest') return true;
  return endSurplus(state.key, entry.index, users, (key, value, handle) => {
    // First, since a listener of the event may throw.
    users.store.endings?.announce(handle, 'limit');
    tellOfSession('session:ended', users.store.prefix, 'limit');
    state.ctx.app.emit('session:ended', { ctx: undefined, key, value, reason: 'limit' });
  });
}

/** @see SessionSettings.enrollMerged */
export function enrollMerged(users: UserRules | undefined): Enroll | undefined {
  if (users === undefined) return undefined;
  return async (record, key) => {
    const session = parseRecord(record) as unknown as Session;
    const notes = notesOf(Object(session.cookie));
    const entry = missingEntry(session, notes, users.store.ttlOf(session), users);
    if (entry === undefined) return true;
    // The user of a text that several requests have made together may be one that none of them has logged in.
    return enroll(entry, key, notes?.index === entry.index ? ALWAYS : NEVER_SINCE, users);
  };
}

/**
 * Lists a session under its new key, if what others have written under the old one has changed its user or its lifetime. `false`: it must
 * not be written.
 */
export function enrollMoved(state: SessionState, enrolment: Enrolment | undefined): Enroll | undefined {
  const { users } = state.options;
  if (users === undefined) return undefined;
  const listed = enrolment && notesOfEntry(enrolment.entry);
  return async (record, key) => {
    const entry = entryOfMoved(record, listed, users);
    return entry === undefined || enroll(entry, key, state.beganFor(entry.index), users, keyBefore(state));
  };
}

/** Removes the entry of a retired record. */
export async function leaveIndex({ options }: SessionState, index: string | undefined, key: string): Promise<void> {
  if (options.users !== undefined && index !== undefined) await unlist(index, key, options.users);
}
