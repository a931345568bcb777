import type { IndexMember, Session } from '../base/types';
import { atOnce } from '../base/walk';
import { type FoundSession, findSession, isOver, type ReadingRules } from './found-session';
import { indexOfStored } from './whose';

/** After this many milliseconds, no request is about to store a record that it has enrolled. */
export const PENDING_FOR = 60_000;

/** A listed session in use. */
export interface Alive extends FoundSession {
  member: IndexMember;
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
export async function readListed(members: readonly IndexMember[], index: string, rules: ReadingRules): Promise<Listed> {
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

/** The session that a member leads to; `'copy'` if it is that of another member, which moves there. */
async function read(member: IndexMember, rules: ReadingRules): Promise<Alive | 'copy' | undefined> {
  const answer = await findSession(member.key, rules);
  if (answer.is !== 'session') return answer.is === 'copy' ? 'copy' : undefined;
  const { found } = answer;
  return { ...found, member, ttl: found.ttl ?? rules.store.ttlOf(found.session) };
}

function isInUse(session: Session, index: string, rules: ReadingRules): boolean {
  return !isOver(session, rules) && indexOfStored(session, rules) === index;
}
