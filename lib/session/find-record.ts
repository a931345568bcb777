import type Koa = require('koa');

import { hasExpired } from '../base/ttl';
import type { EndReason } from '../base/types';
import { SessionCookie } from '../cookies/session-cookie';
import type { Loaded, Stored, Unread, Version } from '../persistence/records';
import type { Store } from '../persistence/store';
import type { Marker } from '../record/marker';
import { isSessionId } from './id';
import { RequestIds } from './request-ids';
import type { SessionSettings } from './settings';

/** A request whose session is searched for. */
export interface Search {
  readonly ctx: Koa.Context;
  readonly options: SessionSettings;
  load(sid: string): Promise<Loaded>;
  /** Notes that the request uses this record. */
  enter(version: Version): void;
  /** Runs a function of the application. */
  hook<T>(run: () => T | Promise<T>): Promise<T>;
  emit(event: `session:${string}`, sid: string | undefined, value: unknown, reason?: EndReason): void;
  /** Tells all processes that the session has ended. */
  announce(reason: EndReason, sid: string, handle: string | undefined): void;
}

/** The result of the search for a request's session. */
export type Found =
  | { found: 'session'; sid: string; stored: Stored; cookie: SessionCookie | undefined }
  /** A record that looks like a session's, under the id that was looked up last. */
  | ({ found: 'unread' } & Unread)
  /** `sid` is how events show the id that was looked up last. */
  | { found: 'nothing'; sid: string | undefined }
  /** Another request has ended the session, which continues under an id that this request does not have. */
  | { found: 'moved'; sid: string; marker: Marker | undefined }
  /** The codec refuses the record, which stays unchanged. */
  | { found: 'refused' }
  | { found: 'failed'; error: unknown };

const NO_RECORD: Loaded = { found: 'nothing' };

/** The other ids of the request: `null` if there are none, `undefined` if not looked up yet. */
export type Others = RequestIds | null | undefined;

/**
 * Finds the record that belongs to a request: the first of its ids with a session counts. Resolves to the result of
 * `end`, which saves a promise.
 */
export async function findRecord<S extends Search, T>(
  search: S,
  first: string,
  known: Others,
  end: (search: S, found: Found) => T | Promise<T>,
): Promise<T> {
  let others = known;
  for (let sid = first; ; ) {
    let found: Found;
    try {
      // Awaited either way: a listener that asks for the session must find that it is being loaded.
      const judged = judge(search, sid, await (isSessionId(sid) ? search.load(sid) : NO_RECORD));
      found = judged instanceof Promise ? await judged : judged;
    } catch (error) {
      return end(search, { found: 'failed', error });
    }
    if (found.found === 'session' || found.found === 'unread') return end(search, found);
    if (others === undefined) others = othersOf(search, sid);
    const next = nextOf(others, found);
    if (next === undefined) return end(search, atLast(others, found));
    sid = next;
  }
}

/** Interprets a loaded record for its request. */
function judge(search: Search, sid: string, loaded: Loaded): Found | Promise<Found> {
  switch (loaded.found) {
    case 'unread':
      return loaded;
    case 'session':
      // Half of a move that nobody has finished.
      if (loaded.stamp !== undefined) return missing(search, sid);
      return judgeSession(search, loaded.sid ?? sid, loaded);
    case 'regenerated':
      return { found: 'moved', sid, marker: loaded.marker };
    case 'invalid':
      search.emit('session:invalid', shown(search, sid), loaded.value);
      return missing(search, sid);
    default:
      return missing(search, sid);
  }
}

function judgeSession(search: Search, sid: string, stored: Stored): Found | Promise<Found> {
  const { ctx, options } = search;
  const { cookieOf, shapeOf, store } = options;
  search.enter(stored);
  if (shapeOf !== undefined) {
    const isAccepted = search.hook(() => shapeOf(ctx).accepts(stored.data, sid));
    return isAccepted.then((is) => (is ? { found: 'session', sid, stored, cookie: undefined } : { found: 'refused' }));
  }
  const cookie = SessionCookie.fromRecord(cookieOf(ctx), stored.data['cookie']);
  if (!isOver(stored, cookie, store)) return { found: 'session', sid, stored, cookie };
  search.emit('session:expired', sid, stored.data, 'expired');
  search.announce('expired', sid, cookie.notes?.handle);
  return { found: 'nothing', sid };
}

function missing(search: Search, sid: string): Found {
  return { found: 'nothing', sid: shown(search, sid) };
}

function nextOf(others: Others, found: Found): string | undefined {
  return found.found === 'moved' ? others?.successor(found.marker) : others?.next();
}

/** The successor of a regenerated session may have been looked up before, without a session. */
function atLast(others: Others, found: Found): Found {
  return found.found === 'moved' && others?.hasAsked(found.marker) ? { found: 'nothing', sid: found.sid } : found;
}

function isOver({ data, ttl }: Stored, cookie: SessionCookie, store: Store): boolean {
  if (hasExpired(cookie) || (store.usesTokens && Number(ttl) <= 0)) return true;
  return store.hasAbsoluteTimeout && store.timeLeftOf({ ...data, cookie }) <= 0;
}

/** An id as events may show it: what the visitor presents may be the session itself. */
export function shown({ options }: Search, sid: string): string | undefined {
  return options.store.usesTokens ? undefined : sid;
}

/** The ids that the request carries beside the one that was already looked up. */
function othersOf({ ctx, options }: Search, asked: string): RequestIds | null {
  const ids = options.idStore.allIds.call(ctx);
  return ids.length === 0 ? null : new RequestIds(asked, ids);
}
