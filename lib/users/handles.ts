import { hash } from 'node:crypto';
import { notesOf } from '../base/notes';
import type { Session } from '../base/types';
import type { UserRules } from './rules';

/** A session, and the key of its record. */
interface Kept {
  key: string;
  session: Session;
}

/** The id of the session with this key. */
export function sidOf(key: string, { store }: UserRules): string {
  return key.slice(store.prefix.length);
}

/** The handle of a session that begins under this key. */
export function handleOfKey(key: string, rules: UserRules): string {
  return hash('sha256', sidOf(key, rules), 'base64url');
}

/** A session keeps its handle when it gets a new id with its data. */
export function handleOf({ key, session }: Kept, rules: UserRules): string {
  return notesOf(Object(session.cookie))?.handle ?? handleOfKey(key, rules);
}

/**
 * The sessions, each once: while one gets a new id, it may be there twice.
 *
 * @param seen handles of sessions that were met before
 */
export function eachOnce<One extends Kept>(sessions: readonly One[], rules: UserRules, seen: Set<string>): One[] {
  return sessions.filter((one) => {
    const handle = handleOf(one, rules);
    return !seen.has(handle) && seen.add(handle);
  });
}
