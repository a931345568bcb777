import { headersSent, type SessionState } from './session-state';
import type { Session } from './types';

/** Destroys the stored session; what is assigned afterwards is a new one. */
export async function destroyStored(state: SessionState): Promise<void> {
  const { held, key } = state;
  const { store } = state.options;
  if (state.isOutOfReach) throw headersSent('The end of the session');
  const sid = state.id as string;
  const from = held.version;
  const session = held.asSent();
  held.destroy();
  let ended: boolean;
  try {
    ended = await store.records.end(key, from, state.budget);
  } catch (error) {
    // The visitor is out even where the store fails.
    await leave(state, session);
    return state.fail(error, 'destroy');
  }
  if (!ended) return state.detach(sid);
  await leave(state, session);
  state.emit('destroyed', sid, session);
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
  state.emit('destroyed', sid, session);
}

/** The application has given the session a time that is over. */
export async function expire(state: SessionState, session: Session): Promise<void> {
  state.emit('expired', state.id, session);
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
  state.emit('regenerated', id, held.take());
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
