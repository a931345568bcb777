import type { Session } from '../base/types';
import type { Budget } from '../client/budget';
import { successorOf } from '../persistence/found-session';
import { handleOf, handleOfKey, shownOf } from '../persistence/handles';
import { PENDING_FOR } from '../persistence/listing';
import type { Loaded, Version } from '../persistence/records';
import { indexOfStored } from '../persistence/whose';
import type { UserRules } from './rules';

/**
 * The result for a listed record: its session has ended; it was gone already, or now it never comes; or its entry stays, since another
 * user or no user has the record, or a request may be about to store it.
 */
export type Outcome = 'ended' | 'gone' | 'stays';

/** How often an end loses to other writers before it asks them to stand back. */
const LOST_FIRST = 2;
/** How often it loses before it ends the record unseen. */
const ASKED = 20;
/** How often the store may fail before that. */
const FAILED = 2;

/** Called with a session that has ended, what events name it by, and its handle. */
export type Told = (name: string, session: Session, handle: string) => void;

/** A record to end, as the index of a user lists it. */
interface Listed {
  key: string;
  index: string;
  enrolledAgo: number;
}

/** An end in progress. */
interface Ending {
  readonly listed: Listed;
  readonly rules: UserRules;
  readonly told: Told;
  readonly spared: readonly string[];
  readonly budget: Budget;
  /** The key that is looked at, and those that were, since their sessions went on. */
  key: string;
  readonly followed: Set<string>;
  /** The stamp of the marker that led to the key. */
  stamp: string | undefined;
  /** How often another request came first. */
  lost: number;
  /** Whether other writers should stand back. */
  reserves: boolean;
}

/**
 * Ends the session of a listed record if it belongs to the index's user. Like a logout, it is final for later writes.
 * If the session continues under another key with its data, it ends there.
 *
 * @param spared handles of sessions that stay
 */
export async function endListed(
  listed: Listed,
  rules: UserRules,
  told: Told,
  spared: readonly string[] = [],
): Promise<Outcome> {
  if (spared.includes(handleOfKey(listed.key, rules))) return 'stays';
  const ending: Ending = {
    ...{ listed, rules, told, spared, budget: rules.store.newBudget() },
    ...{ key: listed.key, followed: new Set(), stamp: undefined, lost: 0, reserves: false },
  };
  for (;;) {
    const outcome = await endFound(await find(ending), ending);
    if (outcome !== undefined) return outcome;
  }
}

function find({ budget, key, reserves, rules }: Ending): Promise<Loaded> {
  const { records } = rules.index;
  return reserves ? records.reserve(key, budget) : records.load(key, budget, false);
}

/** `undefined`: it has to be looked at again. */
async function endFound(found: Loaded, ending: Ending): Promise<Outcome | undefined> {
  if (found.found === 'session') return endSession(found, ending);
  if (found.found === 'regenerated') return follow(found, ending);
  return found.found === 'nothing' ? endExpected(ending) : 'stays';
}

async function endSession(found: Loaded & { found: 'session' }, ending: Ending): Promise<Outcome | undefined> {
  const { budget, key, listed, reserves, rules, told } = ending;
  const session = found.data as unknown as Session;
  // It moves here from another key, which is listed too.
  if (found.stamp !== undefined && found.stamp !== ending.stamp) return 'stays';
  if (indexOfStored(session, rules) !== listed.index) {
    // A login that was listed before may be about to write this record: the mark lets it fail, and enroll again.
    ending.reserves = true;
    return reserves ? 'stays' : undefined;
  }
  if (ending.spared.includes(handleOf({ key, session }, rules))) return 'stays';
  const { records } = rules.index;
  const isEnded = ending.lost < ASKED ? endVersion(found, ending) : records.endUnseen(key, budget);
  if (await isEnded) {
    told(shownOf({ key, session }, rules), session, handleOf({ key, session }, rules));
    return 'ended';
  }
  ending.lost += 1;
  ending.reserves = ending.lost >= LOST_FIRST;
  return undefined;
}

/** A full store refuses to replace a record, but it does remove one. */
async function endVersion(found: Version, ending: Ending): Promise<boolean> {
  const { budget, key, rules } = ending;
  try {
    return await rules.index.records.endVersion(key, found, budget);
  } catch {
    ending.lost += ASKED / FAILED;
    return false;
  }
}

function follow(found: Loaded & { found: 'regenerated' }, ending: Ending): Outcome | undefined {
  const { followed, key, rules } = ending;
  followed.add(key);
  ending.key = successorOf(found, rules) ?? key;
  ending.stamp = found.marker?.stamp;
  return followed.has(ending.key) ? 'gone' : undefined;
}

async function endExpected({ budget, followed, key, listed, rules }: Ending): Promise<Outcome | undefined> {
  if (followed.size > 0) return 'gone';
  // It has expired, or it is about to take the place of a session that was listed long ago.
  if (listed.enrolledAgo >= PENDING_FOR) return 'stays';
  // If the key cannot be barred, a request has just created the record.
  return (await rules.index.records.bar(key, budget)) ? 'gone' : undefined;
}
