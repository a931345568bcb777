import { isDeepStrictEqual } from 'node:util';
import type { StoreError } from '../base/errors';
import type { Commit, Successor, Version } from '../persistence/records';
import { parseRecord, type SessionData } from '../record/record';
import { leaveIndex } from './enrolment';
import { findRenewed, followRenewal } from './renewing';
import type { Former, Predecessor, SessionState } from './state';

/** Continues under a new id, once the session is saved: until then nothing is done to the old one, which goes on where something fails. */
export async function regenerate(state: SessionState, keepData: boolean, isRenewal = false): Promise<void> {
  const { held } = state;
  const { lost, origin } = state;
  // What another request has ended must not go on with its data; what this one was given since then may.
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
  const index = held.cookie.notes?.index;
  if (origin === 'stored') return { id: id as string, version: held.version, keepsData: keeps, index };
  if (origin === 'new') return predecessor && { ...predecessor, keepsData: predecessor.keepsData && keeps };
  const former = formerOf(state);
  return former && { ...former, keepsData: false };
}

/** What this request had before it was left without a session. */
function formerOf({ lost, options, presented }: SessionState): Former | undefined {
  if (lost !== undefined || presented === undefined || options.store.usesTokens) return lost;
  return { id: presented, version: undefined };
}

/** What became of a new session that takes an old one's place. */
export interface Takeover {
  version: Version;
  /** Whether the session is another request's, which has moved the old one to the same content. */
  isShared?: boolean;
  /** Why nobody knows whether the old record has gone out of use. */
  failure?: unknown;
}

/**
 * Takes the old record out of use, now that the new one is stored; `undefined` where another request has come first, and this one has
 * no session.
 *
 * @throws StoreError and SessionError where the old session goes on.
 */
export async function takeOver(
  state: SessionState,
  version: Version,
  commit: () => Commit,
): Promise<Takeover | undefined> {
  const predecessor = state.predecessor as Predecessor;
  const successor = { sid: state.id as string, key: state.key, version, isRenewal: predecessor.isRenewal };
  const takeover = predecessor.keepsData
    ? await rotate(state, predecessor, successor, commit())
    : await replace(state, predecessor, successor);
  if (takeover === undefined) {
    await discard(state, successor);
    if (await followRenewal(state, predecessor.id)) return undefined;
    const shared = predecessor.keepsData ? await shareSuccessor(state, predecessor, commit()) : undefined;
    if (shared === undefined) state.detach(predecessor.id);
    return shared;
  }
  state.predecessor = undefined;
  await leaveIndex(state, predecessor.index, state.options.store.keyOf(predecessor.id));
  state.emit('session:regenerated', successor.sid, state.held.take());
  return takeover;
}

async function rotate(
  state: SessionState,
  { id, version }: Predecessor,
  successor: Successor,
  commit: Commit,
): Promise<Takeover | undefined> {
  const { records } = state.options.store;
  const old = state.options.store.keyOf(id);
  try {
    const moved = await records.rotate(old, version as Version, successor, commit, state.budget);
    return typeof moved === 'string' ? undefined : { version: moved };
  } catch (error) {
    // Where nobody knows whether the session has moved, the new record may be all that is left of it.
    if ((error as StoreError).code !== 'ERR_SESSION_OUTCOME_UNKNOWN') await discard(state, successor);
    throw error;
  }
}

/**
 * Two clicks on "Log in" move the session twice at the same time. The request that lost gets the session of the one that won if both hold
 * the same data: whoever brings all that is in a session gains nothing by its id. Anybody else could inherit a login.
 */
async function shareSuccessor(
  state: SessionState,
  { id }: Predecessor,
  { record }: Commit,
): Promise<Takeover | undefined> {
  const { held, options, budget } = state;
  const { records } = options.store;
  try {
    const old = await records.load(options.store.keyOf(id), budget, false);
    if (old.found !== 'regenerated' || old.marker?.keepsData !== true) return undefined;
    const { successor } = old.marker;
    const found = await records.load(options.store.keyOf(successor), budget, false);
    if (found.found !== 'session') return undefined;
    state.enter(found);
    if (!isDeepStrictEqual(held.dataOf(found.data), held.dataOf(parseRecord(record) as SessionData))) return undefined;
    state.id = successor;
    state.predecessor = undefined;
    const { data, revision } = found;
    return { version: { record: found.record ?? JSON.stringify(data), revision }, isShared: true };
  } catch {
    // As if nobody had looked: the session is the other request's.
    return undefined;
  }
}

/** A login stands if another regenerated the old session, as the one does whose answer was lost; but a logout has the last word. */
async function replace(
  state: SessionState,
  { id, version }: Predecessor,
  successor: Successor,
): Promise<Takeover | undefined> {
  const { records } = state.options.store;
  const old = state.options.store.keyOf(id);
  try {
    const taken = await records.take(old, successor.sid, version, state.budget);
    if (taken === 'regenerated') await takeRenewed(state, id, successor);
    // What this request has never read may never have been there.
    return taken === 'gone' && version !== undefined ? undefined : { version: successor.version };
  } catch (failure) {
    // The old session may have ended, so the visitor needs the new one. The old one never had its data.
    return { version: successor.version, failure };
  }
}

/** Nobody knows of the new session yet. */
async function discard(state: SessionState, { key }: Successor): Promise<void> {
  await state.options.store.records.destroy(key, state.budget).catch(() => undefined);
}

/** The old id was only renewed: the session that goes on under the new one goes out of use as well. */
async function takeRenewed(state: SessionState, id: string, successor: Successor): Promise<void> {
  const { store } = state.options;
  const renewed = await findRenewed(state, id);
  if (renewed === undefined) return;
  await store.records.take(store.keyOf(renewed.id), successor.sid, renewed.found, state.budget);
}

/** The new session is not stored, since there is nothing in it: the old one goes out of use all the same. */
export async function leavePredecessor(state: SessionState): Promise<void> {
  const { id, version, index } = state.predecessor as Predecessor;
  // Another request has ended it: what that one has sent must stay.
  if (version === undefined) return;
  const { store } = state.options;
  const sid = state.id as string;
  let isTaken: boolean;
  try {
    isTaken = (await store.records.take(store.keyOf(id), sid, version, state.budget)) === 'taken';
  } catch (error) {
    return state.fail(error, 'destroy');
  }
  if (!isTaken) return state.detach(id);
  state.predecessor = undefined;
  await leaveIndex(state, index, store.keyOf(id));
  state.cookieDue = 'clear';
  state.emit('session:regenerated', sid, state.held.take());
  await state.takeIdBack();
}
