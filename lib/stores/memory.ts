import { expected, isGiven } from '../base/expect';
import { steadyNow } from '../base/steady-clock';
import { unref } from '../base/timer';
import { ONE_DAY } from '../base/ttl';
import type { CompareAndSetStore, EndingStore, Session, SessionStore, StoredRecord, SwapResult } from '../base/types';
import { warnOfUnknown } from '../base/unknown-options';
import { isRegeneratedMarker } from '../record/record';

const DEFAULT_MAX = 1_000_000;

/** Milliseconds between two sweeps. */
const SWEEP_DELAY = 1000;
/** Sessions freed in one go, about two milliseconds' work; the rest follows after a pause, in milliseconds. */
const SWEEP_BATCH = 4000;
const SWEEP_PAUSE = 5;

/** Options of a {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** How many sessions are held; past it the least recently used go first. Default: 1 000 000. */
  max?: number | null | undefined;
}

/**
 * In a ring by last use: a plain Map in recency order leaves a hole for every read, which costs 250 µs for each session that
 * makes room and a stop of 250 ms for each million reads; lru-cache frees what nobody reads only by a timer for each session.
 */
class Entry {
  prev: Entry = this;
  next: Entry = this;

  constructor(
    readonly key: string,
    public record: string,
    public revision: number,
    /** Where its end is found among all ends. */
    public slot: number,
  ) {}
}

/**
 * Sessions in the memory of this process, as JSON text: what goes in and what comes out are copies. They end with the
 * process, and no other process sees them. Expired sessions are freed within 10 seconds, whether or not anybody asks.
 * A `ttl` that is no positive number is a TypeError everywhere.
 */
export class MemoryStore implements SessionStore, CompareAndSetStore<number>, EndingStore<number> {
  readonly #max: number;
  readonly #entries = new Map<string, Entry>();
  /** Its `next` is the least recently used entry, its `prev` the most recently used. */
  readonly #ring = new Entry('', '', 0, 0);
  /** Entries without gaps and, apart from them, when they end: a million numbers in a row are looked through in a millisecond. */
  readonly #slots: Entry[] = [];
  readonly #ends: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #revision = 0;
  #warned = false;

  /** @throws TypeError where `max` is no positive safe integer. */
  constructor(options?: MemoryStoreOptions | null) {
    if (isGiven(options)) checkOptions(options);
    const max: unknown = options?.max ?? DEFAULT_MAX;
    if (!Number.isSafeInteger(max) || Number(max) < 1) throw expected('max', 'a positive integer', max);
    this.#max = Number(max);
  }

  /** How many records are held; an expired one counts until it is freed. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * A copy of the session under `key`; `undefined` where it is missing, has expired or was regenerated.
   *
   * @throws SyntaxError where `create` or `swap` stored what is no JSON.
   */
  get(key: string): Session | undefined {
    const entry = this.#find(key);
    return entry ? ((JSON.parse(entry.record) as Session | null) ?? undefined) : undefined;
  }

  /**
   * Stores a copy of `session` for `ttl` milliseconds. Default: one day.
   *
   * @throws TypeError where `session` is nothing that JSON can hold.
   */
  set(key: string, session: Session, ttl?: number | null): void {
    const end = this.#after(ttl ?? ONE_DAY);
    const record: string | undefined = JSON.stringify(session);
    if (record === undefined) throw expected('session', 'an object', session);
    const entry = this.#find(key);
    if (entry) this.#write(entry, record, end);
    else this.#add(key, record, end);
  }

  /** Removes what is stored under `key`. */
  destroy(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) this.#remove(entry);
  }

  /** The JSON text under `key` and its revision, with `{ ttl: true }` also the milliseconds it has left. */
  load(key: string, options?: { ttl?: boolean }): StoredRecord<number> | undefined {
    const entry = this.#find(key);
    if (!entry) return undefined;
    const { record, revision } = entry;
    // A millisecond may have passed since it was found alive, and no record lives 0 ms.
    return options?.ttl ? { record, revision, ttl: Math.max(1, this.#msLeft(entry.slot)) } : { record, revision };
  }

  /**
   * Stores a JSON text for `ttl` milliseconds where nothing is stored: its revision; `false` where another text is.
   * Finding the same text counts as done.
   */
  create(key: string, record: string, ttl: number): number | false {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    if (!entry) return this.#add(key, record, end);
    if (entry.record !== record) return false;
    this.#ends[entry.slot] = end;
    return entry.revision;
  }

  /** Replaces the text whose revision is `expected`, for `ttl` milliseconds. Finding the same text counts as done. */
  swap(key: string, record: string, ttl: number, expected: number): SwapResult<number> {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    if (!entry) return { ok: false, gone: true };
    if (entry.record === record) this.#ends[entry.slot] = end;
    else if (entry.revision === expected) this.#write(entry, record, end);
    else return { ok: false, record: entry.record, revision: entry.revision };
    return { ok: true, revision: entry.revision };
  }

  /** Lets the session live `ttl` milliseconds from now; `false` where there is none. */
  touch(key: string, ttl: number): boolean {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    // A late request must not take a regenerated session for a living one.
    if (!entry || isRegeneratedMarker(entry.record)) return false;
    this.#ends[entry.slot] = end;
    return true;
  }

  /** Removes the text under `key`: what it was. The marker of a regenerated session stays, and is the answer. */
  remove(key: string): string | undefined {
    const entry = this.#find(key);
    if (entry && !isRegeneratedMarker(entry.record)) this.#remove(entry);
    return entry?.record;
  }

  /** Puts `marker` in the place of the text under `key`, for `ttl` milliseconds: what it was. Another marker stays, and is the answer. */
  take(key: string, marker: string, ttl: number): string | undefined {
    const end = this.#after(ttl);
    const entry = this.#find(key);
    if (!entry) return undefined;
    const { record } = entry;
    if (record === marker) this.#ends[entry.slot] = end;
    else if (!isRegeneratedMarker(record)) this.#write(entry, marker, end);
    return record;
  }

  /** Appends `length` spaces to the text under `key`, until its present end. The marker of a regenerated session is left alone. */
  mark(key: string, length: number): StoredRecord<number> | undefined {
    const entry = this.#find(key);
    if (!entry || isRegeneratedMarker(entry.record)) return undefined;
    this.#write(entry, entry.record + ' '.repeat(length), this.#ends[entry.slot] as number);
    return { record: entry.record, revision: entry.revision };
  }

  /** Drops all sessions and the timer. */
  close(): void {
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

  /** The last entry takes the free slot. */
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
          'let sessions end sooner, or keep them outside of the process, in Redis for example.',
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
    // Downwards, since the last entry moves to where one was freed.
    for (let slot = this.#slots.length - 1; slot >= 0 && batch > 0; slot--) {
      if ((this.#ends[slot] as number) > now) continue;
      this.#remove(this.#slots[slot] as Entry);
      batch--;
    }
    if (this.#entries.size > 0) this.#planSweep(batch > 0 ? SWEEP_DELAY : SWEEP_PAUSE);
  }
}

/** A copy of its own: a slice would keep the text alive that it was cut from, a concatenation all its parts. */
function compact(text: string): string {
  const copy = Buffer.from(text).toString();
  // UTF-8 has no lone surrogates.
  return copy === text ? copy : text;
}

/** @throws TypeError */
function checkOptions(options: object): void {
  if (typeof options !== 'object') throw expected('options', 'an object such as `{ max: 10_000 }`', options);
  warnOfUnknown(Object.keys(options), { known: ['max'], whose: "the MemoryStore's option " });
}
