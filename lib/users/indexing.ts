import { notesOf } from '../base/notes';
import type { Session } from '../base/types';
import { expectWalk, walkAll } from '../base/walk';
import { isOver } from '../persistence/found-session';
import { ALWAYS, type Entry, enroll, missingEntry, type UserRules } from './rules';

/** Options of `index()`. `null` and `undefined` mean "not given". */
export interface IndexOptions {
  /** The `cursor` of an earlier progress, from which to go on. Default: from the beginning. */
  from?: string | null | undefined;
  /** Stops the walk: `index()` rejects with the signal's reason. Default: none. */
  signal?: AbortSignal | null | undefined;
  /** Called after each page, for which the store has looked at about a thousand records. Default: none. */
  onProgress?: ((progress: IndexProgress) => void) | null | undefined;
}

/** What `index()` has done since its call. */
export interface IndexedSessions {
  /** Number of records read. One that is written meanwhile may be read, and counted, twice. */
  scanned: number;
  /** Number of sessions that their user's index lists now, whether or not it did before. */
  listed: number;
  /** Number of records that are not sessions, whose keys could belong to a longer prefix, or for which `user` threw or returned a wrong value. */
  skipped: number;
}

/** How far `index()` has come. */
export interface IndexProgress extends IndexedSessions {
  /** From where to go on, also in another process: the option `from`. `undefined` at the end. */
  cursor: string | undefined;
}

/** The result for a record: it is listed, it has no user or is gone, or it cannot be read. */
type Outcome = 'listed' | 'nobody' | 'skipped';

/**
 * Lists all stored sessions in the indexes of their users.
 *
 * @throws TypeError
 */
export async function indexAll(rules: UserRules, options?: IndexOptions | null): Promise<IndexedSessions> {
  expectWalk(options);
  const { walk } = rules.store;
  if (walk === undefined) {
    throw new TypeError(
      'Expected `store` to list its records: use redisStore(), knexStore(), a MemoryStore, or give the store the method `keys` of an EnumerableStore',
    );
  }
  const counts = { scanned: 0, listed: 0, skipped: 0 };
  const page = (cursor: string | undefined) => walk.keys(cursor, rules.store.newBudget());
  const visit = async (key: string) => {
    const outcome = await indexRecord(key, rules);
    counts.scanned += 1;
    if (outcome !== 'nobody') counts[outcome] += 1;
  };
  return walkAll({ page, visit, counts }, options ?? {});
}

async function indexRecord(key: string, rules: UserRules): Promise<Outcome> {
  // "End all" would end a session of a longer prefix.
  if (!rules.store.names.owns(key)) return 'skipped';
  const found = await rules.store.records.load(key, rules.store.newBudget(), true);
  if (found.found === 'invalid') return 'skipped';
  if (found.found !== 'session' || found.stamp !== undefined) return 'nobody';
  let entry: Entry | undefined;
  try {
    entry = entryOf(found.data as unknown as Session, found.ttl, rules);
  } catch {
    return 'skipped';
  }
  if (entry === undefined) return 'nobody';
  // It was stored before, so the next "end all" has to find it, whatever the last one did.
  const isListed = await enroll(entry, key, ALWAYS, rules);
  return isListed ? 'listed' : 'nobody';
}

/** The entry of a session, whatever its record notes: the index may have been lost since. */
function entryOf(session: Session, left: number | undefined, rules: UserRules): Entry | undefined {
  if (isOver(session, rules)) return undefined;
  const ttl = Math.max(left ?? 0, rules.store.ttlOf(session));
  const entry = missingEntry(session, undefined, ttl, rules);
  const notes = notesOf(Object(session.cookie));
  // Requests rely on the note until then.
  const noted = entry !== undefined && notes?.index === entry.index ? (notes.until ?? 0) - Date.now() : 0;
  return entry && { ...entry, ttl: Math.max(entry.ttl, noted) };
}
