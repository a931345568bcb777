import { hasExpired } from '../base/ttl';
import type { IndexMember, Session } from '../base/types';
import { atOnce } from '../base/walk';
import { PENDING_FOR, successorOf } from './ending';
import { indexOfStored, type UserRules } from './rules';

/** A listed session in use. */
export interface Alive {
  member: IndexMember;
  /** The key of its record: another than the member's if it has just got a new id. */
  key: string;
  session: Session;
  /** Remaining lifetime of its record in milliseconds. */
  ttl: number;
}

/** The members of an index, by the state of their records. */
export interface Listed {
  alive: Alive[];
  /** No session of the user yet: a request may be about to store it. */
  pending: IndexMember[];
}

/** Reads the records of an index's members. The records decide which sessions are the user's, not the index. */
export async function readListed(members: readonly IndexMember[], index: string, rules: UserRules): Promise<Listed> {
  const listed: Listed = { alive: [], pending: [] };
  await atOnce(members, async (member) => {
    const found = await read(member, rules);
    if (found === 'copy') return;
    if (found !== undefined && isInUse(found.session, index, rules)) {
      listed.alive.push(found);
    } else if (member.enrolledAgo < PENDING_FOR) listed.pending.push(member);
  });
  return listed;
}

/** The session that a member leads to; `'copy'` if it is that of another member, which moves there. While it gets a new id, the old one may be read last, and the new one first. */
async function read(member: IndexMember, rules: UserRules): Promise<Alive | 'copy' | undefined> {
  const { store } = rules;
  const followed = new Set<string>();
  let stamp: string | undefined;
  for (let { key } = member; !followed.has(key); ) {
    followed.add(key);
    const found = await store.records.load(key, store.newBudget(), true);
    if (found.found === 'regenerated') {
      key = successorOf(found, rules) ?? key;
      stamp = found.marker?.stamp;
    }
    if (found.found !== 'session') continue;
    if (found.stamp !== undefined && found.stamp !== stamp) return 'copy';
    const session = found.data as unknown as Session;
    return { member, key, session, ttl: found.ttl ?? store.ttlOf(session) };
  }
  return undefined;
}

function isInUse(session: Session, index: string, rules: UserRules): boolean {
  return !isOver(session, rules) && indexOfStored(session, rules) === index;
}

/** Whether a session that is still stored has ended. */
export function isOver(session: Session, { store }: UserRules): boolean {
  return hasExpired(Object(session.cookie)) || store.timeLeftOf(session) <= 0;
}
