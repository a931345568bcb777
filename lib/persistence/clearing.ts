import { expected, isGiven } from '../base/expect';
import { notesOf } from '../base/notes';
import { tellOfSession } from '../base/session-channel';
import { walkAll } from '../base/walk';
import { isLocked } from '../record/unopened';
import { type FoundSession, findSession } from './found-session';
import { handleOf } from './handles';
import type { RecordWalk } from './record-walk';
import type { WalkRules } from './session-walk';
import type { ClearOptions, ClearProgress } from './walk-options';

/** The result for a record: its session has ended; it was gone; or it stays, since it is another value, or of another prefix. */
type Outcome = 'ended' | 'gone' | 'left';

/** Ends all sessions of a Store, each as a logout does, and resolves to their number. */
export async function clearSessions(options: ClearOptions, rules: WalkRules): Promise<number> {
  const { names, walk } = rules.store;
  const handles = isGiven(options.handles) ? new Set(givenHandles(options.handles)) : undefined;
  const counts: ClearProgress = { scanned: 0, ended: 0, left: 0 };
  let foreign = 0;
  const page = (cursor: string | undefined) => (walk as RecordWalk).keys(cursor, rules.store.newBudget());
  const visit = async (key: string) => {
    const isOwn = names.owns(key);
    const outcome = isOwn ? await end(key, handles, rules) : 'left';
    counts.scanned += 1;
    if (!isOwn) foreign += 1;
    if (outcome !== 'gone') counts[outcome] += 1;
  };
  const { signal, onProgress } = options;
  await walkAll({ page, visit, counts }, { signal, onProgress: () => onProgress?.({ ...counts }) });
  if (foreign > 0 && handles === undefined) warnOfForeign(foreign, names.prefix);
  return counts.ended;
}

/** @throws TypeError */
function givenHandles(handles: unknown): readonly string[] {
  if (Array.isArray(handles) && handles.every((handle) => typeof handle === 'string')) return handles;
  throw expected('handles', 'a list of handles', handles);
}

async function end(key: string, handles: ReadonlySet<string> | undefined, rules: WalkRules): Promise<Outcome> {
  const answer = await findSession(key, rules);
  if (answer.is === 'session') {
    const isMeant = handles?.has(handleOf(answer.found, rules)) ?? true;
    return isMeant ? endSession(answer.found, rules) : 'left';
  }
  if (handles !== undefined) return 'left';
  if (answer.is !== 'other') return 'gone';
  // Those who have the key could go on with a sealed one.
  if (!isLocked(answer.value)) return 'left';
  return (await rules.store.records.end(key, undefined, rules.store.newBudget())) ? ended(rules) : 'gone';
}

async function endSession({ key, session }: FoundSession, rules: WalkRules): Promise<Outcome> {
  const { index, records } = rules.store;
  // Not the version that was read: others may write, and the session ends whatever they write.
  const isEnded = await records.end(key, undefined, rules.store.newBudget());
  const listing = notesOf(Object(session.cookie))?.index;
  if (listing !== undefined) await index?.forget(listing, key, rules.store.newBudget());
  if (isEnded) rules.store.endings?.announce(handleOf({ key, session }, rules), 'operator');
  return isEnded ? ended(rules) : 'gone';
}

/** There may be no application here, but a subscriber may count ends. */
function ended({ store }: WalkRules): 'ended' {
  tellOfSession('session:ended', store.prefix, 'operator');
  return 'ended';
}

function warnOfForeign(count: number, prefix: string): void {
  process.emitWarning(
    `store.clear() has left records that begin with the prefix \`${prefix}\`, since this store gives no such names (number of records: ${count}): ` +
      'they may belong to a longer prefix. If they are sessions of this application, clear a Store with that longer prefix too.',
    { code: 'KOA_EVENTED_SESSION_OTHER_PREFIX' },
  );
}
