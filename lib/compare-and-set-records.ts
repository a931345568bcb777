import type { Budget } from './budget';
import type { ClientCaller } from './client-call';
import { StoreTimeoutError } from './errors';
import { applyChange } from './merge';
import { isRegeneratedMarker, looksLikeSession, parseRecord, readMarker, regeneratedMarker } from './record';
import {
  type Accept,
  type Commit,
  type Draft,
  type Edit,
  type Loaded,
  REMEMBERED_FOR,
  type Records,
  type TtlOfRecord,
  type Version,
} from './records';
import type { CompareAndSetStore, SessionStore, StoredRecord } from './types';
import { type Attempt, pauseAfter, type TextVersion, WriteQueues, type Writer } from './write-queue';

/** Records of a client that can compare and set: a write never undoes another's. */
export class CompareAndSetRecords implements Records {
  readonly guarantee = 'compare-and-set';
  readonly #client: SessionStore & CompareAndSetStore;
  readonly #caller: ClientCaller;
  readonly #ttlOf: TtlOfRecord;
  readonly #queues = new WriteQueues();
  /** Keys whose records this process has ended lately, oldest first, and until when that is remembered. */
  readonly #ended = new Map<string, number>();

  constructor(client: SessionStore & CompareAndSetStore, caller: ClientCaller, ttlOf: TtlOfRecord) {
    this.#client = client;
    this.#caller = caller;
    this.#ttlOf = ttlOf;
  }

  load(key: string, budget: Budget, withTtl: boolean, mayStayUnread = false): Promise<Loaded> {
    return this.#caller
      .call('get', budget, () => (withTtl ? this.#client.load(key, { ttl: true }) : this.#client.load(key)))
      .then((stored) => seen(stored, mayStayUnread));
  }

  async create(key: string, draft: Draft, budget: Budget): Promise<Version | undefined> {
    const revision = await this.#caller.call('set', budget, () => this.#client.create(key, draft.record, draft.ttl));
    if (revision === false) return undefined;
    this.#ended.delete(key);
    return { record: draft.record, revision };
  }

  write(key: string, commit: Commit, from: Version, budget: Budget): Promise<Version | undefined> {
    const edit: Edit = (current) => applyChange(commit.change, current, commit.onConflict);
    return this.#queues.add(key, edit, commit, from as TextVersion, budget, this.#writer(key));
  }

  edit(key: string, edit: Edit, from: Version, budget: Budget): Promise<Version | undefined> {
    return this.#queues.add(key, edit, undefined, from as TextVersion, budget, this.#writer(key));
  }

  touch(key: string, ttl: number, _from: () => Version, budget: Budget): Promise<boolean> {
    return this.#caller.call('touch', budget, () => this.#client.touch(key, ttl));
  }

  async claim(key: string, from: Version, budget: Budget, accept: Accept): Promise<boolean> {
    const { left } = budget;
    const marker = regeneratedMarker({ successor: '', keepsData: false });
    let current = from as TextVersion;
    for (let lost = 0; ; lost += 1) {
      await budget.spend(pauseAfter(lost));
      if (budget.left === 0) throw new StoreTimeoutError('destroy', Math.round(left));
      accept(current.record);
      const attempt = await this.#swap(key, marker, REMEMBERED_FOR, current, 'destroy', budget);
      if ('landed' in attempt) {
        this.#remember(key);
        return true;
      }
      if ('gone' in attempt) return false;
      current = attempt.conflict;
    }
  }

  /** Claims the record first: a request that comes too late must not take back the id that another has handed out. */
  async end(key: string, from: Version, budget: Budget, accept: Accept = () => undefined): Promise<boolean> {
    if (!(await this.claim(key, from, budget, accept))) return false;
    await this.destroy(key, budget);
    return true;
  }

  async set(key: string, session: object, ttl: number, budget: Budget): Promise<void> {
    await this.#caller.call<unknown>('set', budget, () =>
      this.#client.set(key, session as Parameters<SessionStore['set']>[1], ttl),
    );
  }

  hasEnded(key: string): boolean {
    return this.#ended.size > 0 && (this.#ended.get(key) ?? 0) > Date.now();
  }

  /** A swap that finds another version tells: nothing has to be remembered of who works on what. */
  release(): void {}

  async destroy(key: string, budget: Budget): Promise<void> {
    await this.#caller.call<unknown>('destroy', budget, () => this.#client.destroy(key));
    this.#remember(key);
  }

  #remember(key: string): void {
    const now = Date.now();
    for (const [oldest, until] of this.#ended) {
      if (until > now) break;
      this.#ended.delete(oldest);
    }
    this.#ended.delete(key);
    this.#ended.set(key, now + REMEMBERED_FOR);
  }

  #writer(key: string): Writer {
    return {
      caller: this.#caller,
      replace: (record, from, draft, budget) => {
        const ttl = draft?.ttl ?? this.#ttlOf(record);
        if (ttl > 0) return this.#swap(key, record, ttl, from, 'set', budget);
        return this.destroy(key, budget).then(() => ({ gone: true }));
      },
    };
  }

  async #swap(
    key: string,
    record: string,
    ttl: number,
    { revision }: TextVersion,
    operation: 'set' | 'destroy',
    budget: Budget,
  ): Promise<Attempt> {
    const result = await this.#caller.call(operation, budget, () => this.#client.swap(key, record, ttl, revision));
    if (result.ok) return { landed: { record, revision: result.revision } };
    // What is no session any more cannot be written to: another request's marker, or somebody else's record.
    if (result.gone || parseRecord(result.record) === undefined) return { gone: true };
    return { conflict: { record: result.record, revision: result.revision } };
  }
}

function seen(stored: StoredRecord | null | undefined, mayStayUnread: boolean): Loaded {
  if (stored === null || stored === undefined) return { found: 'nothing' };
  const { record, revision, ttl } = stored;
  if (mayStayUnread && looksLikeSession(record)) return { found: 'unread', record, revision, ttl };
  if (isRegeneratedMarker(record)) return { found: 'regenerated', marker: readMarker(record) };
  const data = parseRecord(record);
  if (data === undefined) return { found: 'invalid', value: record };
  return { found: 'session', data, ttl, record, revision };
}
