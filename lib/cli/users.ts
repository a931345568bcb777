import type { SessionStore } from '../base/types';
import { createSession } from '../middleware/engine';
import { isTableMissing, withoutData } from '../stores/knex/failure';
import { usersTableOf } from '../stores/knex/users-table';
import type { Target } from './target';

/** Whether the store lists the sessions of each user. In SQL, an application without the option `user` has no table for that. */
export async function hasUserIndex({ sessions, sql }: Target): Promise<boolean> {
  if (sessions.store.index === undefined || sql === undefined) return sessions.store.index !== undefined;
  try {
    await sql.knex(usersTableOf(sql.table)).select('id').whereRaw('1 = 0');
    return true;
  } catch (error) {
    if (!isTableMissing(error)) throw withoutData(error);
    return false;
  }
}

/** Ends the sessions that the index of a user lists, and resolves to their number. */
export async function endListed({ sessions, user }: Target, name: string): Promise<number> {
  if (user !== undefined) return sessions.of(name).endAll();
  const byNotes = createSession<unknown>({ store: sessions.store as object as SessionStore, user: unknownUser });
  try {
    return await byNotes.of(name).endAll();
  } finally {
    await byNotes.close();
  }
}

/** Sessions then belong to the user that their records note. */
function unknownUser(): never {
  throw new Error('The command does not know where sessions hold their user');
}
