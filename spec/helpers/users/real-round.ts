import { setTimeout as pause } from 'node:timers/promises';
import type { SessionStore, StoredRecord, UserSession } from '../../../lib/main';
import { type Asked, type Found, judgeRound, keyPrefix, type RealRound } from './real-judge';
import { type RealAuth, type RealProcesses, Visitors } from './real-processes';
import { indexOf } from './world';

/** A client that an observer reads records and indexes with. */
export interface Observed extends SessionStore {
  readonly ordersCalls?: boolean;
  keys(prefix: string, cursor?: string): Promise<{ keys: string[]; cursor?: string | undefined }>;
  load(key: string, options: { ttl: true }): Promise<StoredRecord<unknown> | null | undefined>;
  members(index: string, limit: number): Promise<{ key: string; end: number }[]>;
}

/** What a round needs. */
export interface Surroundings {
  processes: RealProcesses;
  store: Observed;
  list(user: string): Promise<UserSession[]>;
  random(): number;
}

/** Who logs in to a session that nobody has logged in to does so once: its two logins could not be told apart afterwards. */
const actions = [
  ...['dan login u1', 'dan login u1', 'fay login u1', 'gil login u1', 'cat enter u1', 'hal update u1', 'ivy enter u1'],
  ...['eve visit', 'ann visit', 'bob visit', 'ann keep', 'bob keep', 'bob keep', 'bob logout', 'ann read'],
];
const before = ['ann login u1', 'bob login u1', 'eve login u2', 'ivy login u2', 'cat visit', 'hal visit'];

/** Lets visitors and an end meet, and returns what must not be. */
export async function realRound(
  round: RealRound,
  { processes, store, list, random }: Surroundings,
): Promise<{ wrong: string[]; asked: number; ends: number }> {
  const { ends = [], isDeadly, maxPerUser } = round;
  const visitors = new Visitors();
  const asked: Asked[] = [];
  const below = (most: number) => Math.floor(random() * most);
  // Users of earlier rounds have nothing to do with this one.
  const id = Math.floor(random() * 1e9).toString(36);
  const named = (user: string) => `${user}-${id}`;

  const ask = async (line: string, more = ''): Promise<Asked> => {
    const [visitor = '', kind = '', about = ''] = line.split(' ');
    const one: Asked = {
      ...{ name: `${visitor}-${kind}-${asked.length}-${id}`, visitor, kind, user: about && named(about) },
      sent: performance.now(),
    };
    asked.push(one);
    const path = `/${kind}?user=${one.user}&name=${one.name}${more}`;
    one.reply = await processes.ask(below(3), path, visitors.jar(visitor).header);
    one.answered = performance.now();
    if (one.reply !== undefined) visitors.take(visitor, one.reply.setCookie);
    return one;
  };
  for (const line of before) await ask(line);
  const chosen = actions.map((line) => ({ line, place: random() })).sort((a, b) => a.place - b.place);
  const lines = chosen.map(({ line }) => line).slice(0, 6 + below(5));
  const deadly = isDeadly ? below(lines.length + 1) : -1;
  const dying = `&die=${1 + below(6)}&when=${['before', 'sent', 'answered'][below(3)]}`;
  const late = async (line: string, n: number, more = '') => {
    await pause(random() * 12);
    return ask(line, (n === deadly ? dying : '') + more);
  };
  const others = lines.map((line, n) => late(line, n));
  const line = ends[below(ends.length)];
  const ending = line === undefined ? undefined : await late(line, lines.length, `&login=${asked[1]?.name}`);
  // Nobody is served what has ended.
  if (ending)
    await Promise.all(['ann', 'bob', 'cat', 'dan', 'fay', 'gil', 'hal', 'ivy'].map((name) => ask(`${name} read`)));
  await Promise.all(others);
  if (isDeadly) await processes.revive();
  // A process that has died has not ended what it should have: the next login does.
  if (isDeadly && maxPerUser?.exceeded === 'end-oldest') await ask('zoe login u1');

  const found: Found = {
    ...{ asked, ending, isOrdered: store.ordersCalls === true, sent: visitors.sent },
    records: await recordsOf(store, id),
    users: new Map(),
  };
  for (const user of ['u1', 'u2'].map(named)) {
    const [members, listed] = await Promise.all([store.members(indexOf(user), 1000), list(user)]);
    found.users.set(user, { entries: new Map(members.map(({ key, end }) => [key, end])), listed });
  }
  const wrong = judgeRound(round, found);
  if (wrong.length > 0) wrong.push(...asked.map(shown));
  return { wrong, asked: asked.length, ends: ending?.reply ? 1 : 0 };
}

/** Helps to find the cause. */
function shown({ name, sent, answered, reply }: Asked): string {
  const times = [sent, answered].map((time) => (Number(time) % 10_000).toFixed(1)).join(' to ');
  return `${name}, ${times}: ${reply ? `${reply.status} ${JSON.stringify(reply.body)}` : 'no answer'}`;
}

async function recordsOf(store: Observed, id: string): Promise<Found['records']> {
  const records: Found['records'] = new Map();
  let cursor: string | undefined;
  do {
    const page = await store.keys(keyPrefix, cursor);
    for (const key of page.keys) {
      const stored = await store.load(key, { ttl: true });
      if (!stored?.record.includes(id)) continue;
      const { root, auth } = JSON.parse(stored.record) as { root: string; auth?: RealAuth };
      records.set(key, { root, auth, end: Date.now() + Number(stored.ttl) });
    }
    ({ cursor } = page);
  } while (cursor !== undefined);
  return records;
}
