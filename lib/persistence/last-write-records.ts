import { hasMethod } from '../base/expect';
import type { SessionStore, TouchableStore } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { mayOutlive, untilEnd, withEnd, withoutEnd } from '../record/expiry-note';
import type { Marker } from '../record/marker';
import { applyChange } from '../record/merge';
import { isSessionData, parseRecord, type SessionData } from '../record/record';
import { type ActiveRecord, ActiveRecords, latestOf, type SeenVersion } from './active-records';
import type { Names } from './names';
import {
  type Accept,
  type Commit,
  type Draft,
  type Edit,
  type Loaded,
  REMEMBERED_FOR,
  type Records,
  type Successor,
  type Taken,
  type TtlOfRecord,
  type Version,
  type Waiter,
} from './records';
import { SharedLoads } from './shared-loads';
import { type Work, WriteQueues, type Writer } from './write-queue';

/**
 * Records of a client that can only get, set and destroy. Overlapping requests of this process share what they write,
 * so none of them undoes another's change. Between processes, the last write wins.
 */
export class LastWriteRecords implements Records {
  readonly guarantee = 'last-write';
  readonly #client: SessionStore & Partial<TouchableStore>;
  readonly #caller: ClientCaller;
  readonly #ttlOf: TtlOfRecord;
  readonly #names: Names;
  readonly #canTouch: boolean;
  readonly #notesEnd: boolean;
  readonly #activeRecords: ActiveRecords;
  readonly #queues: WriteQueues;
  readonly #loads: SharedLoads<void>;

  constructor(client: SessionStore & Partial<TouchableStore>, caller: ClientCaller, ttlOf: TtlOfRecord, names: Names) {
    this.#client = client;
    this.#caller = caller;
    this.#ttlOf = ttlOf;
    this.#names = names;
    this.#canTouch = hasMethod(client, 'touch');
    this.#notesEnd = mayOutlive(client);
    this.#loads = new SharedLoads(caller);
    const { activeRecords, queues } = sharedBy(client);
    this.#activeRecords = activeRecords;
    this.#queues = queues;
  }

  async load(
    key: string,
    budget: Budget,
    _withTtl: boolean,
    _mayStayUnread?: boolean,
    waiter?: Waiter,
  ): Promise<Loaded> {
    if (this.#loads.isCrowded(key)) {
      waiter?.crowded();
      // Only the wait is shared: the object that the client returns belongs to one request.
      await this.#loads.share(key, budget, () => Promise.resolve());
    }
    this.#loads.begin(key);
    try {
      return await this.#load(key, budget);
    } finally {
      this.#loads.end(key);
    }
  }

