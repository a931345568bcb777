import { EventEmitter } from 'node:events';
import { expected, isGiven } from '../base/expect';
import { recordKeys } from '../base/record-keys';
import { steadyNow } from '../base/steady-clock';
import { unref } from '../base/timer';
import { ONE_DAY } from '../base/ttl';
import type {
  CompareAndSetStore,
  EndingStore,
  EnumerableStore,
  IndexingStore,
  IndexMember,
  KeysFound,
  Session,
  SessionStore,
  StoredRecord,
  SwapResult,
} from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import { isRegeneratedMarker } from '../record/record';
import { compact } from './memory/compact';
import { Indexes } from './memory/indexes';

const DEFAULT_MAX = 1_000_000;

/** Time between two sweeps, in milliseconds. */
const SWEEP_DELAY = 1000;
/** Number of sessions that one sweep frees, so that it does not block the process, and the pause before the rest, in milliseconds. */
const SWEEP_BATCH = 4000;
const SWEEP_PAUSE = 5;
/** Number of sessions that one call of `keys` looks at. */
const KEYS_AT_ONCE = 1000;

/** Options of a {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** Maximum number of sessions; beyond it, the least recently used session is dropped. Default: 1 000 000. */
  max?: number | null | undefined;
}

/**
 * Entries form a ring in order of last use. A plain Map in that order leaves a hole for every read, which makes
 * eviction slow and stops the process at times; lru-cache frees expired entries that are never read only with a timer
 * per entry.
 */
class Entry {
  prev: Entry = this;
  next: Entry = this;

  constructor(
    readonly key: string,
    public record: string,
    public revision: number,
    /** Index of its expiry in the list of expiries. */
    public slot: number,
  ) {}
}

/**
 * Keeps sessions in the memory of this process, as JSON text: it stores and returns copies. They are lost when the
 * process ends, and other processes do not see them. Expired sessions are freed within 10 seconds. Every method throws
 * a TypeError if its `ttl` is not a positive number.
 */
