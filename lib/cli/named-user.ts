import { usageError } from './exits';
import type { Io } from './io';
import type { Given } from './options';
import type { Target } from './target';
import { hasUserIndex } from './users';

/**
 * Says that the sessions of `--user` are found by its index alone, unless something tells whose a session is.
 *
 * @throws CommandError if there is no index either.
 */
export async function tellHowFound(given: Given, target: Target, io: Io): Promise<void> {
  if (given.user === undefined || target.user !== undefined) return;
  if (!(await hasUserIndex(target))) {
    throw usageError('Give --user-field, or a --config with the option `user`: this store has no index of users');
  }
  io.err('Only sessions that note their user are found. Give --user-field to find older ones, too.\n');
}
