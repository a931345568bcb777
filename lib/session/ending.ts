import type { EndReason, Session } from '../base/types';
import { SessionCookie } from '../cookies/session-cookie';
import type { Accept, Version } from '../persistence/records';
import { applyChange } from '../record/merge';
import { isEmpty, parseRecord } from '../record/record';
import { leaveIndex } from './enrolment';
import { shown } from './find-record';
import { leavePredecessor } from './regenerating';
import { type Former, headersSent, type SessionState } from './state';

/** Destroys the stored session. A session assigned later is a new one. */
export async function destroyStored(state: SessionState, reason: EndReason = 'logout'): Promise<void> {
  if (state.isOutOfReach) throw headersSent('The end of the session');
  const { handle, index } = state.held.cookie.notes ?? {};
  const former = { id: state.id as string, version: state.held.version, index, handle };
  const session = state.held.asSent();
  state.leaveCookies(state.held);
  state.held.destroy();
  await end(state, former, session, reason);
}

/** Destroys the stored session that this request has emptied; resolves to `false` if another request has added data. */
export async function destroyEmptied(state: SessionState, handled: string): Promise<boolean> {
  const { held, options } = state;
  if (state.isOutOfReach) throw headersSent('The end of the session');
  const change = held.change(handled, handled);
  const expectEmpty = (record: string) => {
    const merged = parseRecord(applyChange(change, record, options.onConflict));
    if (merged !== undefined && !isEmpty(merged)) throw new NotEmpty();
  };
  state.leaveCookies(held);
  try {
    const { handle } = held.cookie.notes ?? {};
    await end(state, { id: state.id as string, version: held.version, handle }, held.asSent(), 'logout', expectEmpty);
  } catch (error) {
    state.left = undefined;
    if (error instanceof NotEmpty) return false;
    throw error;
  }
  held.reset();
  return true;
}

/** The record stays, and this request's change must be merged into it. */
class NotEmpty extends Error {}

async function end(
  state: SessionState,
  { id, version, index, handle }: Former,
  session: Session | undefined,
  reason: EndReason,
  accept?: Accept,
): Promise<void> {
  const { budget, options } = state;
  const { records } = options.store;
  // What another request has sent must stay.
  const isDetached = state.origin === 'detached';
  const key = state.keyOf(id);
  let ended: boolean;
  try {
    ended = await (accept === undefined
      ? records.end(key, version, budget)
      : records.endIf(key, version as Version, budget, accept));
  } catch (error) {
    if (error instanceof NotEmpty) throw error;
    // Logs the visitor out even if the store fails.
    if (!isDetached) await leave(state, session);
    return state.fail(error, 'destroy');
  }
  if (!ended) return isDetached ? undefined : state.detach(id);
  await leaveIndex(state, index, key);
  await leave(state, session);
  state.emit('session:destroyed', id, session, reason);
  state.announce(reason, id, handle);
}

async function leave(state: SessionState, session: Session | undefined): Promise<void> {
  state.cookieDue = 'clear';
  await state.takeIdBack(session);
  state.id = state.predecessor = state.lost = undefined;
  await state.becomeNew();
}

/**
 * Ends a session whose record was not loaded: it could not be read, is being regenerated, or was moved by another
 * request.
 */
export async function endFormer(state: SessionState): Promise<void> {
  const { origin, predecessor, presented, lost } = state;
  state.presented = undefined;
  if (origin === 'detached' && presented !== undefined) {
    return destroyRecord(state, shown(state, presented), undefined, 'logout');
  }
  const former = predecessor ?? lost;
  if (former === undefined) return;
  if (former.version === undefined) state.origin = 'detached';
  await end(state, former, undefined, 'logout');
}

/** Clears the cookie first: the visitor is logged out even if the store fails. */
export async function destroyRecord(
  state: SessionState,
  sid: string | undefined,
  session: Session | undefined,
  reason: EndReason,
): Promise<void> {
  const { store } = state.options;
  state.cookieDue = 'clear';
  await state.takeIdBack(session);
  try {
    if (sid !== undefined) await store.destroyAll(sid, state.budget);
  } catch (error) {
    return state.fail(error, 'destroy');
  }
  state.emit('session:destroyed', sid, session, reason);
  const cookie: unknown = session?.cookie;
  if (sid !== undefined)
    state.announce(reason, sid, cookie instanceof SessionCookie ? cookie.notes?.handle : undefined);
}

/** Ends a session that has expired by the ttl rule. */
export async function expire(state: SessionState, session: Session): Promise<void> {
  state.emit('session:expired', state.id, session);
  if (state.origin === 'stored') return destroyStored(state, 'expired');
  if (state.predecessor === undefined) return state.takeIdBack();
  // The session that this one replaces must not continue instead.
  await leavePredecessor(state);
  if (state.origin === 'new' && state.predecessor === undefined) state.held.destroy();
}
