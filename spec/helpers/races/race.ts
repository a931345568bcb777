import { createHash } from 'node:crypto';
import Koa from 'koa';
import session, {
  type CompareAndSetStore,
  MemoryStore,
  type Session,
  type SessionIds,
  type SessionOptions,
  type SessionStore,
} from '../../../lib/main';
import { readMarker } from '../../../lib/record/marker';
import { stampIn } from '../../../lib/record/unfinished';
import { LightJar, type LightReply, lightly } from '../http/light-requests';
import { MapClient, TouchableMapClient } from '../stores/map-client';
import { gate } from '../time/gate';
import { listen, racing } from './routes';
import { heldClient, Scheduler, type Trouble } from './scheduler';

/** The stores that races are run on. */
const stores = {
  'compare-and-set': () => {
    const client = new MemoryStore();
    return { client, read: (key: string) => client.load(key)?.record };
  },
  'compare-and-set, and nothing more': () => {
    const client = new MemoryStore();
    const { load, create, swap, touch } = client;
    const bound = [load, create, swap, touch, client.get, client.set, client.destroy].map((method) => {
      return [method.name, method.bind(client as never)];
    });
    return {
      client: Object.fromEntries(bound) as SessionStore & CompareAndSetStore,
      read: (key: string) => client.load(key)?.record,
    };
  },
  'last-write': () => mapStore(new MapClient()),
  'last-write, and can touch': () => mapStore(new TouchableMapClient()),
};

function mapStore(client: MapClient): { client: SessionStore; read(key: string): string | undefined } {
  return { client, read: (key) => client.records.get(key) };
}

/** Requests that one visitor has under way at once. */
export interface Requests {
  /** Paths of `racing`, each with a different name: `/write/a`. */
  requests: readonly string[];
  options?: SessionOptions;
  /** Milliseconds since the visitor has logged in. */
  age?: number;
  /** How likely it is that time passes while calls are on their way, so that some are given up on. */
  delay?: number;
  /** How many calls at most go wrong. */
  troubles?: number;
}

/** Requests spread over processes that share a store. */
export interface Race extends Requests {
  store: keyof typeof stores;
  processes: number;
  /** How each process names sessions, and how that was which the visitor has logged in with. */
  ids?: { before: SessionIds; during: readonly SessionIds[] };
}

/** What became of a request. */
export interface Finished extends LightReply {
  kind: string;
  name: string;
  /** Events of the application that concern it, without `session:`. */
  events: readonly string[];
}

/** What became of a race. */
export interface Result {
  /** The id that the visitor had before. */
  sid: string;
  /** In the order in which the responses ended. */
  finished: Finished[];
  /** What the browser has in the end. */
  jar: LightJar;
  /** The data of every session that is stored in the end, by its id. */
  sessions: Map<string, Session>;
  /** How often data came back under the visitor's id after it had ended. */
  revived: number;
  trace: readonly string[];
}

const prefix = 'koa:sess:';

/** In place of the status of a request whose process has died. */
export const DIED = 0;

const kinds: readonly Trouble[] = ['unsent', 'unanswered', 'twice', 'death before', 'death after'];

