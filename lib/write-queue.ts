import { setTimeout as sleep } from 'node:timers/promises';
import { ActiveKeys } from './active-keys';
import { Budget } from './budget';
import type { ClientCaller } from './client-call';
import { withDeadline } from './deadline';
import { StoreTimeoutError } from './errors';
import type { Draft, Edit, Version } from './records';

/** A version whose text is known. */
export interface TextVersion extends Version {
  record: string;
}

/** What came of an attempt to replace a version: the new one, a later one that came first, or the record is gone. */
export type Attempt = { landed: TextVersion } | { conflict: TextVersion } | { gone: true };

/** Replaces `from` by `record`, if `from` is still what is stored. The ttl is the draft's, or else the record's own. */
export type Replace = (record: string, from: TextVersion, draft: Draft | undefined, budget: Budget) => Promise<Attempt>;

/** Whoever knows how a record is written. */
export interface Writer {
  caller: ClientCaller;
  replace: Replace;
}

interface Job {
  edit: Edit;
  /** The draft that the edit comes to where nobody else has written. */
  draft: Draft | undefined;
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
   * Answers once the edit has landed; `undefined` where the record is gone.
   *
   * @param from the version to edit; where others are writing it is theirs
   */
  add(
    key: string,
    edit: Edit,
    draft: Draft | undefined,
    from: TextVersion,
    budget: Budget,
    writer: Writer,
  ): Promise<Version | undefined> {
    const queue = this.#queues.get(key);
    if (queue !== undefined) return queue.add(edit, draft, budget);
    const fresh = new WriteQueue(from, writer, () => this.#queues.delete(key));
    this.#queues.add(key, fresh);
    return fresh.begin(edit, draft, budget);
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
  begin(edit: Edit, draft: Draft | undefined, budget: Budget): Promise<Version | undefined> {
    if (draft !== undefined && this.#writer.caller.isReady) {
      const landed = this.#writeFirst(edit, draft, budget);
      this.#first = landed;
      return landed;
    }
    const landed = this.add(edit, draft, budget);
    this.#start();
    return landed;
  }

  /** The first writer of a record mostly is the only one: it goes without a job, a deadline and a batch of its own. */
  async #writeFirst(edit: Edit, draft: Draft, budget: Budget): Promise<Version | undefined> {
    try {
      const record = await edit(this.#current.record);
      // Those who write in the same moment go together.
      if (this.#waiting.length > 0) return this.#waitInFront(edit, draft, budget);
      const own = draft.record === record ? draft : undefined;
      const attempt = await this.#writer.replace(record, this.#current, own, budget);
      if ('conflict' in attempt) {
        this.#current = attempt.conflict;
        return this.#waitInFront(edit, draft, budget);
      }
      if (!('landed' in attempt)) return undefined;
      this.#current = attempt.landed;
      return attempt.landed;
    } finally {
      if (this.#waiting.length > 0) this.#start();
      else this.#ended();
    }
  }

  add(edit: Edit, draft: Draft | undefined, budget: Budget): Promise<Version | undefined> {
    return this.#wait(edit, draft, budget, (job) => this.#waiting.push(job));
  }

  #wait(
    edit: Edit,
    draft: Draft | undefined,
    budget: Budget,
    queue: (job: Job) => unknown,
  ): Promise<Version | undefined> {
    const { left } = budget;
    const job: Partial<Job> = {};
    const landed = new Promise<TextVersion | undefined>((resolve, reject) => {
      Object.assign(job, { edit, draft, deadline: performance.now() + left, isEdited: false, resolve, reject });
      queue(job as Job);
    });
    // An update that takes too long is not the store's fault.
    const late = () => (job.isEdited ? new StoreTimeoutError('set', 0) : this.#writer.caller.late('set', left));
    return budget.spendAtMost(left, landed, late);
  }

  #waitInFront(edit: Edit, draft: Draft, budget: Budget): Promise<Version | undefined> {
    return this.#wait(edit, draft, budget, (job) => this.#waiting.unshift(job));
  }

  #start(): void {
    this.#working = this.#work();
  }

  /** Never rejects: what fails is told to those whom it concerns. */
  async #work(): Promise<void> {
    let lost = 0;
    while (this.#waiting.length > 0) {
      await this.#connected();
      const batch = this.#waiting.filter(hasTime);
      this.#waiting = [];
      const edited = await this.#edit(batch);
      lost = edited.jobs.length > 0 && (await this.#write(edited)) === 'conflict' ? lost + 1 : 0;
      if (lost > 0) await pauseAfter(lost);
    }
    this.#ended();
  }

  /** Nothing is edited before it can be written: a writer that gives up meanwhile must leave nothing behind. */
  #connected(): Promise<void> | undefined {
    const { caller } = this.#writer;
    if (caller.isReady) return undefined;
    return caller.ready('set', budgetOf(this.#waiting))?.catch((error: unknown) => {
      for (const job of this.#waiting.splice(0)) job.reject(error);
    });
  }

  /**
   * A writer that fails leaves the batch; the others go on. So does one whose time is over once all have edited: its request is told
   * that it has failed, and nothing of it may land.
   */
  async #edit(batch: readonly Job[]): Promise<{ jobs: Job[]; record: string }> {
    const jobs: Job[] = [];
    let { record } = this.#current;
    for (const job of batch) {
      try {
        job.isEdited = true;
        const text = edited(job, record);
        record = typeof text === 'string' ? text : await text;
        job.isEdited = false;
        jobs.push(job);
      } catch (error) {
        job.reject(error);
      }
    }
    const inTime = jobs.filter(hasTime);
    return inTime.length === jobs.length ? { jobs, record } : this.#edit(inTime);
  }

  async #write({ jobs, record }: { jobs: Job[]; record: string }): Promise<'settled' | 'conflict'> {
    const [first] = jobs;
    const draft = jobs.length === 1 && first?.draft?.record === record ? first.draft : undefined;
    try {
      const attempt = await this.#writer.replace(record, this.#current, draft, budgetOf(jobs));
      if ('conflict' in attempt) {
        this.#current = attempt.conflict;
        this.#waiting.unshift(...jobs);
        return 'conflict';
      }
      const landed = 'landed' in attempt ? attempt.landed : undefined;
      if (landed !== undefined) this.#current = landed;
      for (const job of jobs) job.resolve(landed);
    } catch (error) {
      for (const job of jobs) job.reject(error);
    }
    return 'settled';
  }
}

/** Whether its request still waits for it. */
function hasTime(job: Job): boolean {
  return job.deadline > performance.now();
}

/** As long as any of them waits. */
function budgetOf(jobs: readonly Job[]): Budget {
  return new Budget(Math.max(0, ...jobs.map((job) => job.deadline - performance.now())));
}

/** A writer whose edit takes longer than its request waits must not keep the others. */
function edited(job: Job, record: string): string | Promise<string> {
  const edit = job.edit(record);
  if (typeof edit === 'string') return edit;
  return withDeadline(edit, job.deadline - performance.now(), () => new StoreTimeoutError('set', 0));
}

/** Apart from the first, tries that lost to another process wait a random while, so that many do not lose to each other for ever. */
export async function pauseAfter(lost: number): Promise<void> {
  if (lost > 1) await sleep(Math.random() * Math.min(2 ** lost, 50), undefined, { ref: false });
}
