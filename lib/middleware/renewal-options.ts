import { expected } from '../base/expect';
import type { RenewId } from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import type { Store } from '../persistence/store';
import type { Renewal } from '../session/settings';

const DEFAULT_GRACE = 30_000;
/** The old id is not remembered for longer. */
const LONGEST_GRACE = 60 * 60 * 1000;

/**
 * Completes and checks the option `renewId`.
 *
 * @throws TypeError if it has the wrong type, or if the store cannot move a session.
 */
export function resolveRenewId(given: RenewId | undefined, store: Store): Renewal | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object')
    throw expected('renewId', 'an object such as `{ after: 900_000, grace: 30_000 }`', given);
  const { after } = given;
  const grace = given.grace ?? DEFAULT_GRACE;
  warnOfUnknown(Object.keys(given), { known: ['after', 'grace'], path: 'renewId.' });
  if (!isBetween(after, 1, Number.MAX_SAFE_INTEGER)) {
    throw expected('renewId.after', 'a positive number of milliseconds', after);
  }
  if (!isBetween(grace, 0, LONGEST_GRACE)) {
    throw expected('renewId.grace', `a number of milliseconds from 0 to ${LONGEST_GRACE}`, grace);
  }
  if (store.guarantee === 'compare-and-set' && !store.usesTokens) return { after, grace };
  throw new TypeError(
    'Expected `store` to compare and set, since `renewId` is given: use redisStore(), knexStore(), a MemoryStore, or a store with `load`, `create`, `swap` and `touch`',
  );
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}
