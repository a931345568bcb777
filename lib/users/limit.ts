import type { IndexMember } from '../base/types';
import { endListed, type Told } from './ending';
import { atOnce, readListed } from './listing';
import type { UserRules } from './rules';

/**
 * Keeps the number of a user's sessions within the limit, after the session `own` was stored: ends the oldest, or refuses `own`. However
 * many logins come at once, all see the same order, that of the index.
 *
 * @returns whether `own` may stay
 */
export async function keepWithinLimit(own: string, index: string, rules: UserRules, told: Told): Promise<boolean> {
  const { exceeded, limit, store } = rules;
  if (limit === undefined) return true;
  const counted: IndexMember[] = [];
  for await (const members of rules.index.members(index, () => store.newBudget())) {
    const { alive, pending, stale } = await readListed(members, index, rules);
    counted.push(...alive.map(({ member }) => member));
    // A login that is on its way, and was enrolled first, has the place. If the oldest are ended, the last login sees all others.
    if (exceeded === 'refuse') counted.push(...pending);
    if (stale.length > 0) await rules.index.dismiss(index, stale, store.newBudget());
  }
  counted.sort((a, b) => b.enrolledAgo - a.enrolledAgo || (a.key < b.key ? -1 : 1));
  if (exceeded === 'refuse') return counted.findIndex(({ key }) => key === own) < limit;
  const surplus = counted.slice(0, Math.max(0, counted.length - limit));
  await atOnce(surplus, async (member) => {
    await endListed({ ...member, index }, rules, told);
  });
  if (surplus.length > 0) await rules.index.dismiss(index, surplus, store.newBudget());
  return surplus.every(({ key }) => key !== own);
}
