import { applyChange } from './merge';
import { isEmpty, parseRecord } from './record';
import type { Accept, Version } from './records';
import { headersSent, type SessionState } from './session-state';
import type { Session } from './types';

/** Destroys the stored session; what is assigned afterwards is a new one. */
export async function destroyStored(state: SessionState): Promise<void> {
  if (state.isOutOfReach) throw headersSent('The end of the session');
  const from = state.held.version;
  const session = state.held.asSent();
  state.held.destroy();
  await end(state, from, session);
}

/** Destroys the stored session that this request has emptied; `false` where another request has put something into it. */
export async function destroyEmptied(state: SessionState, handled: string): Promise<boolean> {
  const { held, options } = state;
  if (state.isOutOfReach) throw headersSent('The end of the session');
  const change = held.change(handled, handled);
  const expectEmpty = (record: string) => {
    const merged = parseRecord(applyChange(change, record, options.onConflict));
    if (merged !== undefined && !isEmpty(merged)) throw new NotEmpty();
  };
  try {
    await end(state, held.version, held.asSent(), expectEmpty);
  } catch (error) {
    if (error instanceof NotEmpty) return false;
    throw error;
  }
  held.reset();
  return true;
}

/** The record stays: it is this request's change that has to be merged into it. */
class NotEmpty extends Error {}

async function end(state: SessionState, from: Version, session: Session, accept?: Accept): Promise<void> {
  const sid = state.id as string;
  let ended: boolean;
  try {
    ended = await state.options.store.records.end(state.key, from, state.budget, accept);
  } catch (error) {
    if (error instanceof NotEmpty) throw error;
    // The visitor is out even where the store fails.
    await leave(state, session);
    return state.fail(error, 'destroy');
  }
  if (!ended) return state.detach(sid);
  await leave(state, session);
  state.emit('session:destroyed', sid, session);
}

async function leave(state: SessionState, session: Session): Promise<void> {
  state.owesReset = true;
  await state.takeIdBack(session);
  state.id = undefined;
  await state.becomeNew();
}

/** The record could not be read, but the visitor wants to be out: it is destroyed unseen. */
export async function destroyPresented(state: SessionState): Promise<void> {
  const { presented } = state;
  state.presented = undefined;
  if (state.origin === 'detached' && presented !== undefined)
    await destroyRecord(state, state.shown(presented), undefined);
}

/** Takes the id back first: the visitor is out even where the store fails. */
export async function destroyRecord(
  state: SessionState,
  sid: string | undefined,
  session: Session | undefined,
): Promise<void> {
  const { store } = state.options;
  state.owesReset = true;
  await state.takeIdBack(session);
  try {
    if (sid !== undefined) await store.records.destroy(store.keyOf(sid), state.budget);
  } catch (error) {
    return state.fail(error, 'destroy');
  }
  state.emit('session:destroyed', sid, session);
}

/** The application has given the session a time that is over. */
export async function expire(state: SessionState, session: Session): Promise<void> {
  state.emit('session:expired', state.id, session);
  if (state.origin === 'stored') await destroyStored(state);
  else await state.takeIdBack();
}

/** Continues under a new id. What can fail is done before the old record is taken out of use. */
export async function regenerate(state: SessionState, keepData: boolean): Promise<void> {
  const { held } = state;
  const keeps = keepData && held.take() !== null;
  const id = state.origin === 'detached' ? undefined : await state.makeId();
  const goesOn = state.origin === 'stored' ? await claim(state, keeps) : state.origin === 'new';
  if (keeps && goesOn) held.unbind();
  else held.reset();
  if (!goesOn) return;
  state.id = id;
  state.presented = undefined;
  state.origin = 'new';
  held.used = true;
  state.emit('session:regenerated', id, held.take());
}

/** Takes the old record out of use, so that of all requests with its id only this one goes on. */
async function claim(state: SessionState, keepsData: boolean): Promise<boolean> {
  const { held, options, key } = state;
  let merged: string | undefined;
  const accept = (record: string) => {
    if (keepsData) merged = held.mergedWith(record, options.onConflict);
  };
  let won: boolean;
  try {
    won = await options.store.records.claim(key, held.version, state.budget, accept);
  } catch (error) {
    await state.fail(error, 'destroy');
    state.origin = 'detached';
    return false;
  }
  if (!won) {
    state.detach(state.id);
    return false;
  }
  if (merged !== undefined && merged !== held.text(held.take() as Session)) held.show(merged);
  state.owesReset = true;
  return true;
}
