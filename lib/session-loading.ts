import { HeldSession, type Stored } from './held-session';
import type { Loaded } from './records';
import { SessionCookie } from './session-cookie';
import { destroyRecord } from './session-ending';
import { isSessionId } from './session-id';
import type { SessionState } from './session-state';
import { hasExpired } from './ttl';
import type { Session, SessionOptions } from './types';

type Valid = NonNullable<SessionOptions['valid']>;

/** Finds out which session the request has. A visitor without a cookie costs no promise: `undefined`, it is done. */
export function loadSession(state: SessionState): Promise<void> | undefined {
  const { idStore, sendsCookie } = state.options;
  const read = () => idStore.get.call(state.ctx);
  const presented = state.presented ?? (sendsCookie ? read() : state.hook(read));
  return presented instanceof Promise ? presented.then((sid) => loadFrom(state, sid)) : loadFrom(state, presented);
}

function loadFrom(state: SessionState, presented: string | null | undefined): Promise<void> | undefined {
  if (!presented) return state.becomeNew();
  // Later: a listener that asks for the session must find that it is being loaded.
  if (!isSessionId(presented)) return Promise.resolve().then(() => miss(state, state.shown(String(presented))));
  state.presented = presented;
  return loadRecord(state, presented);
}

async function loadRecord(state: SessionState, presented: string): Promise<void> {
  const { store, renew } = state.options;
  let loaded: Loaded;
  try {
    loaded = await store.records.load(store.keyOf(presented), state.budget, renew !== undefined);
  } catch (error) {
    await state.fail(error, 'get');
    state.origin = 'detached';
    return;
  }
  if (loaded.found === 'session') return accept(state, loaded.sid ?? presented, loaded);
  if (loaded.found === 'regenerated') return state.detach(presented);
  const shown = state.shown(presented);
  if (loaded.found === 'invalid') state.emit('invalid', shown, loaded.value);
  return miss(state, shown);
}

function accept(state: SessionState, sid: string, stored: Stored): Promise<void> | undefined {
  const { held, options } = state;
  const { cookieOf, valid } = options;
  state.enter(stored);
  const cookie = SessionCookie.fromRecord(cookieOf(state.ctx), stored.data['cookie']);
  if (hasExpired(cookie) || (stored.ttl !== undefined && stored.ttl <= 0)) {
    state.emit('expired', sid, stored.data);
    return miss(state, sid);
  }
  if (valid !== undefined) return acceptIfValid(state, sid, stored, valid);
  held.bind(stored, cookie);
  become(state, sid);
  return undefined;
}

async function acceptIfValid(state: SessionState, sid: string, stored: Stored, valid: Valid): Promise<void> {
  const { ctx, held, options } = state;
  // What a deferred handler has assigned must not be taken for what is stored.
  const seen = held.replaced ? new HeldSession(() => options.cookieOf(ctx)) : held;
  seen.bind(held.replaced ? { ...stored, data: structuredClone(stored.data) } : stored);
  const session = seen.takeStored();
  seen.used = true; // the hook may have changed it
  if (!(await state.hook(() => valid(ctx, session)))) return reject(state, sid, session);
  if (held.replaced) held.bind(stored);
  become(state, sid);
}

function become(state: SessionState, sid: string): void {
  state.id = sid;
  state.origin = 'stored';
}

/** A session that the application refuses: it ends, and the visitor starts anew. */
async function reject(state: SessionState, sid: string, session: Session): Promise<void> {
  state.emit('invalid', sid, session);
  await destroyRecord(state, sid, session);
  if (!state.held.replaced) state.held.reset();
  await state.becomeNew();
}

/** The id is nobody's. It is not adopted, and its cookie stays: a parallel login may have replaced it a moment ago. */
function miss(state: SessionState, sid: string | undefined): Promise<void> | undefined {
  state.emit('missed', sid, undefined);
  return state.becomeNew();
}