/** Runs the race once, in the order that the random numbers decide. */
export async function run(race: Race, random: () => number): Promise<Result> {
  const { client, read } = stores[race.store]();
  const scheduler = new Scheduler(random);
  const keys = new Set<string>();
  const found = () => [...keys].map((key) => [key, read(key)] as const);
  const ends = watchEnd((key) => (race.ids ? sessionsByHash(found()).has(key) : isSession(read(prefix + key))));
  const carriedOut = (key: string) => {
    keys.add(key);
    ends.look();
  };
  const heard = new Map<string, string[]>();
  let troubles = 0;
  const troubled = () => {
    if (troubles === 0 || random() > 0.2) return undefined;
    troubles -= 1;
    return kinds[Math.floor(random() * kinds.length)];
  };
  const open = (ids: SessionIds | undefined, n: number) => {
    const app = new Koa();
    app.keys = ['secret'];
    app.on('error', (error: Error) => scheduler.trace.push(String(error)));
    listen(app, heard);
    const end = gate();
    const seen = heldClient(client, scheduler, {
      name: `process ${n}`,
      done: carriedOut,
      trouble: troubled,
      died: end.open,
    });
    app
      .use(session({ store: seen, defer: random() < 0.5, ids, ...race.options }))
      .use(racing((what) => scheduler.hold(what)));
    const died = end.opened.then((): LightReply => ({ status: DIED, setCookie: [] }));
    const handle = lightly(app);
    return (path: string, cookie?: string) => Promise.race([handle(path, cookie), died]);
  };
  const all = (ids: readonly SessionIds[] | undefined) =>
    Array.from({ length: race.processes }, (_, n) => open(ids?.[n % ids.length], n));
  const before = race.ids && all([race.ids.before]);
  const processes = all(race.ids?.during);

  const login = await scheduler.run([ask(before ?? processes, random, '/login/ann')]);
  const { header: cookie } = new LightJar(login[0]?.setCookie);
  // The store does not tell the ids of hashed names, so what is judged has hashes in place of all ids.
  const named = (lines: readonly string[]) => lines.map((line) => (race.ids ? withHash(line) : line));
  const jar = new LightJar(named(login[0]?.setCookie ?? []));
  const sid = String(jar.get('koa.sid'));
  ends.of(sid);
  scheduler.delay = race.delay ?? 0;
  troubles = race.troubles ?? 0;
  if (race.age) jest.setSystemTime(Date.now() + race.age);

  const finished: Finished[] = [];
  const requests = race.requests.map(async (path) => {
    const told: string[] = [];
    heard.set(path, told);
    await scheduler.hold(`${path} starts`);
    const reply = await ask(processes, random, path, cookie);
    scheduler.trace.push(`${path} ends`);
    const setCookie = named(reply.setCookie);
    jar.take(setCookie);
    finished.push(finish(path, { ...reply, setCookie }, told));
  });
  await scheduler.run(requests);

  const sessions = race.ids ? sessionsByHash(found()) : sessionsIn(found());
  // Timers of this run would go off in the next one.
  jest.clearAllTimers();
  return { sid, finished, jar, sessions, revived: ends.revived(), trace: scheduler.trace };
}

type Ask = (path: string, cookie?: string) => Promise<LightReply>;

function ask(processes: readonly Ask[], random: () => number, path: string, cookie?: string) {
  const process = processes[Math.floor(random() * processes.length)] as Ask;
  return process(path, cookie);
}

/** What became of the request for `path`. */
export function finish(path: string, { status, setCookie }: LightReply, told: readonly string[]): Finished {
  const [, kind = '', name = ''] = path.split('/');
  return { status, setCookie, kind, name, events: told };
}

/** The sessions in a store's records, given by their keys. */
export function sessionsIn(records: readonly (readonly [key: string, record: string | null | undefined])[]) {
  const sessions = new Map<string, Session>();
  for (const [key, record] of records) {
    if (isSession(record)) sessions.set(key.slice(prefix.length), JSON.parse(record) as Session);
  }
  return sessions;
}

/** The sessions that count, by the hash of their id. */
function sessionsByHash(records: readonly (readonly [key: string, record: string | null | undefined])[]) {
  const sessions = new Map<string, Session>();
  const byName = new Map(records.map(([key, record]) => [key.slice(prefix.length), record]));
  const stamps = new Set([...byName.values()].map((record) => record && readMarker(record)?.stamp));
  for (const [name, record] of byName) {
    if (!isSession(record)) continue;
    const stamp = stampIn(record);
    if (stamp !== undefined && !stamps.has(stamp)) continue;
    const hash = name.length === 43 ? name : hashOf(name);
    sessions.set(sessions.has(hash) ? `${hash} twice` : hash, JSON.parse(record) as Session);
  }
  return sessions;
}

function hashOf(sid: string): string {
  return createHash('sha256').update(sid).digest('base64url');
}

function withHash(line: string): string {
  return line.replace(/^koa\.sid=([^;]+)/, (_, sid: string) => `koa.sid=${hashOf(sid)}`);
}

function isSession(record: string | null | undefined): record is string {
  return typeof record === 'string' && !record.startsWith('null');
}

/** Looks after each call whether a session that had ended has data again. */
function watchEnd(lives: (key: string) => boolean) {
  let [watched, hasEnded, revived] = ['', false, 0];
  return {
    of(key: string) {
      watched = key;
    },
    look() {
      if (watched === '') return;
      const isAlive = lives(watched);
      if (hasEnded && isAlive) revived += 1;
      hasEnded = !isAlive;
    },
    revived: () => revived,
  };
}
