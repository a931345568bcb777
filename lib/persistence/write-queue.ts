import { setTimeout as sleep } from 'node:timers/promises';
import { withTimeout } from '../base/deadline';
import { StoreError, StoreTimeoutError } from '../base/errors';
import { newStamp } from '../base/stamps';
import { inTurns, nextTurn, Turns } from '../base/turns';
import { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { type Members, membersOf, parsedMembers, recordOf } from '../record/members';
import { applyChange, type Change, type Difference, differenceOf, mergeInto } from '../record/merge';
import type { Commit, Draft, Edit, Version } from './records';

/** Limits for the writers that wait for one session: their number, and the length of their texts in characters. */
const MOST_WAITING = 20_000;
const MOST_CHARACTERS = 16 * 2 ** 20;
/** After this many milliseconds of editing, the batch is stored, so that a failure loses no more work. */
const LONGEST_BATCH = 250;
/** How many characters of writers' texts the members of a record may keep alive as substrings. */
const MOST_HELD = 8 * 2 ** 20;
/**
 * Turns for which the queue of a crowd stays while no writer waits: its requests arrive a few at a time, and continue
 * from the version that it knows.
 */
const QUIET_TURNS = 6;

/** A version whose text is known. */
export interface TextVersion extends Version {
  record: string;
}

const NO_VERSION: TextVersion = { record: '', revision: undefined };

/** The result of replacing a version: the new version, a later one that came first, or the record is gone. */
export type Attempt = { landed: TextVersion } | { conflict: TextVersion } | { gone: true };

/**
 * Replaces `from` with `record` if `from` is still stored. The ttl is the draft's, or else the record's.
 *
 * @param lost how often in a row another writer came first
 * @param cookie the text of the cookie in the record, if known
 */
type Replace = (
  record: string,
  from: TextVersion,
  draft: Draft | undefined,
  budget: Budget,
  lost: number,
  cookie?: string,
) => Promise<Attempt>;

/** Writes one record. */
export interface Writer {
  caller: ClientCaller;
  /** Whether `replace` detects that `from` is no longer stored. */
  compares: boolean;
  replace: Replace;
  /**
   * Reads the current version for a writer that has lost `lost` times and whose attempts take `ms` milliseconds. If the
   * client can, it makes others stand back. Resolves to `undefined` if the record is gone.
   */
  reserve?(lost: number, ms: number, budget: Budget): Promise<TextVersion | undefined>;
}

/** A writer's work: a change to merge, or a function to apply. */
export type Work = Commit | Edit;

interface Job {
  work: Work;
  /** The result of the work, unless another request has written. */
  draft: Draft | undefined;
  /** The difference that the commit makes, once computed. */
  difference: Difference | undefined;
  /** When the request stops waiting, on the clock of `performance.now()`. */
  deadline: number;
  /** Whether the job is being edited. */
  isEdited: boolean;
  resolve(landed: TextVersion | undefined): void;
  reject(error: unknown): void;
}

/**
 * The writers of each record in this process. Those that wait during a write are stored together, so many writers cost
 * as little as two.
 */
export class WriteQueues {
  readonly #queues = new Map<string, WriteQueue>();

  /**
   * Resolves once the work is stored; to `undefined` if the record is gone.
   *
   * @param from the version to edit; if others are writing, theirs is used
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
    const fresh = new WriteQueue(from, writer, () => {
      this.#queues.delete(key);
    });
    this.#queues.set(key, fresh);
    return fresh.begin(work, draft, budget);
  }

  /** Resolves once no writer is left. */
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
  /** Unsettled writers, and the characters that they keep in memory. */
  #writers = 0;
  #characters = 0;
  #bases: Bases | undefined;
  /** The result of the last batch, from which the next one usually starts. */
  #done: RecordInWork | undefined;
  /** How often in a row another writer came first. */
  #lost = 0;

  /** @param ended called once no writer waits; nothing may be added after that */
  constructor(current: TextVersion, writer: Writer, ended: () => void) {
    this.#current = current;
    this.#writer = writer;
    this.#ended = ended;
  }

  /** Settles once no writer waits. */
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

  /** The first writer of a record is usually the only one, so it needs no job, deadline or batch. */
  async #writeFirst(work: Work, draft: Draft, budget: Budget): Promise<Version | undefined> {
    try {
      const record = await done(work, this.#current.record, '');
      // Writers of the same moment are stored together.
      if (this.#waiting.length > 0) return this.#waitInFront(work, draft, budget);
      const own = draft.record === record ? draft : undefined;
      const attempt = await this.#writer.replace(record, this.#current, own, budget, 0);
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
      else this.#end();
    }
  }

  /**
   * Lets go of the record's texts. The map of queues replaces its table all the time, and V8 frees what an old table
   * refers to only in a full collection.
   */
  #end(): void {
    this.#ended();
    this.#current = NO_VERSION;
    this.#first = this.#bases = this.#done = undefined;
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
    // The store is not at fault if an update takes too long.
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

  /** Never rejects: each failure goes to the writers concerned. */
  async #work(): Promise<void> {
    // How often the batch has lost, and how many milliseconds its edits and its round trip took last.
    let [lost, editing, trip] = [0, 0, 0];
    for (;;) {
      if (this.#waiting.length === 0) await this.#quiet();
      // Nothing may happen between this look and the end: a writer that comes then would wait in vain.
      if (this.#waiting.length === 0) break;
      await this.#connected();
      if (lost > 1 && !this.#isReserved(trip / 2)) await this.#reserve(lost, editing + trip);
      const began = performance.now();
      const edited = await this.#editAll();
      editing = performance.now() - began;
      // Standing back is not part of the round trip, or marks would grow longer and longer.
      const sent = Math.max(performance.now(), this.#current.reservedUntil ?? 0);
      lost = edited.jobs.length > 0 && (await this.#write(edited)) === 'conflict' ? lost + 1 : 0;
      trip = performance.now() - sent;
    }
    this.#end();
  }

  /** Whether another writer's mark still holds in `ms` milliseconds: a mark that arrives then would cancel it. */
  #isReserved(ms: number): boolean {
    const { reservedUntil } = this.#current;
    return reservedUntil !== undefined && reservedUntil > performance.now() + ms;
  }

  /** Waits a few turns for another writer. */
  async #quiet(): Promise<void> {
    if (!this.#writer.compares) return;
    for (let turn = 0; turn < QUIET_TURNS && this.#waiting.length === 0; turn += 1) await nextTurn();
  }

  /** A failure here recurs on writing, and is reported then. */
  async #reserve(lost: number, ms: number): Promise<void> {
    const reserved = this.#writer.reserve?.(lost, ms, budgetOf(this.#waiting));
    const version = await reserved?.catch(() => this.#current);
    if (version !== undefined) this.#current = version;
    else for (const job of this.#waiting.splice(0)) this.#settle(job, undefined);
  }

  /** No edits while the store is away: a writer that gives up while waiting must leave nothing behind. */
  #connected(): Promise<void> | undefined {
    const { caller } = this.#writer;
    if (caller.isReady) return undefined;
    return caller.ready('set', budgetOf(this.#waiting))?.catch((error: unknown) => {
      for (const job of this.#waiting.splice(0)) this.#reject(job, error);
    });
  }

  /** Edits the waiting jobs; those without time left keep waiting. */
  async #editAll(): Promise<Batch> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const batch = this.#inTime(waiting);
    const edited = await this.#edit(batch);
    this.#waiting = [...batch.slice(edited.tried), ...this.#waiting];
    return edited;
  }

  /**
   * Edits a batch. A writer that fails leaves it, and the others go on. A writer whose time has run out after the edits
   * leaves too: its request has failed, so nothing of it may be stored.
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
        if (editing === undefined || (await editing) !== 'gone') jobs.push(job);
        else this.#settle(job, undefined);
        job.isEdited = false;
      } catch (error) {
        this.#reject(job, error);
      }
      const { rest } = turns;
      if (rest !== undefined) await rest;
    }
    const inTime = this.#inTime(jobs);
    if (inTime.length === jobs.length) return { jobs, draft, tried };
    // The remaining writers wait on, as if they had not been tried.
    const again = await this.#edit(inTime);
    this.#waiting = [...inTime.slice(again.tried), ...this.#waiting];
    return { ...again, tried };
  }

  #apply(job: Job, draft: RecordInWork, isAlone: boolean): Promise<unknown> | undefined {
    const { work } = job;
    // Since the login was listed, all sessions of its user may have been ended.
    const entering = typeof work === 'function' ? undefined : work.enter?.();
    if (entering === undefined) return this.#change(job, draft, isAlone);
    return entering.then<unknown>((isListed) => (isListed ? this.#change(job, draft, isAlone) : 'gone'));
  }

  #change(job: Job, draft: RecordInWork, isAlone: boolean): Promise<void> | undefined {
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

  /** Many writers start from the same text. */
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
      const attempt = await this.#writer.replace(record, this.#current, draft, budgetOf(jobs), this.#lost, cookie);
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
    // Settling a writer lets its request continue.
    void inTurns(jobs, (job) => {
      this.#count(job.work, -1);
      settle(job);
    });
    return 'settled';
  }

  /** The writers whose requests still wait; the others have timed out. */
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

/** The result of editing a batch. */
interface Batch {
  jobs: Job[];
  draft: RecordInWork;
  /** How many waiting writers were tried. */
  tried: number;
}

interface Bases {
  record: string;
  members: Members;
}

/** A record that writers change one after the other. It becomes text only when a writer or the store needs it. */
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

  /** The same record for the next swap; this one must not change any more. */
  next(): RecordInWork {
    return this.#held > MOST_HELD
      ? new RecordInWork(this.text)
      : new RecordInWork(this.text, this.#members, this.#held);
  }

  /** The stamp of the next swap, shared by all its writers. */
  get stamp(): string {
    this.#stamp ??= newStamp();
    return this.#stamp;
  }

  /** The text of its cookie, if known without parsing. */
  get cookie(): string | undefined {
    return this.#members?.get('cookie');
  }

  /** Whether the record has this text now. */
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

/** The error for a request if too many already wait for its session. */
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

/** As long as the longest waiter's. */
function budgetOf(jobs: readonly Job[]): Budget {
  return new Budget(jobs.reduce((most, { deadline }) => Math.max(most, deadline - performance.now()), 0));
}

/** A writer whose edit takes longer than its request waits must not delay the others. */
function edited(job: Job, record: string, stamp: string): string | Promise<string> {
  const edit = done(job.work, record, stamp);
  if (typeof edit === 'string') return edit;
  return withTimeout(edit, job.deadline - performance.now(), () => new StoreTimeoutError('set', 0));
}

/** Pauses for a random time after losing to another process, so that many do not make each other lose for ever. */
export async function pauseAfter(lost: number): Promise<void> {
  if (lost > 1) await sleep(Math.random() * Math.min(2 ** lost, 50), undefined, { ref: false });
}
