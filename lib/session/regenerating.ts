import { isDeepStrictEqual } from 'node:util';
import type { StoreError } from '../base/errors';
import type { Commit, Successor, Version } from '../persistence/records';
import { successorOf } from '../record/marker';
import { parseRecord, type SessionData } from '../record/record';
import { leaveIndex } from './enrolment';
import { findRenewed, followRenewal } from './renewing';
import type { Former, Predecessor, SessionState } from './state';

/**
 * Continues under a new id when the session is saved. Until then, the old session is unchanged, and it stays valid if
 * something fails.
 */
export async function regenerate(state: SessionState, keepData: boolean, isRenewal = false): Promise<void> {
  const { held } = state;
  const { lost, origin } = state;
  // Data of a session that another request has ended must not continue. Data set since then may.
  const hasEnded = origin === 'detached' && lost?.version !== undefined;
  const keeps = keepData && !hasEnded && held.take() !== null;
  const id = await state.makeId();
  const predecessor = predecessorOf(state, keeps);
  if (origin === 'stored') {
    state.leaveCookies(held);
    held.cookie.forgetPlaces();
  }
  if (!keeps) held.reset();
  state.id = id;
  state.presented = state.lost = undefined;
  state.origin = 'new';
  state.predecessor = predecessor && { ...predecessor, isRenewal };
  held.give();
  if (predecessor === undefined) state.emit('session:regenerated', id, held.take());
}

function predecessorOf(state: SessionState, keeps: boolean): Predecessor | undefined {
  const { held, id, origin, predecessor } = state;
  const { index, handle } = held.cookie.notes ?? {};
  if (origin === 'stored') return { id: id as string, version: held.version, keepsData: keeps, index, handle };
  if (origin === 'new') return predecessor && { ...predecessor, keepsData: predecessor.keepsData && keeps };
  const former = formerOf(state);
  return former && { ...former, keepsData: false };
}

/** The session that this request had before it lost it. */
function formerOf({ lost, options, presented }: SessionState): Former | undefined {
  if (lost !== undefined || presented === undefined || options.store.usesTokens) return lost;
  return { id: presented, version: undefined };
}

/** The result of replacing an old session with a new one. */
export interface Takeover {
  version: Version;
  /** Whether the session is another request's, which has moved the old one with the same content. */
  isShared?: boolean;
  /** Why it is unknown whether the old record was retired. */
  failure?: unknown;
}

/**
 * Retires the old record after the new one was stored. Resolves to `undefined` if another request came first, so that
 * this one has no session.
 *
 * @throws StoreError and SessionError if the old session stays valid.
 */
export async function takeOver(
  state: SessionState,
  version: Version,
  commit: Commit | undefined,
): Promise<Takeover | undefined> {
  const predecessor = state.predecessor as Predecessor;
  const { id: before, isRenewal, keepsData } = predecessor;
  const successor = { sid: state.id as string, key: state.key, version, before, isRenewal };
  const takeover = commit
    ? await rotate(state, predecessor, successor, commit)
    : await replace(state, predecessor, successor);
  if (takeover === undefined) {
    await discard(state, successor);
    // Only data can go on there.
    if (commit && (await followRenewal(state, predecessor.id))) return undefined;
    const shared = commit && (await shareSuccessor(state, predecessor, commit));
    if (shared === undefined) state.detach(predecessor.id);
    return shared;
  }
  state.predecessor = undefined;
  await leaveIndex(state, predecessor.index, state.keyOf(predecessor.id));
  const reason = keepsData || takeover.failure !== undefined ? undefined : 'regenerated';
  state.emit('session:regenerated', successor.sid, state.held.take(), reason, keepsData);
  if (reason !== undefined) state.announce(reason, predecessor.id, predecessor.handle);
  return takeover;
}

