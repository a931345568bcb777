import { notesOf } from '../base/notes';
import { hasExpired } from '../base/ttl';
import type { Session } from '../base/types';
import type { Budget } from '../client/budget';
import type { Names } from './names';
import type { Loaded, Records } from './records';
import type { UserRule } from './whose';

/** What reading stored sessions needs of the Store, and of the application. */
export interface ReadingRules extends UserRule {
  readonly store: {
    readonly prefix: string;
    readonly names: Names;
    readonly records: Records;
    newBudget(): Budget;
    ttlOf(session: Session): number;
    idleTimeoutOf(session: Session): number;
    timeLeftOf(session: Session): number;
  };
}

/** A stored session. */
export interface FoundSession {
  /** The key of its record: another than the one that led to it if it has just got a new id. */
  key: string;
  session: Session;
  /** Remaining lifetime of the record in milliseconds, if the store tells it. */
  ttl: number | undefined;
  /** The session as JSON. */
  record: string;
}

/** What a key leads to; `'copy'`: the copy of a session that moves there from another key, and does not count yet. */
export type Found =
  | { is: 'session'; found: FoundSession }
  | { is: 'copy' | 'nothing' }
  | { is: 'other'; value: unknown };

/** The session that a key leads to. While it gets a new id, the old key may be read last, and the new one first. */
export async function findSession(first: string, rules: ReadingRules): Promise<Found> {
  const { store } = rules;
  const followed = new Set<string>();
  let stamp: string | undefined;
  for (let key = first; !followed.has(key); ) {
    followed.add(key);
    const loaded = await store.records.load(key, store.newBudget(), true);
    if (loaded.found === 'regenerated') {
      key = successorOf(loaded, rules) ?? key;
      stamp = loaded.marker?.stamp;
    }
    if (loaded.found === 'invalid') return { is: 'other', value: loaded.value };
    if (loaded.found !== 'session') continue;
    const noted = store.records.noted(loaded);
    if (noted !== undefined) store.records.release(noted);
    if (loaded.stamp !== undefined && loaded.stamp !== stamp) return { is: 'copy' };
    const { data, ttl } = loaded;
    const found = { key, session: data as unknown as Session, ttl, record: loaded.record ?? JSON.stringify(data) };
    return { is: 'session', found };
  }
  return { is: 'nothing' };
}

/** The key under which a record's session goes on with its data. */
export function successorOf(
  { marker }: Loaded & { found: 'regenerated' },
  { store }: Pick<ReadingRules, 'store'>,
): string | undefined {
  return marker?.keepsData === true ? store.prefix + marker.successor : undefined;
}

/** Whether a session that is still stored has ended. */
export function isOver(session: Session, { store }: Pick<ReadingRules, 'store'>): boolean {
  return hasExpired(Object(session.cookie)) || store.timeLeftOf(session) <= 0;
}

/** Times of a session, in milliseconds since 1970; `undefined` if unknown. */
export interface SessionTimes {
  createdAt: number | undefined;
  lastSeenAt: number | undefined;
  expiresAt: number;
}

/** @param ttl remaining lifetime of the session's record in milliseconds */
export function timesOf(session: Session, ttl: number, { store }: Pick<ReadingRules, 'store'>): SessionTimes {
  const createdAt = notesOf(Object(session.cookie))?.began;
  const now = Date.now();
  // The record may end before its idle timeout has passed: then the session was used later.
  const used = now - (store.idleTimeoutOf(session) - ttl);
  const seen = Math.min(Math.max(used, createdAt ?? used), now);
  return { createdAt, lastSeenAt: Number.isFinite(seen) ? seen : undefined, expiresAt: now + ttl };
}
