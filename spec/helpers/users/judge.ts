import { type Actor, type Alive, type History, keyOf, type Scenario, type Transition } from './world';

/** What can go wrong; nothing of it may. */
export const faults = [
  'unlisted',
  'outlived',
  'served',
  'foreign',
  'revived',
  'ended in vain',
  'above the limit',
  'below the limit',
  'lost',
  'failed',
  'without a word',
] as const;

export type Verdict = Partial<Record<(typeof faults)[number], string>>;

/** Finds what went wrong, by the records of the store. */
export function judge(scenario: Scenario, history: History): Verdict {
  const { actors, alive, died, errors, failures, listed, seen, sent, transitions } = history;
  const verdict: Verdict = {};
  const [unlisted] = seen;
  if (unlisted !== undefined) verdict.unlisted = unlisted;
  for (const [user, handles] of listed) {
    // What is left of a refused login, if its removal has failed, is a record that nobody can have.
    const isWhole = !scenario.ordered || (died === 0 && failures === 0);
    const counts = (key: string, handle: string) => isWhole || sent.has(key) || handles.includes(handle);
    const counted = [...alive].filter(([key, { auth, handle }]) => auth?.user === user && counts(key, handle));
    // A process may die while a session moves: it is then stored under both ids.
    const own = [...new Set(counted.map(([, { handle }]) => handle))];
    if (own.sort().join() !== [...handles].sort().join())
      verdict.unlisted = `${user}: ${handles.length} listed, ${own.length} alive`;
  }
  judgeEnds(history, verdict);
  for (const transition of transitions) {
    const actor = actors.find(({ name }) => name === transition.actor);
    if (!isEntitled(transition, actor, scenario)) verdict.foreign = `${named(transition.from)} by ${transition.actor}`;
  }
  const ended = new Set<string>();
  for (const { key, from, to, actor } of transitions) {
    if (from !== undefined && to === undefined) ended.add(key);
    // A request may try again to store the session that it has begun.
    if (to !== undefined && to.root !== actor && ended.has(key)) verdict.revived = `${named(to)} by ${actor}`;
  }
  judgeLogouts(history, verdict);
  judgeLimit(scenario, history, verdict);
  if (scenario.survives !== undefined && died === 0 && failures === 0) {
    const sid = history.jars.get(scenario.survives)?.get('koa.sid');
    if (!alive.has(keyOf(scenario, String(sid)))) verdict.lost = `the session of ${scenario.survives}`;
  }
  for (const { name, user, kind, events, reply } of actors) {
    if (!/^(login|reset)$/.test(kind) || reply?.status !== 204 || events.includes('gone')) continue;
    const isStored = transitions.some(({ to }) => to?.auth?.login === name);
    if (!isStored && user !== '' && died === 0 && failures === 0) verdict['without a word'] = name;
  }
  const failed = errors.filter((code) => code !== 'ERR_SESSION_LIMIT');
  if (failed.length > 0 && failures === 0) verdict.failed = failed.join();
  return verdict;
}

/** No session that began before an end outlives it. */
function judgeEnds({ actors, transitions, alive, sent }: History, verdict: Verdict): void {
  const endings = actors.flatMap((actor) => actor.endings.map((ending) => ({ ...ending, by: actor.name })));
  const beganOf = beginnings(actors, transitions);
  for (const { kind, user, root, answered, marked, by } of endings) {
    if (answered === undefined || answered.with === false) continue;
    if (kind === 'end') {
      const isAlive = [...alive].some(
        ([key, one]) =>
          sent.has(key) && one.root === root && one.auth?.user === user && beganOf(one.auth.login) < answered.at,
      );
      if (isAlive) verdict.outlived = `${root} is alive after ${by}`;
      continue;
    }
    if (marked === undefined) throw new Error(`${by} has ended nothing`);
    const isEnded = ({ root: began, auth }: Alive) =>
      auth?.user === user && began !== root && beganOf(auth.login) < marked;
    const later = [...lifeAfter(answered.at, transitions, sent)].find(isEnded);
    if (later !== undefined) verdict.outlived = `${named(later)} after ${by}`;
    const served = actors.find(
      (actor) => actor.began > answered.at && actor.served !== undefined && isEnded(actor.served),
    );
    if (served !== undefined) verdict.served = `${named(served.served)} to ${served.name} after ${by}`;
  }
}

