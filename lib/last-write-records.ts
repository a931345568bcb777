import type { Budget } from './budget';
import type { ClientCaller } from './client-call';
import { applyChange } from './merge';
import { Overlaps, overlapOf } from './overlaps';
import { isSessionData, parseRecord, type SessionData } from './record';
import {
  type Commit,
  type Draft,
  type Edit,
  type Loaded,
  REMEMBERED_FOR,
  type Records,
  type TtlOfRecord,
  type Version,
} from './records';
import type { SessionStore, TouchableStore } from './types';
import { type Attempt, type TextVersion, WriteQueues } from './write-queue';

/**
 * Records of a client that can only get, set and destroy. Within this process they are as safe as with any other: requests
 * that overlap share what they write. Between processes the last write counts.
 */
export class LastWriteRecords implements Records {
  readonly guarantee = 'last-write';
  readonly #client: SessionStore & Partial<TouchableStore>;
  readonly #caller: ClientCaller;
  readonly #ttlOf: TtlOfRecord;
  readonly #canTouch: boolean;
  readonly #overlaps = new Overlaps(REMEMBERED_FOR);
  readonly #queues = new WriteQueues((...args) => this.#replace(...args));

  constructor(client: SessionStore & Partial<TouchableStore>, caller: ClientCaller, ttlOf: TtlOfRecord) {
    this.#client = client;
    this.#caller = caller;
    this.#ttlOf = ttlOf;
    this.#canTouch = typeof client.touch === 'function';
  }

  async load(key: string, budget: Budget): Promise<Loaded> {
    if (this.#overlaps.find(key)?.ended === 'regenerated') return { found: 'regenerated' };
    // Before the store is asked: what others write from here on may not be in its answer.
    const overlap = this.#overlaps.enter(key);
    const value = await this.#get(key, budget).catch((error: unknown) => {
      this.#overlaps.leave(overlap);
      throw error;
    });
    if (isSessionData(value)) {
      return { found: 'session', data: value, ttl: undefined, record: undefined, revision: overlap };
    }
    this.#overlaps.leave(overlap);
    return value === null || value === undefined ? { found: 'nothing' } : { found: 'invalid', value };
  }

  release(version: Version): void {
    this.#overlaps.leave(overlapOf(version));
  }

  async create(key: string, draft: Draft, budget: Budget): Promise<Version> {
    await this.#set(key, draft.plain(), draft.ttl, budget);
    const overlap = this.#overlaps.renew(key);
    overlap.last = draft.record;
    return { record: draft.record, revision: overlap };
  }

  write(key: string, commit: Commit, from: Version, budget: Budget): Promise<Version | undefined> {
    const edit: Edit = (current) => applyChange(commit.change, current, commit.onConflict);
    return this.#queues.add(key, edit, commit, latest(from, commit.change.base), budget);
  }

  edit(key: string, edit: Edit, from: Version, budget: Budget): Promise<Version | undefined> {
    return this.#queues.add(key, edit, undefined, latest(from, from.record as string), budget);
  }

  /** Without the client's help the whole record is written again, as it is by now. */
  async touch(key: string, draft: () => Draft, ttl: number, from: Version, budget: Budget): Promise<boolean> {
    if (overlapOf(from).ended !== undefined) return false;
    if (!this.#canTouch) {
      const whole = draft();
      const unchanged: Edit = (current) => current;
      return (await this.#queues.add(key, unchanged, whole, latest(from, whole.record), budget)) !== undefined;
    }
    return this.#caller.call('touch', budget, () => (this.#client as TouchableStore).touch(key, ttl));
  }

  async claim(key: string, from: Version, budget: Budget): Promise<Version | undefined> {
    const overlap = overlapOf(from);
    if (overlap.ended !== undefined) return undefined;
    await this.#end(key, 'regenerated', budget);
    return { record: overlap.last ?? from.record, revision: overlap };
  }

  async end(key: string, from: Version, budget: Budget): Promise<boolean> {
    if (overlapOf(from).ended !== undefined) return false;
    await this.destroy(key, budget);
    return true;
  }

  destroy(key: string, budget: Budget): Promise<void> {
    return this.#end(key, 'destroyed', budget);
  }

  async set(key: string, session: object, ttl: number, budget: Budget): Promise<void> {
    await this.#set(key, session, ttl, budget);
    const overlap = this.#overlaps.find(key);
    if (overlap !== undefined) overlap.last = JSON.stringify(session);
  }

  /** From this moment on no request of this process writes the record; one that is at it is waited for. */
  async #end(key: string, how: 'destroyed' | 'regenerated', budget: Budget): Promise<void> {
    this.#overlaps.end(key, how);
    await this.#queues.idle(key, budget);
    await this.#caller.call<unknown>('destroy', budget, () => this.#client.destroy(key));
  }

  async #replace(
    key: string,
    record: string,
    from: TextVersion,
    draft: Draft | undefined,
    budget: Budget,
  ): Promise<Attempt> {
    const overlap = overlapOf(from);
    if (overlap.ended !== undefined) return { gone: true };
    const ttl = draft?.ttl ?? this.#ttlOf(record);
    if (ttl <= 0) {
      this.#overlaps.end(key, 'destroyed');
      await this.#caller.call<unknown>('destroy', budget, () => this.#client.destroy(key));
      return { gone: true };
    }
    await this.#set(key, draft?.plain() ?? (parseRecord(record) as SessionData), ttl, budget);
    overlap.last = record;
    return { landed: { record, revision: overlap } };
  }

  #get(key: string, budget: Budget): Promise<unknown> {
    return this.#caller.call<unknown>('get', budget, () => this.#client.get(key));
  }

  async #set(key: string, session: object, ttl: number, budget: Budget): Promise<void> {
    await this.#caller.call<unknown>('set', budget, () =>
      this.#client.set(key, session as Parameters<SessionStore['set']>[1], ttl),
    );
  }
}

/** The version to write over: this process's last, or what the request read. */
function latest(from: Version, read: string): TextVersion {
  const overlap = overlapOf(from);
  return { record: overlap.last ?? read, revision: overlap };
}
