import { steadyNow } from '../../base/steady-clock';
import { unref } from '../../base/timer';
import type { IndexMember } from '../../base/types';
import { compact } from './compact';

/** Time between two sweeps, and number of entries that one frees, with the pause before the rest; in milliseconds. */
const SWEEP_DELAY = 1000;
const SWEEP_BATCH = 4000;
const SWEEP_PAUSE = 5;

/** Number of entries among which the first to end is dropped if there are too many. */
const SAMPLE = 16;

/** A member of an index, or its mark, whose key is `undefined`. Replaced rather than changed. */
interface Entry {
  readonly index: Index;
  readonly key: string | undefined;
  readonly end: number;
  /** When it was first enrolled, or marked, by the monotonic clock, on which the caller's `elapsed` is measured too. */
  readonly since: number;
  slot: number;
}

class Index {
  readonly entries = new Map<string | undefined, Entry>();
  /** The members, ordered; `undefined` once one was added. It may hold some that were removed since. */
  sorted: Entry[] | undefined;

  constructor(readonly name: string) {}
}

/** Keeps the records of each user in the memory of this process. Frees expired entries. */
export class Indexes {
  readonly #max: number;
  readonly #isStored: (key: string) => boolean;
  readonly #indexes = new Map<string, Index>();
  readonly #slots: Entry[] = [];
  /** From the steady clock to milliseconds since 1970. */
  readonly #epoch = Date.now() - steadyNow();
  #cursor = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param isStored whether there is a record under a key: without its entry, "all sessions end" would miss it */
  constructor(max: number, isStored: (key: string) => boolean) {
    this.#max = max;
    this.#isStored = isStored;
  }

  enroll(name: string, key: string, ttl: number, elapsed: number, from?: string): number | false {
    const now = steadyNow();
    const index = this.#indexes.get(name);
    const member = live(index?.entries.get(key), now);
    const mark = index?.entries.get(undefined);
    if (mark && performance.now() - mark.since <= elapsed) return false;
    const before = member ?? (from === undefined ? undefined : live(index?.entries.get(from), now));
    if (!member || member.end < now + ttl) this.#put(name, key, now + ttl, before?.since ?? performance.now());
    return mark ? performance.now() - mark.since : Number.POSITIVE_INFINITY;
  }

  members(name: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): IndexMember[] {
    const index = this.#indexes.get(name);
    if (!index) return [];
    index.sorted ??= [...index.entries.values()].filter(({ key }) => key !== undefined).sort(order);
    const last = after && { key: after.key, end: after.end - this.#epoch };
    const [now, ticks] = [steadyNow(), performance.now()];
    const found: IndexMember[] = [];
    for (let n = last ? firstAfter(index.sorted, last) : 0; n < index.sorted.length && found.length < limit; n += 1) {
      const entry = index.sorted[n] as Entry & { key: string };
      if (entry.end <= now || index.entries.get(entry.key) !== entry) continue;
      found.push({ key: entry.key, end: entry.end + this.#epoch, enrolledAgo: ticks - entry.since });
    }
    return found;
  }

  dismiss(name: string, entries: readonly { key: string; end?: number | undefined }[]): void {
    for (const { key, end } of entries) {
      const entry = this.#indexes.get(name)?.entries.get(key);
      if (entry && (end === undefined || entry.end + this.#epoch === end)) this.#remove(entry);
    }
  }

  endedNow(name: string, keepFor: number): void {
    const kept = this.#indexes.get(name)?.entries.get(undefined)?.end ?? 0;
    this.#put(name, undefined, Math.max(kept, steadyNow() + keepFor), performance.now());
  }

  close(): void {
    this.#stopSweep();
    this.#indexes.clear();
    this.#slots.length = 0;
  }

  /** Adds an entry, or replaces the one under the same key. */
  #put(name: string, key: string | undefined, end: number, since: number): void {
    const old = this.#indexes.get(name)?.entries.get(key);
    if (!old && this.#slots.length >= this.#max) this.#makeRoom();
    const index = this.#indexes.get(name) ?? new Index(compact(name));
    this.#indexes.set(index.name, index);
    const slot = old?.slot ?? this.#slots.length;
    const entry = { index, key: old ? old.key : key && compact(key), end, since, slot };
    index.entries.set(entry.key, entry);
    this.#slots[slot] = entry;
    if (key !== undefined) index.sorted = undefined;
    if (!this.#timer) this.#planSweep(SWEEP_DELAY);
  }

  #remove({ index, key, slot }: Entry): void {
    index.entries.delete(key);
    if (index.entries.size === 0) this.#indexes.delete(index.name);
    const last = this.#slots.pop() as Entry;
    if (last.slot !== slot) {
      last.slot = slot;
      this.#slots[slot] = last;
    }
    if (this.#slots.length === 0) this.#stopSweep();
  }

  /** Drops the entry that is missed least. There is one without a record, unless records have several entries each. */
  #makeRoom(): void {
    for (let looked = 0; ; looked += SAMPLE) {
      const sample = Array.from(
        { length: SAMPLE },
        (_, n) => this.#slots[(this.#cursor + n) % this.#slots.length] as Entry,
      );
      this.#cursor = (this.#cursor + SAMPLE) % this.#slots.length;
      const spare = sample.filter(({ key }) => key === undefined || !this.#isStored(key));
      if (spare.length === 0 && looked < this.#slots.length) continue;
      const from = spare.length > 0 ? spare : sample;
      this.#remove(from.reduce((first, entry) => (entry.end < first.end ? entry : first)));
      return;
    }
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
      const entry = this.#slots[slot] as Entry;
      if (entry.end > now) continue;
      this.#remove(entry);
      batch--;
    }
    if (this.#slots.length > 0) this.#planSweep(batch > 0 ? SWEEP_DELAY : SWEEP_PAUSE);
  }
}

function live(entry: Entry | undefined, now: number): Entry | undefined {
  return entry && entry.end > now ? entry : undefined;
}

type Place = Pick<Entry, 'key' | 'end'>;

function order(a: Place, b: Place): number {
  return a.end - b.end || ((a.key as string) < (b.key as string) ? -1 : Number(a.key !== b.key));
}

function firstAfter(sorted: readonly Entry[], place: Place): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(sorted[middle] as Entry, place) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
