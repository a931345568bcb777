import { Lately } from '../base/lately';
import type { Marker } from '../record/record';

/** What this process knows of one record, while requests that work on it overlap and for a while after it has ended. */
export interface Overlap {
  readonly key: string;
  /** Requests that work on the record. */
  users: number;
  /** The text that this process wrote last, and how many writes that makes. */
  last: string | undefined;
  writes: number;
  ended: 'destroyed' | 'regenerated' | undefined;
  /** What a regenerated record's marker would tell. */
  marker: Marker | undefined;
  /** Settles once it is known whether that holds: the client may fail to destroy the record. */
  ending: Promise<unknown>;
}

/** A version of a record that this process has read or written. */
export interface Sighting {
  readonly overlap: Overlap;
  /** Writes of this process that it may have missed come after this many. */
  readonly writes: number;
}

/** The records that requests of this process are working on: what makes up for a client that cannot compare. */
export class Overlaps {
  readonly #overlaps = new Map<string, Overlap>();
  readonly #ended: Lately<Overlap>;

  /** @param memory milliseconds for which the end of a record is remembered, even where no request works on it */
  constructor(memory: number) {
    this.#ended = new Lately(memory);
  }

  /** One more request works on the record. */
  enter(key: string): Overlap {
    const overlap = this.find(key) ?? this.#add(key);
    overlap.users += 1;
    return overlap;
  }

  /** A record is made anew, whatever ended under its key before. */
  renew(key: string): Overlap {
    const overlap = this.#add(key);
    overlap.users = 1;
    return overlap;
  }

  /** A request is done with the record. */
  leave(overlap: Overlap): void {
    overlap.users -= 1;
    if (overlap.users === 0 && overlap.ended === undefined) this.#remove(overlap);
  }

  find(key: string): Overlap | undefined {
    this.#forget();
    return this.#overlaps.get(key);
  }

  /** The record ends with `work`, and does not where that fails. */
  async end(key: string, how: 'destroyed' | Marker, work: () => Promise<unknown>): Promise<void> {
    const overlap = this.find(key) ?? this.#add(key);
    const isFirst = overlap.ended === undefined;
    if (isFirst) {
      overlap.ended = how === 'destroyed' ? how : 'regenerated';
      overlap.marker = how === 'destroyed' ? undefined : how;
    }
    this.#ended.add(overlap);
    const ending = work();
    if (isFirst) overlap.ending = ending;
    try {
      await ending;
    } catch (error) {
      if (isFirst) this.#revive(overlap);
      throw error;
    }
  }

  /** Whether requests work on it still: one that goes on after its response has not seen what others wrote. */
  isCurrent(overlap: Overlap): boolean {
    return this.#overlaps.get(overlap.key) === overlap;
  }

  /** Whether the record has ended, were it after the request that asks was over. `false` comes at once: nobody gets in between. */
  hasEnded(overlap: Overlap): false | Promise<boolean> {
    const known = this.find(overlap.key) ?? overlap;
    const isEnded = () => overlap.ended !== undefined || known.ended !== undefined;
    return isEnded() && Promise.allSettled([overlap.ending, known.ending]).then(isEnded);
  }

  /** The process has written the record. */
  wrote(overlap: Overlap, record: string): Sighting {
    overlap.last = record;
    overlap.writes += 1;
    return { overlap, writes: overlap.writes };
  }

  #revive(overlap: Overlap): void {
    overlap.ended = overlap.marker = undefined;
    this.#ended.delete(overlap);
    if (overlap.users === 0) this.#remove(overlap);
  }

  #add(key: string): Overlap {
    const overlap: Overlap = {
      key,
      users: 0,
      last: undefined,
      writes: 0,
      ended: undefined,
      marker: undefined,
      ending: Promise.resolve(),
    };
    this.#overlaps.set(key, overlap);
    return overlap;
  }

  /** Requests that last longer than the memory keep it alive. */
  #forget(): void {
    for (let overlap = this.#ended.shift(); overlap !== undefined; overlap = this.#ended.shift()) {
      if (overlap.users > 0) this.#ended.add(overlap);
      else this.#remove(overlap);
    }
  }

  #remove(overlap: Overlap): void {
    if (this.#overlaps.get(overlap.key) === overlap) this.#overlaps.delete(overlap.key);
  }
}

/** The record to write over: this process's last, if it came after what the request has seen. */
export function latestOf({ overlap, writes }: Sighting, seen: string): string {
  return overlap.last !== undefined && overlap.writes > writes ? overlap.last : seen;
}
