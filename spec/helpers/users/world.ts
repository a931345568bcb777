import { AsyncLocalStorage } from 'node:async_hooks';
import { hash } from 'node:crypto';
import type Koa from 'koa';
import { LightJar, type LightReply } from '../http/light-requests';
import { Scheduler, type Trouble } from '../races/scheduler';
import { DIED, type Process, Processes, type Stage } from './processes';
import { type Auth, type Ending, type Running, steps, userOf } from './steps';

import session = require('../../../lib/main');

/** What visitors and scripts do at the same time, and before. */
export interface Scenario {
  /** One after the other. */
  before: readonly string[];
  /**
   * At once. Each line is a visitor's, whose steps follow each other: `ann: login u1, write`. The visitor `-` is a script:
   * `-: endAll u1`, and `-: end ann` for the session that Ann has.
   */
  requests: readonly string[];
  processes?: number;
  options?: session.SessionOptions;
  /** Milliseconds that pass after `before`. */
  age?: number;
  /** Whether the calls of a process arrive in the order in which they were sent: a login then sends its record with its entry. */
  ordered?: boolean;
  /** Some logins are counted once they are stored, so that a process that dies before that may leave one too many. */
  isChecked?: 'when stored';
  /** How many processes die at most. */
  deaths?: number;
  /** How many calls fail at most. */
  failures?: number;
  /** The visitor whose session must be alive in the end. */
  survives?: string;
  /** Users who have so many sessions in the end, unless a process has died. */
  left?: Readonly<Record<string, number>>;
}

/** What a record says. */
export interface Alive {
  /** The request that began it. */
  root: string;
  auth: Auth | undefined;
}

/** A session in a record. */
export interface Recorded extends Alive {
  handle: string;
}

/** A record has become another's, or nobody's. */
export interface Transition {
  at: number;
  key: string;
  from: Alive | undefined;
  to: Alive | undefined;
  actor: string;
}

/** A request or a script. */
export interface Actor {
  name: string;
  visitor: string;
  kind: string;
  user: string;
  began: number;
  /** What its visitor's session began with. */
  root: string | undefined;
  /** What the request was served. */
  served?: Alive | undefined;
  ended?: number;
  reply?: LightReply;
  events: string[];
  endings: (Ending & { called: number; marked?: number })[];
}

/** What has happened. */
export interface History {
  actors: Actor[];
  transitions: Transition[];
  /** What an observer has seen that must not be at any time. */
  seen: string[];
  /** The sessions that are alive, by key. */
  alive: ReadonlyMap<string, Recorded>;
  jars: ReadonlyMap<string, LightJar>;
  /** The keys whose ids were sent to a visitor: nobody can present another. */
  sent: ReadonlySet<string>;
  /** The handles that are listed in the end, by user. */
  listed: Map<string, string[]>;
  died: number;
  failures: number;
  errors: string[];
  trace: readonly string[];
}

const prefix = 'koa:sess:';
const actors = new AsyncLocalStorage<Actor>();

export const indexOf = (user: string) => `${prefix}\u001fuser:${hash('sha256', user, 'base64url').slice(0, 22)}`;

/** Runs a scenario in the order that the random numbers decide, again and again. */
export function runnerOf(scenario: Scenario): (random: () => number) => Promise<History> {
  const processes = new Processes({ user: userOf, ...scenario.options }, scenario.ordered === true);
  return async (random) => {
    const world = new World(scenario, random, processes);
    await world.run();
    // Timers of this run would go off in the next one.
    jest.clearAllTimers();
    return world.history;
  };
}

class World implements Stage {
  readonly #scenario: Scenario;
  readonly #random: () => number;
  readonly #processes: Processes;
  readonly #scheduler: Scheduler;
  readonly client = new session.MemoryStore();
  readonly #jars = new Map<string, LightJar>();
  readonly #alive = new Map<string, Recorded>();
  readonly #sent = new Set<string>();
  /** What the session under a key began with. */
  readonly #roots = new Map<string, string>();
  readonly history: History;
  #now = 0;
  #deaths = 0;
  #failures = 0;
  #isRacing = false;

  constructor(scenario: Scenario, random: () => number, processes: Processes) {
    this.#scenario = scenario;
    this.#random = random;
    this.#scheduler = new Scheduler(random);
    this.#scheduler.tick = 1;
    this.#processes = processes;
    processes.stage = this;
    this.history = {
      actors: [],
      transitions: [],
      seen: [],
      alive: this.#alive,
      jars: this.#jars,
      sent: this.#sent,
      listed: new Map(),
      died: 0,
      failures: 0,
      errors: [],
      trace: this.#scheduler.trace,
    };
  }