/** When the request began that made a session its user's, by the name of the last one. */
function beginnings(actors: readonly Actor[], transitions: readonly Transition[]): (login: string) => number {
  const began = new Map<string, number>();
  for (const { name, user, endings, began: at } of actors) {
    // After its own end, a request counts as one that begins then.
    began.set(name, endings.find((ending) => ending.user === user)?.answered?.at ?? at);
  }
  const beganOf = (login: string) => began.get(login) ?? 0;
  for (const { from, to } of transitions) {
    if (from?.auth === undefined || from.auth.user !== to?.auth?.user) continue;
    // It is logged in already: a request that does so again changes nothing, whenever it began.
    began.set(to.auth.login, Math.max(beganOf(from.auth.login), beganOf(to.auth.login)));
  }
  return beganOf;
}

/** The sessions that are alive at a time, or later, and that somebody can have: a new id has its data before the old one loses it. */
function* lifeAfter(at: number, transitions: readonly Transition[], sent: ReadonlySet<string>): Generator<Alive> {
  const last = new Map<string, Alive | undefined>();
  for (const { at: time, key, to } of transitions) {
    if (!sent.has(key)) continue;
    if (time > at && to !== undefined) yield to;
    if (time <= at) last.set(key, to);
  }
  for (const one of last.values()) if (one !== undefined) yield one;
}

/** Whether a request may do to a session what it has done. */
function isEntitled({ from, to }: Transition, actor: Actor | undefined, { options }: Scenario): boolean {
  if (from === undefined || actor === undefined) return from === undefined;
  if (from.auth !== undefined && to?.auth?.user === from.auth.user) return true;
  const isOwn = from.root === actor.root || from.root === actor.name;
  const spares = actor.endings.some(({ kind, root }) => kind === 'endOthers' && root === from.root);
  if (isOwn && !spares) return true;
  const isEnded = actor.endings.some(({ kind, user, root }) => {
    return (
      user === from.auth?.user && (kind === 'endAll' || (kind === 'end' ? root === from.root : root !== from.root))
    );
  });
  const moves = options?.renewId !== undefined || /login|keep/.test(actor.kind);
  if (isEnded || (isOwn && moves)) return true;
  return options?.maxPerUser !== undefined && from.auth?.user === actor.user;
}

/** Whoever was told that the visitor is logged out was told the truth. */
function judgeLogouts({ actors, alive }: History, verdict: Verdict): void {
  for (const { kind, name, root, served, reply, began } of actors) {
    if (kind !== 'logout' || reply?.status !== 204 || served === undefined) continue;
    const back = [...alive.values()].find((one) => {
      const login = actors.find((actor) => actor.name === one.auth?.login);
      return one.root === root && one.auth?.login === served.auth?.login && (login?.began ?? 0) < began;
    });
    if (back !== undefined) verdict.revived = `${named(back)} after ${name}`;
  }
}

function judgeLimit(
  { isChecked, options, left }: Scenario,
  { alive, died, failures, sent }: History,
  verdict: Verdict,
): void {
  const max = options?.maxPerUser;
  const count = new Map<string, number>();
  for (const [key, { auth }] of alive) {
    // A process that dies while a session gets a new id may leave it under an id that nobody has.
    if (auth !== undefined && sent.has(key)) count.set(auth.user, (count.get(auth.user) ?? 0) + 1);
  }
  const isWhole = died === 0 && failures === 0;
  if (max !== undefined && max !== null) {
    const { limit, exceeded = 'end-oldest' } = typeof max === 'object' ? max : { limit: max };
    for (const [user, number] of count) {
      if (number > limit && (isWhole || (exceeded === 'refuse' && isChecked === undefined)))
        verdict['above the limit'] = `${user} has ${number}`;
    }
  }
  for (const [user, number] of Object.entries(left ?? {})) {
    const has = count.get(user) ?? 0;
    if (isWhole && has < number) verdict['below the limit'] = `${user} has ${has} of ${number}`;
  }
}

function named(alive: Alive | undefined): string {
  return `the session ${alive?.root} of ${alive?.auth ? `${alive.auth.user} by ${alive.auth.login}` : 'nobody'}`;
}