  async #load(key: string, budget: Budget): Promise<Loaded> {
    const known = this.#activeRecords.find(key);
    if (known?.ended === 'regenerated') return { found: 'regenerated', marker: known.marker };
    // Before calling the store: its answer may lack later writes.
    const active = this.#activeRecords.enter(key);
    const revision: SeenVersion = { active, writes: active.writes };
    const value = await this.#get(key, budget, withoutEnd).catch((error: unknown) => {
      this.#activeRecords.leave(active);
      throw error;
    });
    if (isSessionData(value)) return { found: 'session', data: value, ttl: undefined, record: undefined, revision };
    this.#activeRecords.leave(active);
    if (active.ended === 'regenerated') return { found: 'regenerated', marker: active.marker };
    return value === null || value === undefined ? { found: 'nothing' } : { found: 'invalid', value };
  }

  noted(version: Version): ActiveRecord {
    return seenVersion(version).active;
  }

  release(active: ActiveRecord): void {
    this.#activeRecords.leave(active);
  }

  async create(key: string, draft: Draft, budget: Budget): Promise<Version> {
    await this.#write(key, draft.plain(), draft.ttl, budget);
    return { record: draft.record, revision: this.#activeRecords.wrote(this.#activeRecords.renew(key), draft.record) };
  }

  async write(key: string, commit: Commit, from: Version, budget: Budget): Promise<Version | undefined> {
    return this.#edit(key, commit, commit, from, budget);
  }

  async edit(key: string, edit: Edit, from: Version, budget: Budget): Promise<Version | undefined> {
    return this.#edit(key, edit, undefined, from, budget);
  }

  /** The client cannot extend a record, so the latest one is written again. */
  async touch(key: string, ttl: number, from: () => Version, budget: Budget): Promise<boolean> {
    const version = from();
    if (await this.hasEnded(key, version)) return false;
    if (!this.#canTouch) {
      const record = version.record as string;
      const draft: Draft = { record, ttl, plain: () => parseRecord(record) as SessionData };
      return (await this.#edit(key, (current) => current, draft, version, budget)) !== undefined;
    }
    return this.#caller.call('touch', 'touch', budget, () => (this.#client as TouchableStore).touch(key, ttl), key);
  }

  async take(key: string, successor: string, from: Version | undefined, budget: Budget): Promise<Taken> {
    const ended = this.#hasEnded(key, from);
    if (ended && (await ended)) return this.#howItEnded(key, from);
    await this.#end(key, this.#marker(successor, false), budget);
    return 'taken';
  }

  async rotate(
    key: string,
    from: Version,
    successor: Successor,
    { change, onConflict }: Commit,
    budget: Budget,
  ): Promise<Version | 'regenerated' | 'gone'> {
    const ended = this.#hasEnded(key, from);
    if (ended && (await ended)) return this.#howItEnded(key, from);
    let { version } = successor;
    await this.#end(key, this.#marker(successor.sid, true), budget, async () => {
      const record = applyChange(change, latestOf(seenVersion(from), from.record as string), onConflict);
      if (record === version.record) return;
      const { active } = seenVersion(version);
      const ttl = Math.max(1, this.#ttlOf(record));
      await this.#write(successor.key, parseRecord(record) as SessionData, ttl, budget);
      version = { record, revision: this.#activeRecords.wrote(active, record) };
    });
    return version;
  }

  /** It stays in this process, so it may hold the id. */
  #marker(sid: string, keepsData: boolean): Marker {
    return { successor: this.#names.nameIn(this.#names.keyOf(sid)), id: sid, keepsData };
  }

  /**
   * Whether another request of this process has ended the record. `false` is returned synchronously, so nothing can
   * happen in between.
   */
  #hasEnded(key: string, from: Version | undefined): false | Promise<boolean> {
    const active = from === undefined ? this.#activeRecords.find(key) : seenVersion(from).active;
    return active !== undefined && this.#activeRecords.hasEnded(active);
  }

  #howItEnded(key: string, from: Version | undefined): 'regenerated' | 'gone' {
    const how = (from && seenVersion(from).active.ended) ?? this.#activeRecords.find(key)?.ended;
    return how === 'regenerated' ? 'regenerated' : 'gone';
  }

  hasEnded(key: string, from: Version): false | Promise<boolean> {
    return this.#hasEnded(key, from);
  }

  async end(key: string, from: Version | undefined, budget: Budget): Promise<boolean> {
    const ended = this.#hasEnded(key, from);
    if (ended && (await ended)) return this.#endSuccessor(key, budget);
    await this.#end(key, 'destroyed', budget);
    return true;
  }

  /** Ends the session under the id that it was rotated to. */
  async #endSuccessor(key: string, budget: Budget): Promise<boolean> {
    const marker = this.#activeRecords.find(key)?.marker;
    return marker?.keepsData === true && this.end(this.#names.prefix + marker.successor, undefined, budget);
  }

  async endIf(key: string, from: Version, budget: Budget, accept: Accept): Promise<boolean> {
    const ended = this.#hasEnded(key, from);
    if (ended && (await ended)) return this.#endSuccessor(key, budget);
    await this.#end(key, 'destroyed', budget, async () => {
      accept(latestOf(seenVersion(from), from.record as string));
    });
    return true;
  }

  async destroy(key: string, budget: Budget): Promise<void> {
    const ended = await this.end(key, undefined, budget);
    // Another process may have stored it again.
    if (!ended) await this.#destroy(key, budget);
  }

  async set(key: string, session: object, ttl: number, budget: Budget): Promise<void> {
    await this.#set(key, session, ttl, budget);
    const active = this.#activeRecords.find(key);
    if (active !== undefined) this.#activeRecords.wrote(active, JSON.stringify(session));
  }

  /**
   * From now on, no request of this process writes the record, unless `before` or the client fails. `before` runs
   * before the record is destroyed. Waits for a request that is writing.
   */
  #end(key: string, how: 'destroyed' | Marker, budget: Budget, before?: () => Promise<void>): Promise<void> {
    return this.#activeRecords.end(key, how, async () => {
      await this.#queues.idle(key, budget, this.#caller);
      await before?.();
      await this.#destroy(key, budget);
    });
  }

  #destroy(key: string, budget: Budget): Promise<unknown> {
    return this.#caller.call<unknown>('destroy', 'destroy', budget, () => this.#client.destroy(key), key);
  }

  async #edit(
    key: string,
    work: Work,
    draft: Draft | undefined,
    from: Version,
    budget: Budget,
  ): Promise<Version | undefined> {
    const seen = seenVersion(from);
    let record = latestOf(seen, from.record as string);
    if (!this.#activeRecords.isCurrent(seen.active)) {
      // The request is over, and others may have used the record since.
      const value = await this.#get(key, budget, untilEnd);
      if (!isSessionData(value)) return undefined;
      record = JSON.stringify(value);
    }
    return this.#queues.add(key, work, draft, { record, revision: seen }, budget, this.#writer(key));
  }

  #writer(key: string): Writer {
    return {
      caller: this.#caller,
      compares: false,
      replace: async (record, from, draft, budget, _lost, cookie) => {
        const { active } = seenVersion(from);
        // Not awaited, since an end waits for writers.
        if (this.#activeRecords.hasEnded(active)) return { gone: true };
        const ttl = draft?.ttl ?? this.#ttlOf(record, cookie);
        if (ttl <= 0) {
          await this.#activeRecords.end(key, 'destroyed', () => this.#destroy(key, budget));
          return { gone: true };
        }
        await this.#write(key, draft?.plain() ?? (parseRecord(record) as SessionData), ttl, budget);
        return { landed: { record, revision: this.#activeRecords.wrote(active, record) } };
      },
    };
  }

  #get(key: string, budget: Budget, read: typeof untilEnd): Promise<unknown> {
    const answer = this.#caller.call<unknown>('get', 'get', budget, () => this.#client.get(key), key);
    return this.#notesEnd ? answer.then(read) : answer;
  }

  #write(key: string, session: SessionData, ttl: number, budget: Budget): Promise<void> {
    return this.#set(key, this.#notesEnd ? withEnd(session, ttl) : session, ttl, budget);
  }

  async #set(key: string, session: object, ttl: number, budget: Budget): Promise<void> {
    const set = () => this.#client.set(key, session as Parameters<SessionStore['set']>[1], ttl);
    await this.#caller.call<unknown>('set', 'set', budget, set, key, session);
  }
}

function seenVersion(version: Version): SeenVersion {
  return version.revision as SeenVersion;
}

/** State shared by all Stores on one client. */
const shared = new WeakMap<object, { activeRecords: ActiveRecords; queues: WriteQueues }>();

function sharedBy(client: object): { activeRecords: ActiveRecords; queues: WriteQueues } {
  const known = shared.get(client) ?? { activeRecords: new ActiveRecords(REMEMBERED_FOR), queues: new WriteQueues() };
  shared.set(client, known);
  return known;
}
