import type { UserSession } from '../../../lib/main';
import type { RealAuth, RealReply } from './real-processes';

/** What a round is about. */
export interface RealRound {
  /** One of these requests ends sessions. */
  ends?: readonly string[];
  /** The most sessions that a user may have. */
  maxPerUser?: { limit: number; exceeded: 'end-oldest' | 'refuse' };
  /** Whether a process dies. */
  isDeadly: boolean;
}

/** A request. */
export interface Asked {
  name: string;
  visitor: string;
  kind: string;
  user: string;
  /** By the clock of the spec. */
  sent: number;
  answered?: number;
  reply?: RealReply | undefined;
}

/** What was found once all had answered. */
export interface Found {
  asked: readonly Asked[];
  ending: Asked | undefined;
  /** Whether a login sends its record together with its entry. */
  isOrdered: boolean;
  /** The ids that visitors were sent: nobody can present another. */
  sent: ReadonlySet<string>;
  records: Map<string, RealRecord>;
  users: Map<string, { entries: ReadonlyMap<string, number>; listed: readonly UserSession[] }>;
}

interface RealRecord {
  /** The request that began the session; a new id keeps it. */
  root: string;
  auth: RealAuth | undefined;
  /** When it expires, in milliseconds since 1970. */
  end: number;
}

export const keyPrefix = 'koa:sess:';

/** What no request may answer with, but these. */
const errors: Readonly<Record<string, RegExp>> = {
  // The session has ended, or become another's.
  update: /^ERR_SESSION_GONE$/,
  others: /^TypeError$/,
  'others-keep': /^TypeError$/,
};
const limited = /^ERR_SESSION_LIMIT$/;

/** Finds what must not be. */
export function judgeRound(round: RealRound, found: Found): string[] {
  return [
    ...judgeReplies(round, found),
    ...judgeLists(round, found),
    ...judgeEnd(round, found),
    ...judgeOthers(round, found),
    ...judgeLogouts(round, found),
    ...judgeLimit(round, found),
  ];
}

function* judgeReplies({ isDeadly, maxPerUser }: RealRound, { asked }: Found): Generator<string> {
  for (const { name, kind, reply } of asked) {
    if (reply === undefined && !isDeadly) yield `${name} has no answer`;
    const { error } = reply?.body ?? {};
    if (error === undefined || errors[kind]?.test(error)) continue;
    const mayBeRefused = maxPerUser?.exceeded === 'refuse' && /login|enter|update/.test(kind);
    if (!mayBeRefused || !limited.test(error)) yield `${name}: ${error}`;
  }
}

/** Each live session of a user is listed, for at least as long as it lives. */
function* judgeLists({ isDeadly }: RealRound, found: Found): Generator<string> {
  for (const [user, { entries, listed }] of found.users) {
    const alive = aliveOf(user, found);
    const logins = alive.map(([, { auth }]) => auth?.login);
    for (const { device } of listed) if (!logins.includes(String(device))) yield `${user}: ${device} is listed in vain`;
    for (const [key, { auth, end }] of alive) {
      // A refused login has sent its record together with its entry: a process that dies then cannot take it back.
      if (isDeadly && found.isOrdered && !isSent(key, found)) continue;
      const entry = entries.get(key);
      if (entry === undefined) yield `${user}: ${auth?.login} is in no index`;
      // Reading took a moment.
      else if (entry < end) yield `${user}: ${auth?.login} leaves its index ${end - entry} ms too early`;
      if (!listed.some(({ device }) => device === auth?.login)) yield `${user}: ${auth?.login} is not listed`;
    }
    if (!isDeadly && listed.length !== alive.length) yield `${user}: ${listed.length} listed, ${alive.length} alive`;
  }
}

/** What has ended is over, at any time after the end has returned. */
function* judgeEnd(round: RealRound, found: Found): Generator<string> {
  const { asked, ending } = found;
  if (ending?.reply?.status !== 200) return;
  const { called } = ending.reply.body;
  // It has not found the session that it means.
  if (called === undefined) return;
  const spared = ending.kind.startsWith('others')
    ? asked.find(({ visitor }) => visitor === ending.visitor)?.name
    : undefined;
  const named = ending.kind === 'end' ? asked[1]?.name : undefined;
  const isOver = (auth: RealAuth | undefined): auth is RealAuth => {
    if (auth?.user !== ending.user || [spared, ending.name].includes(auth.login)) return false;
    return named === undefined ? auth.began < called : auth.login === named;
  };
  for (const { auth } of presentable(round, found)) if (isOver(auth)) yield `${auth.login} outlives ${ending.name}`;
  for (const { name, sent, reply } of asked) {
    const auth = reply?.body.served;
    if (sent > Number(ending.answered) && isOver(auth)) yield `${name} is served ${auth.login} after ${ending.name}`;
  }
}

/** Sessions that nobody has ended go on. */
function* judgeOthers({ isDeadly }: RealRound, { asked, ending, records }: Found): Generator<string> {
  const all = [...records.values()];
  const eve = asked.find(({ visitor }) => visitor === 'eve');
  if (!all.some(({ auth }) => auth?.login === eve?.name)) yield 'the session of another user has ended';
  const stays = { end: 'ann', others: 'ann', 'others-keep': 'ann' }[String(ending?.kind)];
  const spared = asked.find(({ visitor }) => visitor === stays);
  if (spared && !isDeadly && !all.some(({ auth }) => auth?.login === spared.name))
    yield 'the session that stays has ended';
}

/** A request that was told that the visitor is logged out was told the truth. */
function* judgeLogouts(round: RealRound, found: Found): Generator<string> {
  const logins = presentable(round, found).map(({ auth }) => auth?.login);
  for (const { name, kind, reply } of found.asked) {
    const served = kind === 'logout' && reply?.status === 200 ? reply.body.served : undefined;
    if (served && logins.includes(served.login)) yield `${served.login} outlives ${name}`;
  }
}

function* judgeLimit({ isDeadly, maxPerUser }: RealRound, found: Found): Generator<string> {
  if (maxPerUser === undefined) return;
  const { exceeded, limit } = maxPerUser;
  for (const user of found.users.keys()) {
    // One that gets a new id may be left under both, and a refused one under an id that nobody has.
    const ids = aliveOf(user, found).filter(([key]) => !isDeadly || exceeded === 'end-oldest' || isSent(key, found));
    const count = new Set(ids.map(([, { auth }]) => auth?.login)).size;
    if (count > limit) yield `${user} has ${count} sessions of ${limit}`;
  }
}

function aliveOf(user: string, { records }: Found): [string, RealRecord][] {
  return [...records].filter(([, { auth }]) => auth?.user === user);
}

/** A process that dies may leave a record under an id that nobody has: of a new id that was not sent, or of a refused login. */
function presentable({ isDeadly }: RealRound, found: Found): RealRecord[] {
  return [...found.records].filter(([key]) => !isDeadly || isSent(key, found)).map(([, record]) => record);
}

function isSent(key: string, { sent }: Found): boolean {
  return sent.has(key.slice(keyPrefix.length));
}
