import type { Session } from '../base/types';
import { type Loaded, REMEMBERED_FOR } from '../persistence/records';
import { type Marker, successorOf } from '../record/marker';
import type { SessionSettings } from './settings';
import type { SessionState } from './state';

/** Whether the session's id is old enough to be renewed, and a new one can reach the visitor. */
export function isRenewalDue(state: SessionState): boolean {
  const { held, options, unread } = state;
  const { autoCommit, renewal } = options;
  if (renewal === undefined || unread !== undefined || state.headersSent) return false;
  if ((autoCommit && state.phase === 'handlers') || !held.take() || held.isEmpty) return false;
  const { notes } = held.cookie;
  const made = notes?.renewed ?? notes?.began;
  return made !== undefined && Date.now() - made >= renewal.after;
}

/**
 * Whether a request with the old id may continue under the new one: the id was only renewed, and the request came
 * within the grace, or had begun before.
 *
 * @param age age of the request in milliseconds
 */
export function mayFollow({ renewal }: SessionSettings, marker: Marker | undefined, age = 0): marker is Marker {
  if (renewal === undefined || marker?.renewedAt === undefined) return false;
  return Date.now() - marker.renewedAt <= renewal.grace + age;
}

/**
 * Whether late requests may still come that were sent before the visitor got the new id: these must not replace it.
 * After that, a visitor whom the new id never reached begins a new session, as with any id that is forgotten.
 */
export function isRecent({ renewedAt }: Marker): boolean {
  return renewedAt !== undefined && Date.now() - renewedAt <= REMEMBERED_FOR;
}

/** The session under its latest id, if the id `sid` was only renewed, or the session under the same id at another key. */
export async function findRenewed(state: SessionState, sid: string): Promise<Renewed | undefined> {
  const { renewal, store } = state.options;
  if (renewal === undefined && store.otherNames === undefined) return undefined;
  const before = state.keyOf(sid);
  const mayGoOn = (marker: Marker) => mayFollow(state.options, marker, performance.now() - state.began);
  const latest = await latestOf(state, sid, mayGoOn);
  return latest && state.keyOf(latest.id) !== before ? latest : undefined;
}

/** The session that goes on after its id was renewed, whenever that was; `undefined` if it has ended, or cannot be read. */
export async function sessionAfter(state: SessionState, sid: string, marker: Marker): Promise<Session | undefined> {
  const successor = successorOf(marker, sid);
  if (successor === undefined) return undefined;
  const isRenewed = ({ renewedAt }: Marker) => renewedAt !== undefined;
  const latest = await latestOf(state, successor, isRenewed).catch(() => undefined);
  return latest?.found.data as Session | undefined;
}

/** Follows markers from this id to a session; `undefined` if one leads nowhere, or must not be followed. */
async function latestOf(
  state: SessionState,
  sid: string,
  mayGoOn: (marker: Marker) => boolean,
): Promise<Renewed | undefined> {
  const asked = new Set<string>();
  for (let id: string | undefined = sid; id !== undefined && !asked.has(id); ) {
    asked.add(id);
    const loaded: Loaded = await state.look(id);
    if (loaded.found === 'session') return { id, found: loaded };
    if (loaded.found !== 'regenerated' || loaded.marker === undefined || !mayGoOn(loaded.marker)) return undefined;
    id = successorOf(loaded.marker, id);
  }
  return undefined;
}

/** A session under the id that replaced the old one. */
interface Renewed {
  id: string;
  found: Loaded & { found: 'session' };
}

/**
 * Continues under the new id, with this request's changes, if another request has only renewed the id, or moved the session to another key. Resolves to
 * whether it does.
 */
export async function followRenewal(state: SessionState, sid: string): Promise<boolean> {
  const renewed = await findRenewed(state, sid);
  if (renewed === undefined) return false;
  const { id, found } = renewed;
  state.enter(found);
  state.held.rebase(found, state.options.onConflict);
  state.id = id;
  state.origin = 'stored';
  state.predecessor = undefined;
  state.given = 'nothing';
  if (id !== sid) state.cookieDue = 'renew';
  return true;
}