export class MemoryStore
  implements SessionStore, CompareAndSetStore<number>, EndingStore<number>, IndexingStore, EnumerableStore
{
  readonly #max: number;
  readonly #entries = new Map<string, Entry>();
  /** `next` is the least recently used entry, `prev` the most recently used. */
  readonly #ring = new Entry('', '', 0, 0);
  /** Entries without gaps, and their expiries in a separate array, which is fast to scan. */
  readonly #slots: Entry[] = [];
  readonly #ends: number[] = [];
  readonly #indexes: Indexes;
  readonly #channels = new EventEmitter().setMaxListeners(0);
  #timer: NodeJS.Timeout | undefined;
  #revision = 0;
  #warned = false;

  /** @throws TypeError if `max` is not a positive safe integer. */
  constructor(options?: MemoryStoreOptions | null) {
    if (isGiven(options)) checkOptions(options);
    const max: unknown = options?.max ?? DEFAULT_MAX;
    if (!Number.isSafeInteger(max) || Number(max) < 1) throw expected('max', 'a positive integer', max);
    this.#max = Number(max);
    // A session that gets a new id has two entries for a while.
    this.#indexes = new Indexes(2 * this.#max, (key) => this.#entries.has(key));
  }

  /** The kind of the store, for traces and metrics. */
  get kind(): 'memory' {
    return 'memory';
  }

  /** The number of records; an expired one counts until it is freed. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Returns a copy of the session under `key`; `undefined` if it is missing, expired or regenerated.
   *
   * @throws SyntaxError if `create` or `swap` stored a text that is not JSON.
   */
  get(key: string): Session | undefined {
    const entry = this.#find(key);
    return entry ? ((JSON.parse(entry.record) as Session | null) ?? undefined) : undefined;
  }

  /**
   * Stores a copy of `session` for `ttl` milliseconds. Default: one day.
   *
   * @throws TypeError if JSON cannot hold `session`.
   */
  set(key: string, session: Session, ttl?: number | null): void {
    const end = this.#after(ttl ?? ONE_DAY);
    const record: string | undefined = JSON.stringify(session);
    if (record === undefined) throw expected('session', 'an object', session);
    const entry = this.#find(key);
    if (entry) this.#write(entry, record, end);
    else this.#add(key, record, end);
  }

  /** Removes the session under `key`. */
  destroy(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) this.#remove(entry);
  }

  /**
   * Returns the JSON text under `key` and its revision; with `{ ttl: true }`, also its remaining lifetime in
   * milliseconds.
   */
  load(key: string, options?: { ttl?: boolean }): StoredRecord<number> | undefined {
    const entry = this.#find(key);
    if (!entry) return undefined;
    const { record, revision } = entry;
    // At least 1: a millisecond may have passed since the entry was found, and no record has 0 ms left.
    return options?.ttl ? { record, revision, ttl: Math.max(1, this.#msLeft(entry.slot)) } : { record, revision };
  }

  /**
   * Stores a JSON text for `ttl` milliseconds if nothing is stored under `key`, and returns its revision. Returns
   * `false` if another text is stored. The same text already stored counts as success.
   */
  create(key: string, record: string, ttl: number): number | false {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    if (!entry) return this.#add(key, record, end);
    if (entry.record !== record) return false;
    this.#ends[entry.slot] = end;
    return entry.revision;
  }

  /**
   * Replaces the text whose revision is `expected`, for `ttl` milliseconds. The same text already stored counts as
   * success.
   */
  swap(key: string, record: string, ttl: number, expected: number): SwapResult<number> {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    if (!entry) return { ok: false, gone: true };
    if (entry.record === record) this.#ends[entry.slot] = end;
    else if (entry.revision === expected) this.#write(entry, record, end);
    else return { ok: false, record: entry.record, revision: entry.revision };
    return { ok: true, revision: entry.revision };
  }

  /** Sets the remaining lifetime of the session to `ttl` milliseconds; returns `false` if there is none. */
  touch(key: string, ttl: number): boolean {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    // A late request must not extend the marker of a regenerated session.
    if (!entry || isRegeneratedMarker(entry.record)) return false;
    this.#ends[entry.slot] = end;
    return true;
  }

  /** Removes the text under `key` and returns it. The marker of a regenerated session stays and is returned. */
  remove(key: string): string | undefined {
    const entry = this.#find(key);
    if (entry && !isRegeneratedMarker(entry.record)) this.#remove(entry);
    return entry?.record;
  }

  /**
   * Replaces the text under `key` with `marker` for `ttl` milliseconds and returns the replaced text. Another marker
   * stays and is returned.
   */
  take(key: string, marker: string, ttl: number): string | undefined {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    if (!entry) return undefined;
    const { record } = entry;
    if (record === marker) this.#ends[entry.slot] = end;
    else if (!isRegeneratedMarker(record)) this.#write(entry, marker, end);
    return record;
  }

  /**
   * Appends `length` spaces to the text under `key` and keeps its expiry. Does not change the marker of a regenerated
   * session.
   */
  mark(key: string, length: number): StoredRecord<number> | undefined {
    const entry = this.#find(key);
    if (!entry || isRegeneratedMarker(entry.record)) return undefined;
    this.#write(entry, entry.record + ' '.repeat(length), this.#ends[entry.slot] as number);
    return { record: entry.record, revision: entry.revision };
  }

  /** @internal Replaces the text whose revision is `expected` and keeps its expiry; returns whether it did. */
  rewrite(key: string, record: string, expected: number): boolean {
    const entry = this.#find(key);
    if (entry?.revision !== expected) return false;
    this.#write(entry, record, this.#ends[entry.slot] as number);
    return true;
  }

  /** @internal Whether calls are carried out in the order in which they were made. */
  get ordersCalls(): boolean {
    return true;
  }

  /**
   * Notes that the record `key` belongs to `index` for at least `ttl` milliseconds. Returns `false` if `endedNow` was
   * called at most `elapsed` milliseconds ago. Beyond twice `max` members, drops one that ends soon.
   */
  enroll(index: string, key: string, ttl: number, elapsed: number, from?: string): number | false {
    this.#after(ttl);
    return this.#indexes.enroll(index, key, ttl, elapsed, from);
  }

  /** Returns up to `limit` members of `index`, ordered by end and then by key, from the first one after `after`. */
  members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): IndexMember[] {
    return this.#indexes.members(index, limit, after);
  }

  /** Removes members of `index`: one with `end` only if it ends then. */
  dismiss(index: string, entries: readonly { key: string; end?: number | undefined }[]): void {
    this.#indexes.dismiss(index, entries);
  }

  /** Notes, for `keepFor` milliseconds, that all sessions of requests that began before now have ended. */
  endedNow(index: string, keepFor: number): void {
    this.#indexes.endedNow(index, keepFor);
  }

  /**
   * Returns some of the keys that start with `prefix`, perhaps none, and a `cursor` for the rest, if there are more.
   *
   * @throws TypeError if this method has not returned the cursor.
   */
  keys(prefix: string, cursor?: string): KeysFound {
    if (cursor !== undefined && !/^\d+$/.test(cursor)) throw expected('cursor', 'one that `keys` has returned', cursor);
    // Backwards: an entry only ever moves to an earlier slot, so that none moves past the walk.
    const end = Math.min(this.#slots.length, Number(cursor ?? this.#slots.length));
    const start = Math.max(0, end - KEYS_AT_ONCE);
    const found = this.#slots.slice(start, end).filter(({ slot }) => this.#msLeft(slot) > 0);
    const keys = recordKeys(
      found.map(({ key }) => key),
      prefix,
    );
    return { keys, cursor: start > 0 ? String(start) : undefined };
  }

  /** Returns how the records begin; `null` if there is none. */
  peek(keys: readonly string[]): (string | null)[] {
    return keys.map((key) => this.#find(key)?.record ?? null);
  }

  /** Sends a message to those who listen to the channel in this process. */
  publish(channel: string, message: string): void {
    this.#channels.emit(channel, message);
  }

  /** Listens to a channel until it calls what this returns. `began` is called in the next turn. */
  subscribe(channel: string, listener: (message: string) => void, began: () => void): () => void {
    this.#channels.on(channel, listener);
    setImmediate(began);
    return () => {
      this.#channels.off(channel, listener);
    };
  }

  /** Drops all sessions and stops the timers. */
  close(): void {
    this.#indexes.close();
    this.#stopSweep();
    this.#entries.clear();
    this.#slots.length = this.#ends.length = 0;
    this.#ring.prev = this.#ring.next = this.#ring;
  }

  #msLeft(slot: number): number {
    return (this.#ends[slot] as number) - steadyNow();
  }

  #after(ttl: unknown): number {
    if (Number.isFinite(ttl) && Number(ttl) > 0) return steadyNow() + Number(ttl);
    throw expected('ttl', 'a positive number of milliseconds', ttl);
  }

  #find(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (this.#msLeft(entry.slot) <= 0) {
      this.#remove(entry);
      return undefined;
    }
    this.#unlink(entry);
    this.#link(entry);
    return entry;
  }

  #add(key: string, record: string, end: number): number {
    if (this.#entries.size >= this.#max) this.#makeRoom();
    const entry = new Entry(compact(key), compact(record), ++this.#revision, this.#slots.length);
    this.#entries.set(entry.key, entry);
    this.#slots.push(entry);
    this.#ends.push(end);
    this.#link(entry);
    if (!this.#timer) this.#planSweep(SWEEP_DELAY);
    return entry.revision;
  }

  #write(entry: Entry, record: string, end: number): void {
    entry.record = compact(record);
    this.#ends[entry.slot] = end;
    entry.revision = ++this.#revision;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
    this.#vacate(entry.slot);
    if (this.#entries.size === 0) this.#stopSweep();
  }

  #link(entry: Entry): void {
    entry.prev = this.#ring.prev;
    entry.next = this.#ring;
    entry.prev.next = entry;
    this.#ring.prev = entry;
  }

  #unlink(entry: Entry): void {
    entry.prev.next = entry.next;
    entry.next.prev = entry.prev;
  }

  /** Moves the last entry to the free slot. */
  #vacate(slot: number): void {
    const last = this.#slots.pop() as Entry;
    const end = this.#ends.pop() as number;
    if (last.slot === slot) return;
    last.slot = slot;
    this.#slots[slot] = last;
    this.#ends[slot] = end;
  }

  #makeRoom(): void {
    const oldest = this.#ring.next;
    if (!this.#warned && this.#msLeft(oldest.slot) > 0) {
      this.#warned = true;
      process.emitWarning(
        `MemoryStore is full: users lose their sessions, the least recently used first. Raise \`max\` (${this.#max}), ` +
          'shorten their ttl, or keep them outside the process, for example in Redis.',
        { code: 'KOA_EVENTED_SESSION_MEMORY_FULL' },
      );
    }
    this.#remove(oldest);
  }

  #planSweep(delay: number): void {
    this.#timer = unref(setTimeout(() => this.#sweep(), delay));
  }

  #stopSweep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const now = steadyNow();
    let batch = SWEEP_BATCH;
    // Backwards, since the last entry moves to the freed slot.
    for (let slot = this.#slots.length - 1; slot >= 0 && batch > 0; slot--) {
      if ((this.#ends[slot] as number) > now) continue;
      this.#remove(this.#slots[slot] as Entry);
      batch--;
    }
    if (this.#entries.size > 0) this.#planSweep(batch > 0 ? SWEEP_DELAY : SWEEP_PAUSE);
  }
}

/** @throws TypeError if an option is invalid. */
function checkOptions(options: object): void {
  if (typeof options !== 'object') throw expected('options', 'an object such as `{ max: 10_000 }`', options);
  warnOfUnknown(Object.keys(options), { known: ['max'], whose: "the MemoryStore's option " });
}