  async run(): Promise<void> {
    const { before, requests, age, deaths, failures } = this.#scenario;
    for (const line of before) await this.#line(line);
    // Nothing is under way but the sweeps of the store, which would take all the time.
    jest.clearAllTimers();
    if (age !== undefined) jest.advanceTimersByTime(age);
    this.#isRacing = true;
    [this.#deaths, this.#failures] = [deaths ?? 0, failures ?? 0];
    await this.#scheduler.run(requests.map((line) => this.#line(line)));
    this.#isRacing = false;
    [this.#deaths, this.#failures] = [0, 0];
    this.#reap();
    for (const user of this.#users()) await this.#list(user);
  }

  #users(): Set<string> {
    return new Set(
      this.history.transitions
        .flatMap(({ from, to }) => [from?.auth?.user, to?.auth?.user])
        .filter((user) => user !== undefined),
    );
  }

  async #list(user: string): Promise<void> {
    // A process that has not taken part.
    const listed = await this.#processes.get(-1).sessions.of(user).list();
    this.history.listed.set(
      user,
      listed.map(({ handle }) => handle),
    );
  }

  async #line(line: string): Promise<void> {
    const [visitor = '', all = ''] = line.split(': ');
    for (const step of all.split(', ')) {
      const [kind = '', about = ''] = step.split(' ');
      if (this.#isRacing) await this.#scheduler.hold(`${visitor} ${step} starts`);
      const end = visitor === '-' ? await this.#script(kind, about) : await this.#request(visitor, kind, about);
      if (end === 'died') return;
    }
  }

  #actor(visitor: string, kind: string, user: string, key?: string): Actor {
    const { actors: all } = this.history;
    const name = `${visitor}-${kind}-${user}-${all.length}`;
    const root = key === undefined ? undefined : this.#roots.get(key);
    const actor: Actor = { name, visitor, kind, user, began: ++this.#now, root, events: [], endings: [] };
    all.push(actor);
    return actor;
  }

  #somewhere(): Process {
    return this.#processes.get(Math.floor(this.#random() * (this.#scenario.processes ?? 2)));
  }

  async #request(visitor: string, kind: string, user: string): Promise<unknown> {
    const jar = this.#jars.get(visitor) ?? new LightJar();
    this.#jars.set(visitor, jar);
    const sid = jar.get('koa.sid');
    const actor = this.#actor(visitor, kind, user, sid && keyOf(this.#scenario, sid));
    const reply = await actors.run(actor, () => this.#somewhere().request(`/${kind}`, jar.header));
    if (reply.status === DIED) return 'died';
    actor.ended = ++this.#now;
    actor.reply = reply;
    jar.take(reply.setCookie);
    this.#sent.add(keyOf(this.#scenario, String(jar.get('koa.sid'))));
    this.#scheduler.trace.push(`${actor.name} ends`);
    return undefined;
  }

  async #script(kind: string, about: string): Promise<unknown> {
    const sid = this.#jars.get(about)?.get('koa.sid');
    const key = sid && keyOf(this.#scenario, sid);
    const aimed = this.#alive.get(String(key));
    const user = kind === 'end' ? aimed?.auth?.user : about;
    if (user === undefined) return undefined;
    const actor = this.#actor('-', kind, user, key);
    const { sessions, died } = this.#somewhere();
    const mine = sessions.of(user);
    const work = actors.run(actor, async () => {
      if (kind === 'end')
        await this.#ending(actor)({ kind: 'end', user, root: actor.root }, () => mine.end(String(aimed?.handle)));
      else if (kind === 'endAll') await this.#ending(actor)({ kind: 'endAll', user }, () => mine.endAll());
      else await mine.list();
      return undefined;
    });
    const end = await Promise.race([work.catch((error: unknown) => this.failed(error)), died]);
    return end === undefined ? undefined : 'died';
  }

  failed(error: unknown): undefined {
    this.history.errors.push(String((error as { code?: string }).code ?? error));
  }

