import { setTimeout as sleep } from 'node:timers/promises';
import { storeLine } from '../base/debug-lines';
import { StoreError } from '../base/errors';
import { Lately } from '../base/lately';
import type { CompareAndSetStore, SessionStore, StoredRecord } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { endMarker, type Marker, type MarkerContent, readMarker, regeneratedMarker } from '../record/marker';
import { applyChange } from '../record/merge';
import { isRegeneratedMarker, looksLikeSession, parseRecord } from '../record/record';
import { isInUse, stampIn } from '../record/unfinished';
import { type Claimed, claim } from './claim';
import { lengthOfMark, pauseAskedBy, SHORTEST_MARK, unmarked } from './mark';
import type { Names } from './names';
import { type RecordEnds, recordEnds } from './record-ends';
import {
  type Accept,
  type Commit,
  type Draft,
  type Edit,
  type Enroll,
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
import { outcomeOf } from './swap-outcome';
import { type Attempt, pauseAfter, type TextVersion, WriteQueues, type Writer } from './write-queue';

/** How often a rotation copies the latest data to the successor before it claims the record unseen. */
const LEVELLED_FIRST = 4;
/** How often `endIf` may lose to other writers before it ends the record unseen. */
const ASKED_FIRST = 4;

/** Records of a client that can compare and set: a write never undoes another's. */
export class CompareAndSetRecords implements Records {
  readonly guarantee = 'compare-and-set';
  readonly #client: SessionStore & CompareAndSetStore;
  readonly #caller: ClientCaller;
  readonly #ttlOf: TtlOfRecord;
  readonly #names: Names;
  readonly #ends: RecordEnds;
  readonly #queues = new WriteQueues();
  readonly #loads: SharedLoads<StoredRecord | null | undefined>;
  readonly #loadsWithTtl: SharedLoads<StoredRecord | null | undefined>;
  /** Keys whose records this process has ended. */
  readonly #ended = new Lately<string>(REMEMBERED_FOR);

  constructor(client: SessionStore & CompareAndSetStore, caller: ClientCaller, ttlOf: TtlOfRecord, names: Names) {
    this.#client = client;
    this.#caller = caller;
    this.#ttlOf = ttlOf;
    this.#names = names;
    this.#ends = recordEnds(client, caller);
    this.#loads = new SharedLoads(caller);
    this.#loadsWithTtl = new SharedLoads(caller);
  }

  load(
    key: string,
    budget: Budget,
    withTtl: boolean,
    mayStayUnread = false,
    waiter: Waiter | undefined = undefined,
  ): Promise<Loaded> {
    const loads = withTtl ? this.#loadsWithTtl : this.#loads;
    if (loads.isCrowded(key)) {
      waiter?.crowded();
      return loads
        .share(key, budget, (left) => this.#load(key, left, withTtl))
        .then((stored) => seen(stored, mayStayUnread));
    }
    loads.begin(key);
    return this.#load(key, budget, withTtl).then(
      (stored) => {
        loads.end(key);
        return seen(stored, mayStayUnread);
      },
      (error: unknown) => {
        loads.end(key);
        throw error;
      },
    );
  }

  #load(key: string, budget: Budget, withTtl: boolean): Promise<StoredRecord | null | undefined> {
    const load = () => (withTtl ? this.#client.load(key, { ttl: true }) : this.#client.load(key));
    return this.#caller.call('get', 'load', budget, load, key);
  }

  async create(key: string, draft: Draft, budget: Budget): Promise<Version | undefined> {
    const { record, ttl } = draft;
    const make = () => this.#client.create(key, record, ttl);
    const revision = await this.#caller.call('set', 'create', budget, make, key, record);
    if (revision === false) return undefined;
    this.#ended.delete(key);
    return { record, revision };
  }

  write(key: string, commit: Commit, from: Version, budget: Budget): Promise<Version | undefined> {
    return this.#queues.add(key, commit, commit, from as TextVersion, budget, this.#writer(key, commit.enroll));
  }

  edit(key: string, edit: Edit, from: Version, budget: Budget, enroll?: Enroll): Promise<Version | undefined> {
    return this.#queues.add(key, edit, undefined, from as TextVersion, budget, this.#writer(key, enroll));
  }

  touch(key: string, ttl: number, _from: () => Version, budget: Budget): Promise<boolean> {
    return this.#caller.call('touch', 'touch', budget, () => this.#client.touch(key, ttl), key);
  }

  async take(key: string, successor: string, from: Version | undefined, budget: Budget): Promise<Taken> {
    const marker = this.#marker({ successor, keepsData: false });
    const take = () => this.#ends.take(key, marker, from, budget);
    // A failed call may have been carried out. If so, the second one finds its own marker.
    return this.#taken(key, marker, await take().catch(take));
  }

  /** The successor gets the data before the record is claimed, so a process that dies in between loses nothing. */
  async rotate(
    key: string,
    from: Version,
    successor: Successor,
    commit: Commit,
    budget: Budget,
  ): Promise<Version | 'regenerated' | 'gone'> {
    const renewedAt = successor.isRenewal === true ? Date.now() : undefined;
    const marker = this.#marker({ successor: successor.sid, keepsData: true, renewedAt }, successor.before);
    let { version } = successor;
    let current: StoredRecord = from as TextVersion;
    const level = async (stored: StoredRecord) => {
      const record = applyChange(commit.change, stored.record, commit.onConflict);
      if (!(await mayHold(commit, record, successor.key))) return false;
      const levelled = await this.#level(successor.key, version, record, budget);
      // The successor is listed already, so the sessions of its user may have been ended.
      if (levelled === undefined && commit.enroll !== undefined) return false;
      if (levelled === undefined)
        throw new StoreError('set', 'the store has lost a record that was stored a moment ago');
      version = levelled;
      return true;
    };
    for (let lost = 0; lost < LEVELLED_FIRST; lost += 1) {
      const began = performance.now();
      const claimed = await this.#claim(key, marker, current, budget);
      if (claimed === 'taken') return version;
      if (claimed === 'regenerated' || claimed === 'gone') return claimed;
      const reserve = () => this.#ends.reserve(key, lengthOfMark(performance.now() - began), budget);
      // The mark makes a late claim fail whose answer has not arrived.
      const now = await reserve().catch((error: unknown) => {
        throw claimed === 'unknown' ? outcomeUnknown(error) : error;
      });
      if (now === undefined) {
        const found = await this.#caller.call('get', 'load', budget, () => this.#client.load(key), key);
        const taken = this.#taken(key, marker, found?.record);
        return taken === 'taken' ? version : taken;
      }
      current = now;
      if (!(await level(now))) return 'gone';
    }
    const taken = await this.#takeUnseen(key, marker, current, budget, level);
    return taken === 'taken' ? version : taken;
  }

  /** Takes the record while others keep writing. What they wrote last is copied after the claim. */
  async #takeUnseen(
    key: string,
    marker: string,
    current: StoredRecord,
    budget: Budget,
    level: (stored: StoredRecord) => Promise<boolean>,
  ): Promise<Taken> {
    const found = await this.#ends.take(key, marker, current as TextVersion, budget);
    const taken = this.#taken(key, marker, found);
    if (taken !== 'taken' || found === undefined || found === marker) return taken;
    const last = { record: found, revision: undefined };
    // The record is gone, and the successor lacks only their last writes.
    const isListed = await level(last)
      .catch(() => level(last))
      .catch(() => true);
    return isListed ? 'taken' : 'gone';
  }

  /** @param before the id of the session whose data the successor has */
  #marker(content: MarkerContent, before?: string): string {
    return regeneratedMarker(this.#names.areHashed ? { ...content, hashed: { before } } : content);
  }

  async end(key: string, from: Version | undefined, budget: Budget): Promise<boolean> {
    const breaks = this.#breaks;
    let found = await this.#ends.remove(key, from, budget);
    this.#remember(key);
    // The driver may have sent the call twice. The second one then finds nothing.
    if (found === undefined && from !== undefined && this.#breaks !== breaks) return true;
    const followed = new Set<string>();
    let marker: Marker | undefined;
    while (found !== undefined) {
      const stamp = stampIn(found);
      if (!isRegeneratedMarker(found)) return stamp === undefined || stamp === marker?.stamp;
      marker = readMarker(found);
      // The budget limits the length of a chain. This package writes no circles.
      if (marker?.keepsData !== true || followed.has(marker.successor)) return false;
      followed.add(marker.successor);
      const successor = this.#names.prefix + marker.successor;
      found = await this.#ends.remove(successor, undefined, budget);
      this.#remember(successor);
    }
    return false;
  }

  async endIf(key: string, from: Version, budget: Budget, accept: Accept): Promise<boolean> {
    const marker = endMarker();
    let current = from as TextVersion;
    let isUnknown = false;
    for (let lost = 0; lost < ASKED_FIRST; lost += 1) {
      await budget.spend(pauseAfter(lost));
      accept(current.record);
      const swap = () => this.#swap(key, marker, REMEMBERED_FOR, current, 'destroy', budget, lost + 1);
      // If the swap fails, `end` below needs no memory in the store and wins against constant writers.
      const attempt = await swap().catch(() => undefined);
      isUnknown = attempt === undefined;
      if (attempt === undefined || 'gone' in attempt) break;
      if ('landed' in attempt) {
        await this.#destroyUnseen(key, budget);
        return true;
      }
      current = attempt.conflict;
    }
    // A marker found here may come from the swap that seemed to fail.
    return (await this.end(key, current, budget)) || isUnknown;
  }

  async destroy(key: string, budget: Budget): Promise<void> {
    await this.end(key, undefined, budget);
  }

  async set(key: string, session: object, ttl: number, budget: Budget): Promise<void> {
    const set = () => this.#client.set(key, session as Parameters<SessionStore['set']>[1], ttl);
    await this.#caller.call<unknown>('set', 'set', budget, set, key, session);
  }

  /** Marks the record, so that writes that were sent before fail, and other writers stand back for a moment. */
  async reserve(key: string, budget: Budget): Promise<Loaded> {
    const stored = await this.#ends.reserve(key, SHORTEST_MARK, budget);
    return stored === undefined ? this.load(key, budget, false) : seen(stored, false);
  }

  /** Ends the record if it is still this version; resolves to `false` if not. */
  async endVersion(key: string, from: Version, budget: Budget): Promise<boolean> {
    const marker = endMarker();
    const attempt = await this.#swap(key, marker, REMEMBERED_FOR, from as TextVersion, 'destroy', budget, 1);
    if (!('landed' in attempt)) return false;
    await this.#destroyUnseen(key, budget);
    return true;
  }

  /** Ends the record, whatever it holds, except a marker; resolves to `false` if there is none. Needs no memory in the store. */
  async endUnseen(key: string, budget: Budget): Promise<boolean> {
    const found = await this.#ends.remove(key, undefined, budget);
    this.#remember(key);
    return found !== undefined && !isRegeneratedMarker(found);
  }

  /** Leaves a marker where a request is about to create a record, for a minute: that request fails. `false` if it has. */
  async bar(key: string, budget: Budget): Promise<boolean> {
    const record = endMarker();
    return (await this.create(key, { record, ttl: REMEMBERED_FOR, plain: () => ({}) }, budget)) !== undefined;
  }

  hasEnded(key: string): boolean {
    return this.#ended.has(key);
  }

  /** Notes nothing, since the client compares versions. */
  noted(): undefined {}

  release(): void {}

  async #destroyUnseen(key: string, budget: Budget): Promise<void> {
    await this.#caller.call<unknown>('destroy', 'destroy', budget, () => this.#client.destroy(key), key);
    this.#remember(key);
  }

  async #claim(key: string, marker: string, from: StoredRecord, budget: Budget): Promise<Claimed> {
    const claimed = await claim(this.#client, this.#caller, { key, marker, from }, budget);
    if (claimed === 'taken') this.#remember(key);
    return claimed;
  }

  get #breaks(): number {
    return this.#caller.breaks + ((this.#client as { breaks?: number }).breaks ?? 0);
  }

  /** Interprets the text that a marker should replace. */
  #taken(key: string, marker: string, found: string | undefined): Taken {
    if (found === undefined || stampIn(found) !== undefined) return 'gone';
    if (isRegeneratedMarker(found) && found !== marker) return 'regenerated';
    this.#remember(key);
    return 'taken';
  }

  /** Stores the record's data in the successor, whose id no other request knows yet; `undefined` if that is gone. */
  async #level(key: string, from: Version, record: string, budget: Budget): Promise<Version | undefined> {
    if (record === from.record) return from;
    // If others have ended the session, the successor expires at once.
    const ttl = Math.max(1, this.#ttlOf(record));
    const swap = (revision: unknown) => this.#client.swap(key, record, ttl, revision);
    let result = await this.#caller.call('set', 'swap', budget, () => swap(from.revision), key, record);
    // `reseal()` may have stored the same again.
    if (!result.ok && !result.gone && result.record === from.record) {
      const { revision } = result;
      result = await this.#caller.call('set', 'swap', budget, () => swap(revision), key, record, 2);
    }
    return result.ok ? { record, revision: result.revision } : undefined;
  }

  #remember(key: string): void {
    while (this.#ended.shift() !== undefined);
    this.#ended.add(key);
  }

  #writer(key: string, enroll: Enroll | undefined): Writer {
    // The marks of this writer stay until another one replaces the text.
    const marked: Marked = { record: '', spaces: 0 };
    const replace: Writer['replace'] = (record, from, draft, budget, lost, cookie) => {
      if (from.reservedUntil !== undefined) {
        const version = { record: from.record, revision: from.revision };
        return standBack(from.reservedUntil, budget).then(() => replace(record, version, draft, budget, lost, cookie));
      }
      const ttl = draft?.ttl ?? this.#ttlOf(record, cookie);
      const swap = () => this.#swap(key, record, ttl, from, 'set', budget, lost + 1, marked);
      // A writer has listed its own text already.
      if (ttl <= 0) return this.end(key, undefined, budget).then(() => ({ gone: true }));
      if (enroll === undefined || draft !== undefined) return swap();
      return enroll(record, key).then((isListed) => (isListed ? swap() : { gone: true }));
    };
    return {
      caller: this.#caller,
      compares: true,
      replace,
      reserve: async (lost, ms, budget) => {
        const { canReserve } = this.#ends;
        // After the pause, a version loaded before it would be out of date.
        if (!canReserve) await budget.spend(pauseAfter(lost));
        const spaces = lengthOfMark(ms);
        const stored = await this.#ends.reserve(key, spaces, budget);
        if (stored === undefined || !isInUse(stored.record)) return undefined;
        if (!canReserve) return versionOf(stored);
        const record = unmarked(stored.record);
        Object.assign(marked, { record, spaces: spacesOf(marked, record) + spaces });
        // No pause for earlier marks: this one has cancelled them.
        return { record, revision: stored.revision };
      },
    };
  }

  async #swap(
    key: string,
    record: string,
    ttl: number,
    { record: from, revision }: TextVersion,
    operation: 'set' | 'destroy',
    budget: Budget,
    attempts: number,
    marked?: Marked,
  ): Promise<Attempt> {
    const breaks = this.#breaks;
    const swap = () => this.#client.swap(key, record, ttl, revision);
    const result = await this.#caller.call(operation, 'swap', budget, swap, key, record, attempts);
    if (result.ok) return { landed: { record, revision: result.revision } };
    if (this.#breaks !== breaks) {
      // The driver may have sent the swap twice, and the first one may be what is stored.
      const outcome = outcomeOf(record, from, result.gone ? undefined : result.record);
      if (outcome === 'landed') return { landed: versionOf(result as StoredRecord, marked) };
      if (outcome === 'unknown') throw outcomeUnknown();
    }
    // Not a session any more: a marker of another request, or another program's record.
    if (result.gone || !isInUse(result.record)) return { gone: true };
    storeLine('conflict: another writer came first, and the change is tried again');
    return { conflict: versionOf(result, marked) };
  }
}

