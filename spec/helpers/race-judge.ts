import type { Finished, Race, Result } from './race';

/** What can go wrong in a race; all but the last must not. */
export const faults = [
  // Data under the visitor's id after it had ended, or in a session that nobody made on purpose.
  'revived',
  'brought back',
  // Written in time and not there; written too late and there.
  'lost',
  'kept',
  // The browser has another cookie than the one that the winner left it with; a request that came too late sent one.
  'replaced',
  'late',
  // Not exactly one request has ended the session.
  'undecided',
  'failed',
  // In another process a change landed in time, and its response, with its cookie, came after the winner's.
  'overtaken',
] as const;

export type Fault = (typeof faults)[number];

/** What went wrong, each with what it was. */
export type Verdict = Partial<Record<Fault, string>>;

const enders = ['logout', 'destroy', 'regenerate', 'keep'];

/** Whether the request works on the visitor's session: it came in time, and was not told that it was too late. */
function inTime({ events, status }: Finished): boolean {
  return status === 204 && !events.includes('gone') && !events.includes('missed');
}

/** Finds what went wrong in a race, whatever it was about. */
export function judge({ requests, processes, delay = 0 }: Race, result: Result): Verdict {
  const { sid, finished, jar, sessions, revived } = result;
  const verdict: Verdict = {};
  const winners = finished.filter(({ kind, ...one }) => enders.includes(kind) && inTime({ kind, ...one }));
  const failed = finished.filter(({ status }) => status !== 204);
  const silent = finished.filter(isSilent);
  const races = requests.some((path) => enders.some((kind) => path.startsWith(`/${kind}/`)));

  if (revived > 0) verdict.revived = `${revived} times`;
  if (delay === 0 && failed.length > 0) verdict.failed = namesOf(failed);
  if (silent.length > 0) verdict.failed = `${namesOf(silent)} without a word`;
  const nameless = finished.filter(({ events }) => events.includes('without an id'));
  if (nameless.length > 0) verdict.failed = `${namesOf(nameless)}: an event without an id`;
  if (winners.length > 1 || (delay === 0 && races && winners.length === 0)) verdict.undecided = namesOf(winners);

  const [winner] = winners;
  const fresh = [...sessions].find(([id, data]) => id !== sid && winner && data['login'] === winner.name);
  const last = winner === undefined ? sessions.get(sid) : winner.kind === 'keep' ? fresh?.[1] : undefined;

  // Whoever came after the end is a new visitor, with nothing but their own.
  const strangers = finished.filter(({ events }) => events.includes('missed'));
  for (const [id, data] of sessions) {
    const isLiving = data === last || data === fresh?.[1];
    const isOwn = strangers.some((one) => Object.keys(data).every((key) => key === 'cookie' || own(one).includes(key)));
    if (!isLiving && !isOwn && failed.length === 0) verdict['brought back'] = `${id}: ${JSON.stringify(data)}`;
  }

  if (last !== undefined) Object.assign(verdict, judgeData(finished, last));
  else if (winner === undefined || winner.kind === 'keep') {
    if (failed.length === 0) verdict.lost = 'the whole session';
  }
  const late = finished.filter(({ events, setCookie }) => events.includes('gone') && setCookie.length > 0);
  if (late.length > 0) verdict.late = namesOf(late);
  if (failed.length > 0) return verdict;

  const held = jar.get('koa.sid');
  const expected = winner === undefined ? sid : fresh?.[0];
  const isStranger = expected === undefined && finished.some(({ events }) => events.includes('created'));
  if (held === expected || isStranger) return verdict;
  const isOvertaken = processes > 1 && held === sid && late.length === 0;
  verdict[isOvertaken ? 'overtaken' : 'replaced'] = `${held} in place of ${expected}`;
  return verdict;
}

/** The keys that a request sets. */
function own({ kind, name }: Finished): string[] {
  if (kind === 'write') return [name];
  if (kind === 'write-twice') return [`${name}1`, `${name}2`];
  if (kind === 'count') return ['count'];
  return kind === 'regenerate' || kind === 'keep' ? ['login'] : [];
}

/** The keys of the changes that the request was told to be saved; each of its saves is of the next key. */
function saved(one: Finished): string[] {
  const saves = one.events.filter((event) => event === 'saved').length;
  return one.events.includes('missed') ? [] : own(one).slice(0, saves);
}

/** All that was saved is there, and nothing of what came too late. */
function judgeData(finished: readonly Finished[], last: object): Verdict {
  const writers = finished.filter(({ kind }) => kind.startsWith('write'));
  const removed = finished.filter(({ kind, events }) => kind === 'remove' && events.includes('saved'));
  const lost = writers.flatMap(saved).filter((key) => !(key in last));
  const stayed = removed.map(({ name }) => name).filter((key) => key in last);
  const late = writers.filter(({ events }) => events.includes('gone'));
  const kept = late.flatMap((one) => own(one).filter((key) => key in last && !saved(one).includes(key)));

  const counts = finished.filter(({ kind }) => kind === 'count');
  const counted = counts.flatMap(saved).length;
  const failed = counts.filter(({ status }) => status !== 204).length;
  const count = Number((last as { count?: number }).count);
  const miscounted = count < counted || count > counted + failed ? [`count ${count} of ${counted}`] : [];
  const missing = [...lost, ...stayed, ...miscounted];
  return {
    ...(missing.length > 0 ? { lost: missing.join() } : {}),
    ...(kept.length > 0 ? { kept: kept.join() } : {}),
  };
}

/** Whether the request has changed something and was told nothing of what became of it. */
function isSilent({ kind, events, status }: Finished): boolean {
  return status === 204 && /write|remove|count/.test(kind) && !/saved|gone|missed/.test(events.join());
}

function namesOf(finished: readonly Finished[]): string {
  return finished.map(({ kind, name }) => `/${kind}/${name}`).join();
}
