import { sessionLine } from '../base/debug-lines';
import type { Session, SessionOptions } from '../base/types';
import type { SessionCookie } from '../cookies/session-cookie';
import type { Stored, Unread } from '../persistence/records';
import { type Marker, successorOf } from '../record/marker';
import { parseRecord } from '../record/record';
import { destroyRecord } from './ending';
import { type Found, findRecord, type Others } from './find-record';
import { isRecent, mayFollow, sessionAfter } from './renewing';
import type { SessionState } from './state';

type Valid = NonNullable<SessionOptions['valid']>;

/** Finds the request's session. Returns `undefined`, without creating a promise, for a visitor without a cookie. */
export function loadSession(state: SessionState): Promise<void> | undefined {
  const { idStore, sendsCookie } = state.options;
  // Set by an earlier middleware: cookies do not count.
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
  return findRecord(state, String(presented), others, settle);
}

/** Gives the request the session that was found for it, a new one, or none. */
function settle(state: SessionState, found: Found): Promise<void> | undefined {
  switch (found.found) {
    case 'unread':
      leaveUnread(state, state.presented as string, found);
      return undefined;
    case 'session':
      return accept(state, found.sid, found.stored, found.cookie);
    case 'moved':
      if (found.marker?.renewedAt !== undefined) return followOld(state, found.sid, found.marker);
      state.detach(found.sid);
      return undefined;
    case 'nothing':
      // The id is not adopted, and its cookie stays: a parallel login may just have replaced it.
      state.emit('session:missed', found.sid, undefined);
      return state.becomeNew();
    case 'refused':
      return state.becomeNew();
    case 'failed':
      return state.fail(found.error, 'get').then(() => {
        state.origin = 'detached';
      });
  }
}

/** The id was renewed because of its age. Using it after the grace suggests a stolen cookie. */
async function followOld(state: SessionState, sid: string, marker: Marker): Promise<void> {
  if (!mayFollow(state.options, marker, performance.now() - state.began)) {
    if (state.options.renewal !== undefined) state.emit('session:reused', sid, await sessionAfter(state, sid, marker));
    return isRecent(marker) ? state.detach(sid) : state.becomeNew();
  }
  const successor = successorOf(marker, sid);
  if (successor === undefined) return state.detach(sid);
  await findRecord(state, successor, null, settle);
  if (state.origin === 'stored') state.cookieDue = 'renew';
}

function leaveUnread(state: SessionState, sid: string, stored: Unread): void {
  state.enter(stored);
  state.unread = stored;
  become(state, sid);
  // A deferred handler has already assigned a session, which now belongs to this record.
  if (state.held.current !== undefined) readRecord(state, stored);
}

/** Creates the session from an unparsed record. A record without a session counts as missing. */
export function readRecord(state: SessionState, unread: Unread): void {
  const { id } = state;
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

function accept(
  state: SessionState,
  sid: string,
  stored: Stored,
  cookie: SessionCookie | undefined,
): Promise<void> | undefined {
  const { shapeOf, valid } = state.options;
  if (valid !== undefined && shapeOf === undefined) return acceptIfValid(state, sid, stored, valid);
  state.held.bind(stored, cookie);
  become(state, sid);
  return undefined;
}

async function acceptIfValid(state: SessionState, sid: string, stored: Stored, valid: Valid): Promise<void> {
  const { ctx, held } = state;
  // A session that a deferred handler has assigned must not be mistaken for the stored one.
  const seen = held.replaced ? state.hold() : held;
  seen.bind(held.replaced ? { ...stored, data: JSON.parse(JSON.stringify(stored.data)) } : stored);
  const session = seen.takeStored();
  seen.give(); // the hook may have changed it
  if (!(await state.hook(() => valid(ctx, session)))) {
    state.leaveCookies(seen);
    return reject(state, sid, session);
  }
  if (held.replaced) held.bind(stored);
  become(state, sid);
}

/** Uses a record that is known and valid. */
export function adopt(state: SessionState, sid: string, stored: Stored): void {
  state.enter(stored);
  state.held.bind(stored);
  become(state, sid);
}

function become(state: SessionState, sid: string): void {
  sessionLine('loaded');
  state.id = sid;
  state.origin = 'stored';
  // A session in a cookie at another place would be found before the one saved now.
  if (!state.options.store.usesTokens || !state.held.cookie.isElsewhere) return;
  state.leaveCookies(state.held);
  state.held.cookie.forgetPlaces();
}

/** Ends a session that the application refuses. The visitor starts a new one. */
async function reject(state: SessionState, sid: string, session: Session): Promise<void> {
  state.emit('session:invalid', sid, session);
  await destroyRecord(state, sid, session, 'invalid');
  if (!state.held.replaced) state.held.reset();
  await state.becomeNew();
}
