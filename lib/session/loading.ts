import { sessionLine } from '../base/debug-lines';
import { hasExpired } from '../base/ttl';
import type { Session, SessionOptions } from '../base/types';
import { SessionCookie } from '../cookies/session-cookie';
import type { Loaded, Unread } from '../persistence/records';
import type { Store } from '../persistence/store';
import { type Marker, parseRecord } from '../record/record';
import { destroyRecord } from './ending';
import type { Stored } from './held-session';
import { isSessionId } from './id';
import { readLater } from './pipelined';
import { mayFollow } from './renewing';
import { RequestIds } from './request-ids';
import type { SessionCodec } from './settings';
import type { SessionState } from './state';

type Valid = NonNullable<SessionOptions['valid']>;

/** What else the request carries; `null`: nothing, and `undefined`: nobody has looked. */
type Others = RequestIds | null | undefined;

/** Finds out which session the request has. A visitor without a cookie costs no promise: `undefined`, it is done. */
export function loadSession(state: SessionState): Promise<void> | undefined {
  const { idStore, sendsCookie } = state.options;
  // Set by an earlier middleware: what else is in the cookies does not count.
  if (state.presented !== undefined) return loadFrom(state, state.presented, null);
  const read = () => idStore.get.call(state.ctx);
  const presented = sendsCookie ? read() : state.hook(read);
  return presented instanceof Promise ? presented.then((sid) => loadFrom(state, sid)) : loadFrom(state, presented);
}

function loadFrom(
  state: SessionState,
  presented: string | null | undefined,
  others?: Others,
): Promise<void> | undefined {
  if (!presented) return state.becomeNew();
  if (isSessionId(presented)) return loadRecord(state, presented, others);
  // Later: a listener that asks for the session must find that it is being loaded.
  return Promise.resolve().then(() => {
    const sid = String(presented);
    return lookFurther(state, state.shown(sid), others === undefined ? othersOf(state, sid) : others);
  });
}

async function loadRecord(state: SessionState, presented: string, others: Others): Promise<void> {
  const { renew, store } = state.options;
  state.presented = presented;
  const key = store.keyOf(presented);
  if (store.records.isCrowded?.(key)) readLater(state.ctx.req);
  let loaded: Loaded;
  try {
    loaded = await store.records.load(key, state.budget, renew !== undefined, mayStayUnread(state));
  } catch (error) {
    await state.fail(error, 'get');
    state.origin = 'detached';
    return;
  }
  if (loaded.found === 'unread') return leaveUnread(state, presented, loaded);
  if (loaded.found === 'session') return accept(state, loaded.sid ?? presented, loaded, others);
  if (loaded.found === 'regenerated') return follow(state, presented, loaded.marker, others);
  const shown = state.shown(presented);
  if (loaded.found === 'invalid') state.emit('session:invalid', shown, loaded.value);
  return lookFurther(state, shown, others);
}

/** The ids that the request carries beside the one that the store has been asked for. */
function othersOf({ ctx, options }: SessionState, asked: string): RequestIds | null {
  const ids = options.idStore.allIds.call(ctx);
  return ids.length === 0 ? null : new RequestIds(asked, ids);
}

/** The id is nobody's; another of the request's may be somebody's. `shown` is what events tell of the id. */
function lookFurther(
  state: SessionState,
  shown: string | undefined,
  others: Others = othersOf(state, state.presented as string),
): Promise<void> | undefined {
  const next = others?.next();
  return next === undefined ? miss(state, shown) : loadRecord(state, next, others);
}

/** The session goes on under another id. A request without that id has come late: another one has ended its session. */
function follow(
  state: SessionState,
  sid: string,
  marker: Marker | undefined,
  others: Others = othersOf(state, sid),
): Promise<void> | undefined {
  const successor = others?.successor(marker);
  if (successor !== undefined) return loadRecord(state, successor, others);
  if (others?.hasAsked(marker)) return miss(state, sid);
  if (marker?.renewedAt !== undefined && state.options.renewal !== undefined) return followOld(state, sid, marker);
  state.detach(sid);
  return undefined;
}

