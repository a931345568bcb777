import { expectAbsent, expected } from '../base/expect';
import type { MaxPerUser, SessionOptions } from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import type { Store } from '../persistence/store';
import type { UserRules } from '../users/rules';

type Given = { [Name in keyof SessionOptions]?: NonNullable<SessionOptions[Name]> };

/**
 * Completes and checks the options about users. Returns `undefined` without `user`.
 *
 * @throws TypeError if one has the wrong type, or if the store cannot list a user's sessions.
 */
export function resolveUsers({ user, device, maxPerUser }: Given, store: Store): UserRules | undefined {
  if (user === undefined) {
    expectAbsent({ device, maxPerUser }, ['device', 'maxPerUser'], 'without `user`, which tells whose a session is');
    return undefined;
  }
  const { index } = store;
  if (index === undefined) {
    throw new TypeError(
      'Expected `store` to list the sessions of a user, since `user` is given: use redisStore(), knexStore(), a MemoryStore, or a store with the methods of an EndingStore and an IndexingStore',
    );
  }
  const { limit, exceeded } = limitOf(maxPerUser);
  return { store, index, user, device, limit, exceeded };
}

function limitOf(given: unknown): { limit: number | undefined; exceeded: 'end-oldest' | 'refuse' } {
  if (given === undefined) return { limit: undefined, exceeded: 'end-oldest' };
  const members = (typeof given === 'object' ? given : { limit: given }) as Partial<MaxPerUser>;
  warnOfUnknown(Object.keys(members), { known: ['limit', 'exceeded'], path: 'maxPerUser.' });
  const { limit } = members;
  const exceeded = members.exceeded ?? 'end-oldest';
  if (!Number.isSafeInteger(limit) || Number(limit) < 1) {
    throw expected(
      typeof given === 'object' ? 'maxPerUser.limit' : 'maxPerUser',
      'a whole number of at least 1',
      limit,
    );
  }
  if (exceeded !== 'end-oldest' && exceeded !== 'refuse') {
    throw expected('maxPerUser.exceeded', "'end-oldest' or 'refuse'", exceeded);
  }
  return { limit, exceeded };
}