/** Whether the record may hold the merged text: all sessions of its user may have been ended. */
async function mayHold({ enroll }: Commit, record: string, key: string): Promise<boolean> {
  return enroll === undefined || enroll(record, key);
}

function outcomeUnknown(cause?: unknown): StoreError {
  return new StoreError(
    'set',
    'the session store did not tell whether a change was stored: look at the session before you try again',
    cause === undefined ? undefined : { cause },
    'ERR_SESSION_OUTCOME_UNKNOWN',
  );
}

/** A text, and the number of spaces that a writer has appended to it. */
interface Marked {
  record: string;
  spaces: number;
}

function spacesOf(marked: Marked | undefined, record: string): number {
  return marked?.record === record ? marked.spaces : 0;
}

/** A version without the marks of other writers, who are about to replace it. */
function versionOf({ record, revision }: StoredRecord, marked?: Marked): TextVersion {
  const text = unmarked(record);
  const pause = pauseAskedBy(record, spacesOf(marked, text));
  const version = { record: text, revision };
  return pause > 0 ? { ...version, reservedUntil: performance.now() + pause } : version;
}

async function standBack(until: number, budget: Budget): Promise<void> {
  const ms = Math.min(until - performance.now(), budget.left);
  if (ms > 0) await budget.spend(sleep(ms, undefined, { ref: false }));
}

function seen(stored: StoredRecord | null | undefined, mayStayUnread: boolean): Loaded {
  if (stored === null || stored === undefined) return { found: 'nothing' };
  const { record, revision, ttl } = stored;
  if (mayStayUnread && looksLikeSession(record)) return { found: 'unread', record, revision, ttl };
  if (isRegeneratedMarker(record)) return { found: 'regenerated', marker: readMarker(record) };
  const data = parseRecord(record);
  if (data === undefined) return { found: 'invalid', value: record };
  const version = { data, ttl, ...versionOf({ record, revision }) };
  const stamp = stampIn(record);
  return stamp === undefined ? { found: 'session', ...version } : { found: 'session', ...version, stamp };
}