  #ending(actor: Actor): Running['ending'] {
    return async (ending, end) => {
      const noted = { ...ending, called: ++this.#now };
      actor.endings.push(noted);
      const answer = await end();
      Object.assign(noted, { answered: { at: ++this.#now, with: answer } });
      return answer;
    };
  }

  get trace(): string[] {
    return this.#scheduler.trace;
  }

  get caller(): string {
    return actors.getStore()?.name ?? 'nobody';
  }

  /** Before and after the race, calls take a millisecond. */
  async hold(what: string): Promise<void> {
    if (this.#isRacing) return this.#scheduler.hold(what);
    jest.advanceTimersByTime(1);
  }

  heard(event: string): void {
    actors.getStore()?.events.push(event);
  }

  died(): void {
    this.history.died += 1;
  }

  async handle(ctx: Koa.Context, sessions: session.SessionMiddleware): Promise<void> {
    const actor = actors.getStore() as Actor;
    const { name, kind, user } = actor;
    const pause = () => this.hold(`${name} goes on`);
    const held = (await ctx.session) as session.Session | null;
    actor.served = held?.['root'] === undefined ? undefined : aliveOf(held);
    await pause();
    await steps[kind]?.(ctx, { name, kind, user, sessions, pause, ending: this.#ending(actor) });
    ctx.status = 204;
  }

  trouble(): Trouble | undefined {
    if (this.#deaths > 0 && this.#random() < 0.05) {
      this.#deaths -= 1;
      return this.#random() < 0.5 ? 'death before' : 'death after';
    }
    if (this.#failures > 0 && this.#random() < 0.1) {
      this.#failures -= 1;
      this.history.failures += 1;
      return this.#random() < 0.5 ? 'unsent' : 'unanswered';
    }
    return undefined;
  }

  /** Looks at the records after each call. */
  done(key: string, method: string, args: readonly unknown[]): void {
    this.#now += 1;
    const actor = actors.getStore();
    if (method === 'endedNow') {
      const ending = actor?.endings.at(-1);
      if (ending !== undefined) ending.marked ??= this.#now;
    } else if (method === 'dismiss')
      this.#expectListed(
        method,
        (args[1] as { key: string }[]).map((entry) => entry.key),
      );
    else if (!['load', 'get', 'enroll', 'members'].includes(method)) this.#look(key, method, actor?.name ?? 'nobody');
  }

  #look(key: string, method: string, actor: string): void {
    const from = this.#alive.get(key);
    const to = read(key, this.client.load(key)?.record);
    if (to === undefined) this.#alive.delete(key);
    else {
      this.#alive.set(key, to);
      this.#roots.set(key, to.root);
    }
    if (JSON.stringify(from) !== JSON.stringify(to))
      this.history.transitions.push({ at: this.#now, key, from, to, actor });
    this.#expectListed(method, [key]);
  }

  /** Records that have expired. */
  #reap(): void {
    for (const key of this.#alive.keys()) if (this.client.load(key) === undefined) this.#alive.delete(key);
  }

  /** A record that is a user's is listed at any time, for at least as long as it lives. */
  #expectListed(method: string, keys: readonly string[]): void {
    for (const key of keys) {
      const user = this.#alive.get(key)?.auth?.user;
      const stored = this.client.load(key, { ttl: true });
      if (user === undefined || stored === undefined) continue;
      // A refused login, too, has sent its record, and removes it: nobody has its id.
      if (this.#scenario.ordered && !this.#sent.has(key)) continue;
      const member = this.client.members(indexOf(user), 1000).find((one) => one.key === key);
      const by = `${method} of ${actors.getStore()?.name}`;
      if (member === undefined) this.history.seen.push(`${user}'s session is not listed after ${by}`);
      else if (member.end < Date.now() + Number(stored.ttl))
        this.history.seen.push(`${user}'s entry ends too early after ${by}`);
    }
  }
}

/** The key of a session id in a scenario. */
export function keyOf({ options }: Scenario, sid: string): string {
  return prefix + (options?.ids === 'hashed' ? hash('sha256', sid, 'base64url') : sid);
}

/** Length of a name if ids are hashed; ids are shorter. */
const HASHED = 43;

function read(key: string, record: string | undefined): Recorded | undefined {
  if (record === undefined || record.startsWith('null')) return undefined;
  const held = JSON.parse(record) as session.Session;
  // A session keeps its handle under another id.
  const name = key.slice(prefix.length);
  const { handle = name.length === HASHED ? name : hash('sha256', name, 'base64url') } = held.cookie as {
    handle?: string;
  };
  return { ...aliveOf(held), handle };
}

function aliveOf({ root, auth }: session.Session): Alive {
  return { root: String(root), auth: auth as Auth | undefined };
}
