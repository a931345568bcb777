import { LightJar } from '../http/light-requests';
import { DIED, type Finished, type Race, type Result } from './race';

/** What can go wrong in a race; all but the last must not. */
export const faults = [
  // Data under the visitor's id after its end, or in a session that was not created on purpose.
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

/** Whether the request was told that its user is logged out. */
function isLogout({ kind, status }: Finished): boolean {
  return /logout|destroy/.test(kind) && status === 204;
}

/** Those who end a session or move it, by what they did to it. */
function judgeEnders(finished: readonly Finished[]) {
  const done = finished.filter(({ status, events }) => status === 204 && !events.includes('missed'));
  return {
    logouts: done.filter(({ kind, events }) => /logout|destroy/.test(kind) && events.includes('destroyed')),
    rotations: done.filter((one) => one.kind === 'keep' && one.events.includes('regenerated') && inTime(one)),
    // A request that finds its session regenerated starts a new one: its visitor may have missed the first answer.
    logins: done.filter((one) => one.events.includes('regenerated') && (one.kind === 'regenerate' || !inTime(one))),
  };
}

/** Finds what went wrong in a race, whatever it was about. */
export function judge({ requests, processes, delay = 0 }: Race, result: Result): Verdict {
  const { sid, finished, jar, sessions, revived } = result;
  const verdict: Verdict = {};
  const { logouts, rotations, logins } = judgeEnders(finished);
  const failed = finished.filter(({ status }) => status !== 204);
  const silent = finished.filter(isSilent);
  const races = requests.some((path) => enders.some((kind) => path.startsWith(`/${kind}/`)));

  if (revived > 0) verdict.revived = `${revived} times`;
  if (delay === 0 && failed.length > 0) verdict.failed = namesOf(failed);
  if (silent.length > 0) verdict.failed = `${namesOf(silent)} without a word`;
  const nameless = finished.filter(({ events }) => events.includes('without an id'));
  if (nameless.length > 0) verdict.failed = `${namesOf(nameless)}: an event without an id`;
  const winners = [...logouts, ...rotations, ...logins];
  const isUndecided = logouts.length > 1 || rotations.length > 1;
  if (isUndecided || (delay === 0 && races && winners.length === 0)) verdict.undecided = namesOf(winners);

  const freshOf = (one: Finished | undefined) =>
    [...sessions].find(([id, data]) => id !== sid && one && data['login'] === one.name);
  const [rotation] = rotations;
  const rotated = freshOf(rotation);
  // The visitor's data continues in its place, or with the request that rotated the session; a logout or a login ends
  // it.
  const isOver = logouts.length > 0 || (logins.length > 0 && rotation === undefined);
  const last = isOver ? undefined : rotation === undefined ? sessions.get(sid) : rotated?.[1];
  // A request that learns that another came first has also been promised that the user is out.
  const isOut = finished.some(isLogout);
  if (isOut && rotated !== undefined) verdict['brought back'] = `${rotated[0]}: rotated, and logged out`;
  const homeless = logins.filter((one) => freshOf(one) === undefined);
  if (homeless.length > 0 && failed.length === 0) verdict.lost = `the login of ${namesOf(homeless)}`;

  // Whoever came after the end is a new visitor, with nothing but their own.
  const strangers = finished.filter(({ events }) => events.includes('missed'));
  const fresh = logins.map((one) => freshOf(one)?.[1]);
  for (const [id, data] of sessions) {
    const isLiving = data === last || fresh.includes(data);
    const isOwn = strangers.some((one) => Object.keys(data).every((key) => key === 'cookie' || own(one).includes(key)));
    if (!isLiving && !isOwn && failed.length === 0) verdict['brought back'] = `${id}: ${JSON.stringify(data)}`;
  }

  if (last !== undefined) Object.assign(verdict, judgeData(finished, last));
  else if (!isOver && failed.length === 0) verdict.lost = 'the whole session';
  const late = finished.filter((one) => {
    return one.events.includes('gone') && one.setCookie.length > 0 && !/regenerated|destroyed/.test(one.events.join());
  });
  if (late.length > 0) verdict.late = namesOf(late);
  if (failed.length > 0) return verdict;

  const held = jar.get('koa.sid');
  const expected = winners.length === 0 ? [sid] : winners.map((one) => sentBy(one) ?? freshOf(one)?.[0]);
  const isStranger = finished.some(({ events }) => events.includes('missed') && events.includes('created'));
  if (expected.includes(held) || isStranger) return verdict;
  const isOvertaken = processes > 1 && held === sid && late.length === 0;
  verdict[isOvertaken ? 'overtaken' : 'replaced'] = `${held} in place of ${expected.join(' or ')}`;
  return verdict;
}

/**
 * Finds what went wrong in a race with failing calls: the promises of responses must hold nevertheless. A request that
 * failed, or whose process has died, has promised nothing.
 */
export function judgeTroubled({ requests }: Race, { sid, finished, sessions, revived }: Result): Verdict {
  const verdict: Verdict = {};
  const { rotations, logins } = judgeEnders(finished);
  if (revived > 0) verdict.revived = `${revived} times`;
  if (rotations.length > 1) verdict.undecided = namesOf(rotations);
  const silent = finished.filter(isSilent);
  if (silent.length > 0) verdict.failed = `${namesOf(silent)} without a word`;
  const late = finished.filter((one) => {
    return one.events.includes('gone') && one.setCookie.length > 0 && !/regenerated|destroyed/.test(one.events.join());
  });
  if (late.length > 0) verdict.late = namesOf(late);

  // Where the browser finds a session that it was sent.
  const rotated = rotations.map((one) => sentBy(one)).find((id) => id !== undefined);
  const living = [sid, rotated].filter((id): id is string => id !== undefined && sessions.has(id));
  if (finished.some(isLogout) && living.length > 0) verdict['brought back'] = `${living.join()}: logged out`;
  if (rotated !== undefined && sessions.has(sid)) verdict['brought back'] = `${sid}: rotated to ${rotated}`;
  if ('login' in (sessions.get(sid) ?? {})) verdict.kept = `${sid}: what belongs into a new session`;
  const homeless = logins.filter((one) => sessions.get(String(sentBy(one)))?.['login'] !== one.name);
  if (homeless.length > 0) verdict.lost = `the login of ${namesOf(homeless)}`;

  if (requests.some((path) => /^\/(logout|destroy|regenerate)\//.test(path))) return verdict;
  // Nobody wanted the session to end. A process that died may have moved it without telling anybody.
  const moved = finished.some(({ kind, status }) => kind === 'keep' && status === DIED);
  const failed = finished.some(({ kind, status }) => kind === 'keep' && status === 500);
  const orphans = moved ? [...sessions].filter(([id]) => id !== sid).map(([, data]) => data) : [];
  const candidates = [sessions.get(rotated ?? sid), ...orphans].filter((data) => data !== undefined);
  // Both the claim of a rotation and the look at what became of it went wrong: then its request was told that it failed.
  if (candidates.length === 0) return failed ? verdict : { ...verdict, lost: 'the whole session' };
  const lost = candidates.map((data) => judgeData(finished, data).lost);
  return lost.includes(undefined) ? verdict : { ...verdict, lost: String(lost[0]) };
}

/** The id that a response has left in the browser; `undefined` if it has cleared it. */
function sentBy({ setCookie }: Finished): string | undefined {
  return new LightJar(setCookie).get('koa.sid');
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

/** Everything saved is there, and nothing that came too late. */
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
