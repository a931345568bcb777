import { hasExpired } from '../base/ttl';
import type { IndexMember, Session } from '../base/types';
import { PENDING_FOR } from './ending';
import { indexOfSession, type UserRules } from './rules';

/** A listed session that is in use. */
export interface Alive {
  member: IndexMember;
  session: Session;
  /** Remaining lifetime of its record in milliseconds. */
  ttl: number;
}

/** The members of an index by what their records are. */
export interface Listed {
  alive: Alive[];
  /** Without a session of the user so far: a request may be about to store it. */
  pending: IndexMember[];
  /** Without a session of the user, and none will come. */
  stale: IndexMember[];
}

/** Calls that are made at the same time. */
export const AT_ONCE = 100;

/** Reads the records of an index's members. The records decide which sessions are the user's, not the index. */
export async function readListed(members: readonly IndexMember[], index: string, rules: UserRules): Promise<Listed> {
  const { store } = rules;
  const listed: Listed = { alive: [], pending: [], stale: [] };
  await atOnce(members, async (member) => {
    const found = await store.records.load(member.key, store.newBudget(), true);
    const session = found.found === 'session' ? (found.data as unknown as Session) : undefined;
    if (session !== undefined && isInUse(session, index, rules)) {
      listed.alive.push({ member, session, ttl: (found as { ttl?: number }).ttl ?? store.ttlOf(session) });
    } else {
      listed[member.enrolledAgo < PENDING_FOR ? 'pending' : 'stale'].push(member);
    }
  });
  return listed;
}

function isInUse(session: Session, index: string, rules: UserRules): boolean {
  return !isOver(session, rules) && indexOfSession(session, rules) === index;
}

/** Whether a session that is still stored has ended. */
export function isOver(session: Session, { store }: UserRules): boolean {
  return hasExpired(Object(session.cookie)) || store.timeLeftOf(session) <= 0;
}

/** Calls `each` for every item, with a limited number of calls at a time. */
export async function atOnce<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(each));
  }
}