/** The id has been renewed because of its age. Past the grace, it is the sign of a stolen cookie. */
async function followOld(state: SessionState, sid: string, marker: Marker): Promise<void> {
  if (!mayFollow(state.options, marker)) {
    state.emit('session:reused', sid, undefined);
    return state.detach(sid);
  }
  await loadRecord(state, marker.successor, null);
  if (state.origin === 'stored') state.cookieDue = 'renew';
}

/**
 * Whether the record can wait until somebody wants to know what is in it: saves a request that does not 5 µs at 1 kB
 * (`npm run bench`, untouched).
 */
function mayStayUnread({ ctx, options }: SessionState): boolean {
  const { allowEmpty, cookieOf, genSid, renew, rolling, shapeOf, store, valid } = options;
  const isExtended = rolling || renew !== undefined || store.hasAbsoluteTimeout;
  // With `allowEmpty` a visitor whose record is no session gets one without asking.
  return !(shapeOf || valid || genSid || isExtended || allowEmpty) && cookieOf(ctx).expires === undefined;
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

function accept(state: SessionState, sid: string, stored: Stored, others: Others): Promise<void> | undefined {
  const { held, options } = state;
  const { cookieOf, shapeOf, valid } = options;
  state.enter(stored);
  if (shapeOf !== undefined) return acceptShaped(state, sid, stored, shapeOf(state.ctx), others);
  const cookie = SessionCookie.fromRecord(cookieOf(state.ctx), stored.data['cookie']);
  if (isOver(stored, cookie, options.store)) {
    state.emit('session:expired', sid, stored.data);
    return lookFurther(state, sid, others);
  }
  if (valid !== undefined) return acceptIfValid(state, sid, stored, valid);
  held.bind(stored, cookie);
  become(state, sid);
  return undefined;
}

function isOver({ data, ttl }: Stored, cookie: SessionCookie, store: Store): boolean {
  if (hasExpired(cookie) || (store.usesTokens && Number(ttl) <= 0)) return true;
  return store.hasAbsoluteTimeout && store.timeLeftOf({ ...data, cookie }) <= 0;
}

async function acceptIfValid(state: SessionState, sid: string, stored: Stored, valid: Valid): Promise<void> {
  const { ctx, held } = state;
  // What a deferred handler has assigned must not be taken for what is stored.
  const seen = held.replaced ? state.hold() : held;
  seen.bind(held.replaced ? { ...stored, data: JSON.parse(JSON.stringify(stored.data)) } : stored);
  const session = seen.takeStored();
  seen.used = true; // the hook may have changed it
  if (!(await state.hook(() => valid(ctx, session)))) {
    state.leaveCookies(seen);
    return reject(state, sid, session);
  }
  if (held.replaced) held.bind(stored);
  become(state, sid);
}

async function acceptShaped(
  state: SessionState,
  sid: string,
  stored: Stored,
  shape: SessionCodec,
  others: Others = othersOf(state, state.presented as string),
): Promise<void> {
  if (!(await state.hook(() => shape.accepts(stored.data, sid)))) {
    const next = others?.next();
    return next === undefined ? state.becomeNew() : loadRecord(state, next, others);
  }
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
  sessionLine('loaded');
  state.id = sid;
  state.origin = 'stored';
  // What a session's cookie holds in another place would be found before what is saved now.
  if (!state.options.store.usesTokens || !state.held.cookie.isElsewhere) return;
  state.leaveCookies(state.held);
  state.held.cookie.forgetPlaces();
}

/** A session that the application refuses: it ends, and the visitor starts anew. */
async function reject(state: SessionState, sid: string, session: Session): Promise<void> {
  state.emit('session:invalid', sid, session);
  await destroyRecord(state, sid, session);
  if (!state.held.replaced) state.held.reset();
  await state.becomeNew();
}

/** The visitor has no session. The id is not adopted, and its cookie stays: a parallel login may have replaced it a moment ago. */
function miss(state: SessionState, sid: string | undefined): Promise<void> | undefined {
  state.emit('session:missed', sid, undefined);
  return state.becomeNew();
}
