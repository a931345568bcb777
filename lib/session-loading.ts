import type { Stored } from './held-session';
import { parseRecord } from './record';
import type { Loaded, Unread } from './records';
import { SessionCookie } from './session-cookie';
import { destroyRecord } from './session-ending';
import { isSessionId } from './session-id';
import type { SessionShape } from './session-shape';
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
  const { renew, store } = state.options;
  let loaded: Loaded;
  try {
    loaded = await store.records.load(store.keyOf(presented), state.budget, renew !== undefined, mayStayUnread(state));
  } catch (error) {
    await state.fail(error, 'get');
    state.origin = 'detached';
    return;
  }
  if (loaded.found === 'unread') return leaveUnread(state, presented, loaded);
  if (loaded.found === 'session') return accept(state, loaded.sid ?? presented, loaded);
  if (loaded.found === 'regenerated') return state.detach(presented);
  const shown = state.shown(presented);
  if (loaded.found === 'invalid') state.emit('session:invalid', shown, loaded.value);
  return miss(state, shown);
}

/**
 * Whether the record can wait until somebody wants to know what is in it: saves a request that does not 5 µs at 1 kB
 * (`npm run bench`, untouched).
 */
function mayStayUnread({ ctx, options }: SessionState): boolean {
  const { allowEmpty, cookieOf, genSid, rolling, shapeOf, valid } = options;
  // With `allowEmpty` a visitor whose record is no session gets one without asking.
  return !(shapeOf || valid || genSid || rolling || allowEmpty) && cookieOf(ctx).expires === undefined;
}

function leaveUnread(state: SessionState, sid: string, stored: Unread): void {
  state.enter(stored);
  state.unread = stored;
  become(state, sid);
  // A deferred handler has assigned a session meanwhile: it belongs to this record now.
  if (state.held.current !== undefined) readRecord(state);
}

/** Makes the session of a record that was left unread. One that turns out to hold no session is as good as missing. */
export function readRecord(state: SessionState): void {
  const { id, unread } = state;
  if (unread === undefined) return;
  state.unread = undefined;
  const data = parseRecord(unread.record);
  if (data !== undefined) {
    const { record, revision, ttl } = unread;
    state.held.bind({ record, revision, ttl, data });
    return;
  }
  state.id = undefined;
  state.becomeNew(); // at once: with a `genSid` nothing is left unread
  state.emit('session:invalid', id, unread.record);
  state.emit('session:missed', id, undefined);
}

function accept(state: SessionState, sid: string, stored: Stored): Promise<void> | undefined {
  const { held, options } = state;
  const { cookieOf, shapeOf, valid } = options;
  state.enter(stored);
  if (shapeOf !== undefined) return acceptShaped(state, sid, stored, shapeOf(state.ctx));
  const cookie = SessionCookie.fromRecord(cookieOf(state.ctx), stored.data['cookie']);
  if (hasExpired(cookie) || (options.store.travels && Number(stored.ttl) <= 0)) {
    state.emit('session:expired', sid, stored.data);
    return miss(state, sid);
  }
  if (valid !== undefined) return acceptIfValid(state, sid, stored, valid);
  held.bind(stored, cookie);
  become(state, sid);
  return undefined;
}

async function acceptIfValid(state: SessionState, sid: string, stored: Stored, valid: Valid): Promise<void> {
  const { ctx, held } = state;
  // What a deferred handler has assigned must not be taken for what is stored.
  const seen = held.replaced ? state.hold() : held;
  seen.bind(held.replaced ? { ...stored, data: JSON.parse(JSON.stringify(stored.data)) } : stored);
  const session = seen.takeStored();
  seen.used = true; // the hook may have changed it
  if (!(await state.hook(() => valid(ctx, session)))) return reject(state, sid, session);
  if (held.replaced) held.bind(stored);
  become(state, sid);
}

async function acceptShaped(state: SessionState, sid: string, stored: Stored, shape: SessionShape): Promise<void> {
  if (!(await state.hook(() => shape.accepts(stored.data, sid)))) return state.becomeNew();
  state.held.bind(stored);
  become(state, sid);
}

/** The record is known, and good. */
export function adopt(state: SessionState, sid: string, stored: Stored): void {
  state.enter(stored);
  state.held.bind(stored);
  become(state, sid);
}

function become(state: SessionState, sid: string): void {
  state.id = sid;
  state.origin = 'stored';
}

/** A session that the application refuses: it ends, and the visitor starts anew. */
async function reject(state: SessionState, sid: string, session: Session): Promise<void> {
  state.emit('session:invalid', sid, session);
  await destroyRecord(state, sid, session);
  if (!state.held.replaced) state.held.reset();
  await state.becomeNew();
}

/** The id is nobody's. It is not adopted, and its cookie stays: a parallel login may have replaced it a moment ago. */
function miss(state: SessionState, sid: string | undefined): Promise<void> | undefined {
  state.emit('session:missed', sid, undefined);
  return state.becomeNew();
}