async function rotate(
  state: SessionState,
  { id, version }: Predecessor,
  successor: Successor,
  commit: Commit,
): Promise<Takeover | undefined> {
  const { records } = state.options.store;
  const old = state.keyOf(id);
  try {
    const moved = await records.rotate(old, version as Version, successor, commit, state.budget);
    return typeof moved === 'string' ? undefined : { version: moved };
  } catch (error) {
    // If it is unknown whether the session has moved, the new record may be all that is left of it.
    if ((error as StoreError).code !== 'ERR_SESSION_OUTCOME_UNKNOWN') await discard(state, successor);
    throw error;
  }
}

/**
 * Two clicks on "Log in" move the session twice at the same time. The request that lost gets the session of the winner
 * if both hold the same data: a visitor who already has the whole content gains nothing by the id. Anybody else could
 * inherit a login.
 */
async function shareSuccessor(
  state: SessionState,
  { id }: Predecessor,
  { record }: Commit,
): Promise<Takeover | undefined> {
  const { held } = state;
  try {
    const old = await state.look(id);
    if (old.found !== 'regenerated' || old.marker?.keepsData !== true) return undefined;
    const successor = successorOf(old.marker, id);
    if (successor === undefined) return undefined;
    const found = await state.look(successor);
    if (found.found !== 'session') return undefined;
    state.enter(found);
    if (!isDeepStrictEqual(held.dataOf(found.data), held.dataOf(parseRecord(record) as SessionData))) return undefined;
    state.id = successor;
    state.predecessor = undefined;
    const { data, revision } = found;
    return { version: { record: found.record ?? JSON.stringify(data), revision }, isShared: true };
  } catch {
    // The session stays the other request's.
    return undefined;
  }
}

/**
 * A login stands even if another request has regenerated the old session, such as one whose answer was lost. But a
 * logout wins.
 */
async function replace(
  state: SessionState,
  { id, version }: Predecessor,
  successor: Successor,
): Promise<Takeover | undefined> {
  const { records } = state.options.store;
  const old = state.keyOf(id);
  try {
    const taken = await records.take(old, successor.sid, version, state.budget);
    if (taken === 'regenerated') await takeRenewed(state, id, successor.sid);
    // A record that this request has never read may never have existed.
    return taken === 'gone' && version !== undefined ? undefined : { version: successor.version };
  } catch (failure) {
    // The old session may have ended, so the visitor needs the new one. The old one never had its data.
    return { version: successor.version, failure };
  }
}

/** No other request knows of the new session yet. */
async function discard(state: SessionState, { key }: Successor): Promise<void> {
  await state.options.store.records.destroy(key, state.budget).catch(() => undefined);
}

/**
 * The old id was only renewed, or its session moved to another key: the session there is retired as well. Resolves to
 * whether there was one.
 */
async function takeRenewed(state: SessionState, id: string, successor: string): Promise<boolean> {
  const { store } = state.options;
  const renewed = await findRenewed(state, id);
  if (renewed === undefined) return false;
  return (await store.records.take(state.keyOf(renewed.id), successor, renewed.found, state.budget)) === 'taken';
}

/** Retires the old record, although the new session is empty and not stored. */
export async function leavePredecessor(state: SessionState): Promise<void> {
  const { id, version, index, handle } = state.predecessor as Predecessor;
  // Another request has ended it, and what that one has sent must stay.
  if (version === undefined) return;
  const { store } = state.options;
  const sid = state.id as string;
  let isTaken: boolean;
  try {
    const taken = await store.records.take(state.keyOf(id), sid, version, state.budget);
    isTaken = taken === 'taken' || (taken === 'regenerated' && (await takeRenewed(state, id, sid)));
  } catch (error) {
    return state.fail(error, 'destroy');
  }
  if (!isTaken) return state.detach(id);
  state.predecessor = undefined;
  await leaveIndex(state, index, state.keyOf(id));
  state.cookieDue = 'clear';
  state.emit('session:regenerated', sid, state.held.take(), 'regenerated');
  state.announce('regenerated', id, handle);
  await state.takeIdBack();
}
