import type { IndexMember } from '../base/types';
import { atOnce } from '../base/walk';
import { eachOnce, handleOfKey } from '../persistence/handles';
import { type Alive, PENDING_FOR, readListed } from '../persistence/listing';
import { endListed, type Told } from './ending';
import type { UserRules } from './rules';

/** What counts towards the limit. */
interface Counted {
  alive: Alive[];
  /** Logins that are on their way, perhaps. */
  pending: IndexMember[];
  /** The member that asks. */
  own: IndexMember | undefined;
}

/**
 * Whether a login, whose record `own` is listed and not stored, has a place: however many come at once, one that was listed first goes
 * first. `'unsure'`: it was listed long ago, for a session that became another user's, so others do not expect it.
 *
 * @param left the session that the login replaces, whose place it takes
 */
export async function placeFor(
  own: string,
  index: string,
  rules: UserRules,
  left?: string,
): Promise<'free' | 'full' | 'unsure'> {
  const { limit } = rules;
  if (limit === undefined) return 'free';
  const counted = await countedIn(index, own, rules);
  const isFirst = (one: IndexMember) => counted.own === undefined || order(one, counted.own) < 0;
  if (others(counted, own, left) + counted.pending.filter((one) => one.key !== own && isFirst(one)).length >= limit)
    return 'full';
  return Number(counted.own?.enrolledAgo) < PENDING_FOR ? 'free' : 'unsure';
}

/** Ends the session of the record `own`, now that it is stored, if the others and the logins that are on their way fill the limit. */
export async function keepPlace(own: string, index: string, rules: UserRules, left?: string): Promise<boolean> {
  const counted = await countedIn(index, own, rules);
  const pending = counted.pending.filter(({ key }) => key !== own);
  if (others(counted, own, left) + pending.length < Number(rules.limit)) return true;
  await endListed({ key: own, index, enrolledAgo: 0 }, rules, () => undefined);
  return false;
}

function others({ alive }: Counted, ...own: (string | undefined)[]): number {
  return alive.filter((one) => !own.includes(one.member.key) && !own.includes(one.key)).length;
}

/**
 * Ends the oldest sessions above the limit, now that the record `own` is stored. However many logins come at once, the last one sees all
 * others, and all see the same order, that of the index.
 *
 * @returns whether `own` goes on
 */
export async function endSurplus(own: string, index: string, rules: UserRules, told: Told): Promise<boolean> {
  const { limit, store } = rules;
  if (limit === undefined) return true;
  const { alive } = await countedIn(index, own, rules);
  alive.sort((a, b) => order(a.member, b.member));
  const surplus = alive.splice(0, Math.max(0, alive.length - limit));
  await atOnce(surplus, async ({ member }) => {
    const outcome = await endListed({ ...member, index }, rules, told);
    if (outcome !== 'stays') await rules.index.dismiss(index, [member], store.newBudget());
  });
  return alive.some(({ member, key }) => member.key === own || key === own);
}

async function countedIn(index: string, own: string, rules: UserRules): Promise<Counted> {
  const counted: Counted = { alive: [], pending: [], own: undefined };
  const seen = new Set<string>();
  for await (const members of rules.index.members(index, () => rules.store.newBudget())) {
    const { alive, pending } = await readListed(members, index, rules);
    counted.alive.push(...eachOnce(alive, rules, seen));
    counted.pending.push(...pending);
    counted.own ??= members.find(({ key }) => key === own);
  }
  // A session that moves to another key is listed there before it is stored.
  counted.pending = counted.pending.filter(({ key }) => !seen.has(handleOfKey(key, rules)));
  return counted;
}

function order(a: IndexMember, b: IndexMember): number {
  return b.enrolledAgo - a.enrolledAgo || (a.key < b.key ? -1 : 1);
}
