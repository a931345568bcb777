import type { Version } from './records';

/** What this process knows of one record, while requests that work on it overlap and for a while after it has ended. */
export interface Overlap {
  readonly key: string;
  /** Requests that work on the record. */
  users: number;
  /** The text that this process wrote last. */
  last: string | undefined;
  ended: 'destroyed' | 'regenerated' | undefined;
}

/** The records that requests of this process are working on: what makes up for a client that cannot compare. */
export class Overlaps {
  readonly #memory: number;
  readonly #overlaps = new Map<string, Overlap>();
  /** Records that have ended, oldest first, and until when that is remembered. */
  readonly #ended = new Map<Overlap, number>();

  /** @param memory milliseconds for which the end of a record is remembered, even where no request works on it */
  constructor(memory: number) {
    this.#memory = memory;
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

  end(key: string, how: NonNullable<Overlap['ended']>): void {
    const overlap = this.find(key) ?? this.#add(key);
    overlap.ended ??= how;
    this.#ended.delete(overlap);
    this.#ended.set(overlap, Date.now() + this.#memory);
  }

  #add(key: string): Overlap {
    const overlap: Overlap = { key, users: 0, last: undefined, ended: undefined };
    this.#overlaps.set(key, overlap);
    return overlap;
  }

  /** Requests that last longer than the memory keep it alive. */
  #forget(): void {
    const now = Date.now();
    for (const [overlap, until] of this.#ended) {
      if (until > now) return;
      this.#ended.delete(overlap);
      if (overlap.users > 0) this.#ended.set(overlap, now + this.#memory);
      else this.#remove(overlap);
    }
  }

  #remove(overlap: Overlap): void {
    if (this.#overlaps.get(overlap.key) === overlap) this.#overlaps.delete(overlap.key);
  }
}

/** The overlap that a version of a record was read or written in. */
export function overlapOf(version: Version): Overlap {
  return version.revision as Overlap;
}
