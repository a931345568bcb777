import { Lately } from '../base/lately';
import type { Marker } from '../record/record';

/** What this process knows of one record, while requests that work on it overlap and for a while after it has ended. */
export interface ActiveRecord {
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
export interface SeenVersion {
  readonly active: ActiveRecord;
  /** Writes of this process that it may have missed come after this many. */
  readonly writes: number;
}

/** The records that requests of this process are working on: what makes up for a client that cannot compare. */
export class ActiveRecords {
  readonly #activeRecords = new Map<string, ActiveRecord>();
  readonly #ended: Lately<ActiveRecord>;

  /** @param memory milliseconds for which the end of a record is remembered, even where no request works on it */
  constructor(memory: number) {
    this.#ended = new Lately(memory);
  }

  /** One more request works on the record. */
  enter(key: string): ActiveRecord {
    const active = this.find(key) ?? this.#add(key);
    active.users += 1;
    return active;
  }

  /** A record is made anew, whatever ended under its key before. */
  renew(key: string): ActiveRecord {
    const active = this.#add(key);
    active.users = 1;
    return active;
  }

  /** A request is done with the record. */
  leave(active: ActiveRecord): void {
    active.users -= 1;
    if (active.users === 0 && active.ended === undefined) this.#remove(active);
  }

  find(key: string): ActiveRecord | undefined {
    this.#forget();
    return this.#activeRecords.get(key);
  }

  /** The record ends with `work`, and does not where that fails. */
  async end(key: string, how: 'destroyed' | Marker, work: () => Promise<unknown>): Promise<void> {
    const active = this.find(key) ?? this.#add(key);
    const isFirst = active.ended === undefined;
    if (isFirst) {
      active.ended = how === 'destroyed' ? how : 'regenerated';
      active.marker = how === 'destroyed' ? undefined : how;
    }
    this.#ended.add(active);
    const ending = work();
    if (isFirst) active.ending = ending;
    try {
      await ending;
    } catch (error) {
      if (isFirst) this.#revive(active);
      throw error;
    }
  }

  /** Whether requests work on it still: one that goes on after its response has not seen what others wrote. */
  isCurrent(active: ActiveRecord): boolean {
    return this.#activeRecords.get(active.key) === active;
  }

  /** Whether the record has ended, were it after the request that asks was over. `false` comes at once: nobody gets in between. */
  hasEnded(active: ActiveRecord): false | Promise<boolean> {
    const known = this.find(active.key) ?? active;
    const isEnded = () => active.ended !== undefined || known.ended !== undefined;
    return isEnded() && Promise.allSettled([active.ending, known.ending]).then(isEnded);
  }

  /** The process has written the record. */
  wrote(active: ActiveRecord, record: string): SeenVersion {
    active.last = record;
    active.writes += 1;
    return { active, writes: active.writes };
  }

  #revive(active: ActiveRecord): void {
    active.ended = active.marker = undefined;
    this.#ended.delete(active);
    if (active.users === 0) this.#remove(active);
  }

  #add(key: string): ActiveRecord {
    const active: ActiveRecord = {
      key,
      users: 0,
      last: undefined,
      writes: 0,
      ended: undefined,
      marker: undefined,
      ending: Promise.resolve(),
    };
    this.#activeRecords.set(key, active);
    return active;
  }

  /** Requests that last longer than the memory keep it alive. */
  #forget(): void {
    for (let active = this.#ended.shift(); active !== undefined; active = this.#ended.shift()) {
      if (active.users > 0) this.#ended.add(active);
      else this.#remove(active);
    }
  }

  #remove(active: ActiveRecord): void {
    if (this.#activeRecords.get(active.key) === active) this.#activeRecords.delete(active.key);
  }
}

/** The record to write over: this process's last, if it came after what the request has seen. */
export function latestOf({ active, writes }: SeenVersion, seen: string): string {
  return active.last !== undefined && active.writes > writes ? active.last : seen;
}
