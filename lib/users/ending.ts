import type { Session } from '../base/types';
import type { Budget } from '../client/budget';
import { type Loaded, REMEMBERED_FOR } from '../persistence/records';
import { parseRecord, regeneratedMarker, type SessionData } from '../record/record';
import { indexOfSession, type UserRules } from './rules';

/**
 * What became of a listed record: it has ended; it was gone already; it is in use by another user, or by none; or a request may be about
 * to store it.
 */
type Outcome = 'ended' | 'gone' | 'foreign' | 'expected';

/** How often an end compares before it ends the record unseen. */
const ASKED = 20;
/** Milliseconds after which no request is about to store a record that it has enrolled. */
export const PENDING_FOR = 60_000;

/** Tells of a session that has ended. */
export type Told = (sid: string, session: Session) => void;

/** A record that the index of a user lists, and that is to end. */
interface Listed {
  key: string;
  index: string;
  enrolledAgo: number;
}

/** An end that is under way. */
interface Ending {
  listed: Listed;
  rules: UserRules;
  told: Told;
  budget: Budget;
  /** The keys that have been looked at. */
  followed: Set<string>;
}

/**
 * Ends the session of a listed record if it is the index's user's, as a logout does: no later write brings it back. If it goes on under
 * another key with its data, it ends there.
 */
export function endListed(listed: Listed, rules: UserRules, told: Told): Promise<Outcome> {
  return endAt(listed.key, { listed, rules, told, budget: rules.store.newBudget(), followed: new Set() });
}

async function endAt(key: string, ending: Ending): Promise<Outcome> {
  const { budget, followed, rules } = ending;
  const found = await rules.store.records.load(key, budget, false);
  if (found.found === 'session') return endSession(key, found, ending);
  if (found.found === 'nothing') return endExpected(key, ending);
  followed.add(key);
  const successor = successorOf(found);
  const next = successor === undefined ? key : rules.store.keyOf(successor);
  if (followed.has(next)) return found.found === 'regenerated' ? 'gone' : 'foreign';
  return endAt(next, ending);
}

async function endExpected(key: string, ending: Ending): Promise<Outcome> {
  if (ending.listed.enrolledAgo > PENDING_FOR) return 'gone';
  // If not, a request has created it since.
  return (await bar(key, ending)) ? 'expected' : endAt(key, ending);
}

/** The id under which a record's session goes on with its data. */
function successorOf(found: Loaded): string | undefined {
  return found.found === 'regenerated' && found.marker?.keepsData === true ? found.marker.successor : undefined;
}

/** Leaves a marker where a request is about to create a record, for a minute: that request fails. */
async function bar(key: string, { rules, budget }: Ending): Promise<boolean> {
  const record = regeneratedMarker({ successor: '', keepsData: false });
  return (
    (await rules.store.records.create(key, { record, ttl: REMEMBERED_FOR, plain: () => ({}) }, budget)) !== undefined
  );
}

async function endSession(
  key: string,
  { data, ...version }: Loaded & { found: 'session' },
  { listed, rules, told, budget }: Ending,
): Promise<Outcome> {
  const expectOwn = (session: SessionData | undefined) => {
    if (!isOf(session ?? {}, listed, rules)) throw new Foreign();
  };
  try {
    expectOwn(data);
    const hasEnded = await rules.store.records.endIf(
      key,
      version,
      budget,
      (record) => expectOwn(parseRecord(record)),
      ASKED,
    );
    if (!hasEnded) return 'gone';
  } catch (error) {
    if (error instanceof Foreign) return 'foreign';
    throw error;
  }
  told(sidOf(key, rules), data as unknown as Session);
  return 'ended';
}

/** The record is in use by another user: it stays. */
class Foreign extends Error {}

/** Whether a record is the index's user's. One of nobody that was enrolled a moment ago is about to become so. */
function isOf(data: SessionData, { index, enrolledAgo }: Listed, rules: UserRules): boolean {
  const of = indexOfSession(data as Session, rules);
  return of === undefined ? enrolledAgo < PENDING_FOR : of === index;
}

export function sidOf(key: string, { store }: UserRules): string {
  return key.slice(store.prefix.length);
}
