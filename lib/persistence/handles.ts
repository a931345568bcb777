import { notesOf } from '../base/notes';
import type { Session } from '../base/types';
import type { Names } from './names';

/** A session, and the key of its record. */
interface Kept {
  key: string;
  session: Session;
}

/** The names that a Store gives its sessions. */
interface Naming {
  readonly store: { readonly names: Names };
}

/** What events name a session by: its id, or its handle if the store has only the hash of the id. */
export function shownOf(kept: Kept, rules: Naming): string {
  const { names } = rules.store;
  return names.areHashed ? handleOf(kept, rules) : names.nameIn(kept.key);
}

/** The handle of a session that begins under this key. */
export function handleOfKey(key: string, rules: Naming): string {
  return rules.store.names.handleOf(key);
}

/** A session keeps its handle when it gets a new id with its data. */
export function handleOf({ key, session }: Kept, rules: Naming): string {
  return notesOf(Object(session.cookie))?.handle ?? handleOfKey(key, rules);
}

/**
 * The sessions, each once: while one gets a new id, it may be there twice.
 *
 * @param seen handles of sessions that were met before
 */
export function eachOnce<One extends Kept>(
  sessions: readonly One[],
  rules: Naming,
  seen: Pick<Set<string>, 'has' | 'add'>,
): One[] {
  return sessions.filter((one) => {
    const handle = handleOf(one, rules);
    return !seen.has(handle) && seen.add(handle);
  });
}
