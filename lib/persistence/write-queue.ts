import { setTimeout as sleep } from 'node:timers/promises';
import { withTimeout } from '../base/deadline';
import { StoreError, StoreTimeoutError } from '../base/errors';
import { newStamp } from '../base/stamps';
import { inTurns, nextTurn, Turns } from '../base/turns';
import { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { type Members, membersOf, parsedMembers, recordOf } from '../record/members';
import { applyChange, type Change, type Difference, differenceOf, mergeInto } from '../record/merge';
import { ActiveKeys } from './active-keys';
import type { Commit, Draft, Edit, Version } from './records';

/** How many writers may wait for one session, and how many characters their texts may have together. */
const MOST_WAITING = 20_000;
const MOST_CHARACTERS = 16 * 2 ** 20;
/** Milliseconds of edits after which those that are done are stored: whatever fails costs no more than that. */
const LONGEST_BATCH = 250;
/** How many characters of writers' texts the members of a record may keep alive, as parts of them. */
const MOST_HELD = 8 * 2 ** 20;
/** Turns for which a crowd's queue stays when nobody waits: its requests come a few at a time, and go on from the version that it knows. */
const QUIET_TURNS = 6;

/** A version whose text is known. */
export interface TextVersion extends Version {
  record: string;
}

/** What came of an attempt to replace a version: the new one, a later one that came first, or the record is gone. */
export type Attempt = { landed: TextVersion } | { conflict: TextVersion } | { gone: true };

/**
 * Replaces `from` by `record`, if `from` is still what is stored. The ttl is the draft's, or else the record's own.
 *
 * @param cookie the text of the cookie in the record, where it is known
 */
export type Replace = (
  record: string,
  from: TextVersion,
  draft: Draft | undefined,
  budget: Budget,
  cookie?: string,
) => Promise<Attempt>;

/** Whoever knows how a record is written. */
export interface Writer {
  caller: ClientCaller;
  /** Whether `replace` finds out where `from` is not what is stored any more. */
  compares: boolean;
  replace: Replace;
  /**
   * The version of now, for a writer that has lost `lost` times, whose tries take `ms` milliseconds each; others stand back from it if the
   * client can ask them to. `undefined` where the record is gone.
   */
  reserve?(lost: number, ms: number, budget: Budget): Promise<TextVersion | undefined>;
}

/** What a writer wants: its change to go in, or a function to be applied. */
export type Work = Commit | Edit;

interface Job {
  work: Work;
  /** The draft that the work comes to where nobody else has written. */
  draft: Draft | undefined;
  /** What the commit comes to, once it was needed. */
  difference: Difference | undefined;
  /** When the request that asked for it stops waiting, on the clock of `performance.now()`. */
  deadline: number;
  /** Whether its edit is running. */
  isEdited: boolean;
  resolve(landed: TextVersion | undefined): void;
  reject(error: unknown): void;
}

/**
 * The writers of each record in this process. Those that wait while another writes go into the store together, so that many of
 * them cost as little as two.
 */
export class WriteQueues {
  readonly #queues = new ActiveKeys<WriteQueue>();

  /**
   * Answers once the work has landed; `undefined` where the record is gone.
   *
   * @param from the version to edit; where others are writing it is theirs
   */
  add(
    key: string,
    work: Work,
    draft: Draft | undefined,
    from: TextVersion,
    budget: Budget,
    writer: Writer,
  ): Promise<Version | undefined> {
    const queue = this.#queues.get(key);
    if (queue !== undefined) return queue.add(work, draft, budget);
    const fresh = new WriteQueue(from, writer, () => this.#queues.delete(key));
    this.#queues.add(key, fresh);
    return fresh.begin(work, draft, budget);
  }

  /** Answers once nobody writes the record. */
  async idle(key: string, budget: Budget, caller: ClientCaller): Promise<void> {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    const { left } = budget;
    await budget.spendAtMost(left, queue.idle, () => caller.late('destroy', left));
  }
}

/** The writers of one record. */
class WriteQueue {
  readonly #writer: Writer;
  readonly #ended: () => void;
  #current: TextVersion;
  #waiting: Job[] = [];
  #first: Promise<unknown> | undefined;
  #working: Promise<void> | undefined;
  /** Writers that are not settled yet, and the characters that they keep in memory. */
  #writers = 0;
  #characters = 0;
  #bases: Bases | undefined;
  /** What the last batch came to, which mostly is what the next one begins with. */
  #done: RecordInWork | undefined;
  /** How often in a row another writer came first. */
  #lost = 0;

  /** @param ended called as soon as nobody waits any more: nothing may be added then. */
  constructor(current: TextVersion, writer: Writer, ended: () => void) {
    this.#current = current;
    this.#writer = writer;
    this.#ended = ended;
  }

  /** Settles once nobody waits any more. */
  get idle(): Promise<void> {
    return Promise.allSettled([this.#first]).then(() => this.#working);
  }

  /** Adds the first writer. */
  begin(work: Work, draft: Draft | undefined, budget: Budget): Promise<Version | undefined> {
    if (draft !== undefined && this.#writer.caller.isReady) {
      const landed = this.#writeFirst(work, draft, budget);
      this.#first = landed;
      return landed;
    }
    const landed = this.add(work, draft, budget);
    this.#start();
    return landed;
  }

  /** The first writer of a record mostly is the only one: it goes without a job, a deadline and a batch of its own. */
  async #writeFirst(work: Work, draft: Draft, budget: Budget): Promise<Version | undefined> {
    try {
      const record = await done(work, this.#current.record, '');
      // Those who write in the same moment go together.
      if (this.#waiting.length > 0) return this.#waitInFront(work, draft, budget);
      const own = draft.record === record ? draft : undefined;
      const attempt = await this.#writer.replace(record, this.#current, own, budget);
      if ('conflict' in attempt) {
        this.#current = attempt.conflict;
        this.#lost = 1;
        return this.#waitInFront(work, draft, budget);
      }
      if (!('landed' in attempt)) return undefined;
      this.#current = attempt.landed;
      return attempt.landed;
    } finally {
      if (this.#waiting.length > 0) this.#start();
      else this.#ended();
    }
  }

  add(work: Work, draft: Draft | undefined, budget: Budget): Promise<Version | undefined> {
    const characters = this.#characters + charactersOf(work);
    if (this.#writers > 0 && (this.#writers >= MOST_WAITING || characters > MOST_CHARACTERS)) {
      return Promise.reject(busy('set'));
    }
    return this.#wait(work, draft, budget, (job) => this.#waiting.push(job));
  }

  #wait(
    work: Work,
    draft: Draft | undefined,
    budget: Budget,
    queue: (job: Job) => unknown,
  ): Promise<Version | undefined> {
    const { left } = budget;
    const job: Partial<Job> = {};
    const landed = new Promise<TextVersion | undefined>((resolve, reject) => {
      const deadline = performance.now() + left;
      Object.assign(job, { work, draft, difference: undefined, deadline, isEdited: false, resolve, reject });
      queue(job as Job);
      this.#count(work, 1);
    });
    // An update that takes too long is not the store's fault.
    const late = () => (job.isEdited ? new StoreTimeoutError('set', 0) : this.#writer.caller.late('set', left));
    return budget.spendAtMost(left, landed, late);
  }

  #waitInFront(work: Work, draft: Draft, budget: Budget): Promise<Version | undefined> {
    return this.#wait(work, draft, budget, (job) => this.#waiting.unshift(job));
  }

  #count(work: Work, sign: 1 | -1): void {
    this.#writers += sign;
    this.#characters += sign * charactersOf(work);
  }

  #start(): void {
    this.#working = this.#work();
  }

  /** Never rejects: what fails is told to those whom it concerns. */
  async #work(): Promise<void> {
    // How often it has lost, and how many milliseconds its edits and its way to the store and back took last.
    let [lost, editing, trip] = [0, 0, 0];
    while (this.#waiting.length > 0 || (await this.#isJoined())) {
      await this.#connected();
      if (lost > 1 && !this.#isReserved(trip / 2)) await this.#reserve(lost, editing + trip);
      const began = performance.now();
      const edited = await this.#editAll();
      editing = performance.now() - began;
      // Standing back for others is no part of the way: marks would ask for more and more.
      const sent = Math.max(performance.now(), this.#current.reservedUntil ?? 0);
      lost = edited.jobs.length > 0 && (await this.#write(edited)) === 'conflict' ? lost + 1 : 0;
      trip = performance.now() - sent;
    }
    this.#ended();
  }

  /** Whether another writer's mark still counts in `ms` milliseconds: a mark that arrives then would undo it. */
  #isReserved(ms: number): boolean {
    const { reservedUntil } = this.#current;
    return reservedUntil !== undefined && reservedUntil > performance.now() + ms;
  }

  /** Whether somebody comes within a few turns. */
  async #isJoined(): Promise<boolean> {
    if (!this.#writer.compares) return false;
    for (let turn = 0; turn < QUIET_TURNS && this.#waiting.length === 0; turn += 1) await nextTurn();
    return this.#waiting.length > 0;
  }

  /** What fails here fails again when it is written, and is told then. */
  async #reserve(lost: number, ms: number): Promise<void> {
    const reserved = this.#writer.reserve?.(lost, ms, budgetOf(this.#waiting));
    const version = await reserved?.catch(() => this.#current);
    if (version !== undefined) this.#current = version;
    else for (const job of this.#waiting.splice(0)) this.#settle(job, undefined);
  }

  /** Nothing is edited before it can be written: a writer that gives up meanwhile must leave nothing behind. */
  #connected(): Promise<void> | undefined {
    const { caller } = this.#writer;
    if (caller.isReady) return undefined;
    return caller.ready('set', budgetOf(this.#waiting))?.catch((error: unknown) => {
      for (const job of this.#waiting.splice(0)) this.#reject(job, error);
    });
  }

  /** Edits what waits; what there is no time for goes on waiting. */
  async #editAll(): Promise<Batch> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const batch = this.#inTime(waiting);
    const edited = await this.#edit(batch);
    this.#waiting = [...batch.slice(edited.tried), ...this.#waiting];
    return edited;
  }

  /**
   * A writer that fails leaves the batch; the others go on. So does one whose time is over once all have edited: its request is told
   * that it has failed, and nothing of it may land.
   */
  async #edit(batch: readonly Job[]): Promise<Batch> {
    const jobs: Job[] = [];
    const { record } = this.#current;
    const draft = this.#done?.isAt(record) ? this.#done.next() : new RecordInWork(record);
    this.#done = undefined;
    const turns = new Turns();
    const end = performance.now() + LONGEST_BATCH;
    let tried = 0;
    for (const job of batch) {
      if (tried > 0 && performance.now() > end) break;
      tried += 1;
      try {
        job.isEdited = true;
        const editing = this.#apply(job, draft, batch.length === 1);
        if (editing !== undefined) await editing;
        job.isEdited = false;
        jobs.push(job);
      } catch (error) {
        this.#reject(job, error);
      }
      const { rest } = turns;
      if (rest !== undefined) await rest;
    }
    const inTime = this.#inTime(jobs);
    if (inTime.length === jobs.length) return { jobs, draft, tried };
    // Those that are left go on waiting, as if they had not been tried.
    const again = await this.#edit(inTime);
    this.#waiting = [...inTime.slice(again.tried), ...this.#waiting];
    return { ...again, tried };
  }

  #apply(job: Job, draft: RecordInWork, isAlone: boolean): Promise<void> | undefined {
    const { work } = job;
    if (typeof work === 'function' || (isAlone && draft.text === work.change.base)) {
      const text = edited(job, draft.text, draft.stamp);
      if (typeof text !== 'string') return text.then((record) => draft.replace(record));
      draft.replace(text);
      return undefined;
    }
    job.difference ??= this.#differenceOf(work.change);
    draft.merge(job.difference, work);
    return undefined;
  }

  /** Many have begun with the same text. */
  #differenceOf(change: Change): Difference {
    if (this.#bases?.record !== change.base) this.#bases = { record: change.base, members: parsedMembers(change.base) };
    return differenceOf(change, this.#bases.members);
  }

  async #write({ jobs, draft: done }: Batch): Promise<'settled' | 'conflict'> {
    const [first] = jobs;
    const { text: record, cookie } = done;
    const draft = jobs.length === 1 && first?.draft?.record === record ? first.draft : undefined;
    let settle: (job: Job) => void;
    try {
      const attempt = await this.#writer.replace(record, this.#current, draft, budgetOf(jobs), cookie);
      if ('conflict' in attempt) {
        this.#current = attempt.conflict;
        this.#waiting = [...jobs, ...this.#waiting];
        this.#lost += 1;
        return 'conflict';
      }
      const landed = 'landed' in attempt ? attempt.landed : undefined;
      if (landed !== undefined) {
        if (this.#lost > 0) landed.attempts = this.#lost + 1;
        this.#current = landed;
        this.#done = done;
        if (done.isAt(landed.record)) landed.cookie = cookie;
      }
      settle = (job) => job.resolve(landed);
    } catch (error) {
      settle = (job) => job.reject(error);
    }
    this.#lost = 0;
    // Each goes on with its request.
    void inTurns(jobs, (job) => {
      this.#count(job.work, -1);
      settle(job);
    });
    return 'settled';
  }

  /** Those whose requests still wait; the others have been told that their time is over. */
  #inTime(jobs: readonly Job[]): Job[] {
    const now = performance.now();
    return jobs.filter((job) => {
      if (job.deadline > now) return true;
      this.#count(job.work, -1);
      return false;
    });
  }

  #settle(job: Job, landed: TextVersion | undefined): void {
    this.#count(job.work, -1);
    job.resolve(landed);
  }

  #reject(job: Job, error: unknown): void {
    this.#count(job.work, -1);
    job.reject(error);
  }
}

/** What a batch came to. */
interface Batch {
  /** The writers in it. */
  jobs: Job[];
  draft: RecordInWork;
  /** How many were looked at, of those that waited. */
  tried: number;
}

interface Bases {
  record: string;
  members: Members;
}

/** A record that writers change one after the other: it becomes text where a writer or the store needs that, and no sooner. */
class RecordInWork {
  #stamp: string | undefined;
  #text: string | undefined;
  #members: Members | undefined;
  #held: number;

  constructor(text: string, members?: Members, held = 0) {
    this.#text = text;
    this.#members = members;
    this.#held = held;
  }

  /** The same record for the next swap; this one is not to be changed any more. */
  next(): RecordInWork {
    return this.#held > MOST_HELD
      ? new RecordInWork(this.text)
      : new RecordInWork(this.text, this.#members, this.#held);
  }

  /** The stamp of the swap that is about to be tried, the same for all who go together. */
  get stamp(): string {
    this.#stamp ??= newStamp();
    return this.#stamp;
  }

  /** The text of its cookie, where that is known without parsing. */
  get cookie(): string | undefined {
    return this.#members?.get('cookie');
  }

  /** Whether this is the record that it has become. */
  isAt(text: string): boolean {
    return this.#text === text;
  }

  get text(): string {
    this.#text ??= recordOf(this.#members as Members);
    return this.#text;
  }

  replace(text: string): void {
    this.#text = text;
    this.#members = undefined;
  }

  merge(difference: Difference, { onConflict, record }: Commit): void {
    this.#held += record.length;
    this.#members = mergeInto(this.#members ?? membersOf(this.text, difference.base), difference, onConflict);
    this.#text = undefined;
  }
}

/** What a request is told that comes when too many wait for its session. */
export function busy(operation: 'get' | 'set'): StoreError {
  return new StoreError(
    operation,
    'Too many requests of this session are waiting for the store: the changes of this request were not stored. Try again later.',
    undefined,
    'ERR_SESSION_STORE_BUSY',
  );
}

function done(work: Work, current: string, stamp: string): string | Promise<string> {
  return typeof work === 'function' ? work(current, stamp) : applyChange(work.change, current, work.onConflict);
}

function charactersOf(work: Work): number {
  return typeof work === 'function' ? 0 : work.record.length;
}

/** As long as any of them waits. */
function budgetOf(jobs: readonly Job[]): Budget {
  return new Budget(jobs.reduce((most, { deadline }) => Math.max(most, deadline - performance.now()), 0));
}

/** A writer whose edit takes longer than its request waits must not keep the others. */
function edited(job: Job, record: string, stamp: string): string | Promise<string> {
  const edit = done(job.work, record, stamp);
  if (typeof edit === 'string') return edit;
  return withTimeout(edit, job.deadline - performance.now(), () => new StoreTimeoutError('set', 0));
}

/** Tries that have lost to another process wait a random while, so that many do not lose to each other for ever. */
export async function pauseAfter(lost: number): Promise<void> {
  if (lost > 1) await sleep(Math.random() * Math.min(2 ** lost, 50), undefined, { ref: false });
}
