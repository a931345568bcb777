import type { Stored } from './held-session';
import type { Loaded } from './records';
import { destroyRecord } from './session-ending';
import { isSessionId } from './session-id';
import type { SessionState } from './session-state';
import { hasExpired } from './ttl';
import type { Session } from './types';

/** Finds out which session the request has. */
export async function loadSession(state: SessionState): Promise<void> {
  const { idStore, store, renew, sendsCookie } = state.options;
  const read = () => idStore.get.call(state.ctx);
  const presented = state.presented ?? (await (sendsCookie ? read() : state.hook(read)));
  if (!presented) return state.becomeNew();
  if (!isSessionId(presented)) return miss(state, String(presented));
  state.presented = presented;

  let loaded: Loaded;
  try {
    loaded = await store.records.load(store.keyOf(presented), state.budget, renew !== undefined);
  } catch (error) {
    await state.fail(error, 'get');
    state.origin = 'detached';
    return;
  }
  if (loaded.found === 'session') return accept(state, presented, loaded);
  if (loaded.found === 'regenerated') return state.detach(presented);
  if (loaded.found === 'invalid') state.emit('invalid', presented, loaded.value);
  return miss(state, presented);
}

async function accept(state: SessionState, sid: string, stored: Stored): Promise<void> {
  const { held, options } = state;
  const { idStore, valid } = options;
  state.enter(stored);
  held.bind(stored);
  if (hasExpired(held.cookie)) {
    held.unbind();
    state.emit('expired', sid, stored.data);
    return miss(state, sid);
  }
  if (valid !== undefined) {
    const session = held.takeStored();
    held.used = true; // the hook may have changed it
    if (!(await state.hook(() => valid(state.ctx, session)))) return reject(state, sid, session);
  }
  state.id = sid;
  state.origin = 'stored';
  idStore.found?.call(state.ctx, held.cookie);
}

/** A session that the application refuses: it ends, and the visitor starts anew. */
async function reject(state: SessionState, sid: string, session: Session): Promise<void> {
  state.emit('invalid', sid, session);
  await destroyRecord(state, sid, session);
  if (state.held.replaced) state.held.unbind();
  else state.held.reset();
  await state.becomeNew();
}

/** The id is nobody's. It is not adopted, and its cookie stays: a parallel login may have replaced it a moment ago. */
function miss(state: SessionState, sid: string): Promise<void> {
  state.emit('missed', sid, undefined);
  return state.becomeNew();
}
