import { Lately } from '../base/lately';
import type { Marker } from '../record/marker';

/** What this process knows about one record while requests use it, and for a while after it has ended. */
export interface ActiveRecord {
  readonly key: string;
  /** Number of requests that use the record. */
  users: number;
  /** The text that this process wrote last, and its number of writes. */
  last: string | undefined;
  writes: number;
  ended: 'destroyed' | 'regenerated' | undefined;
  /** The content of the marker that replaced a regenerated record. */
  marker: Marker | undefined;
  /** Settles once it is known whether the record has ended: the client may fail to destroy it. */
  ending: Promise<unknown>;
}

/** A version of a record that this process has read or written. */
export interface SeenVersion {
  readonly active: ActiveRecord;
  /** Writes of this process with a higher number may be missing from the version. */
  readonly writes: number;
}

/** The records that requests of this process use. They make up for a client that cannot compare. */
export class ActiveRecords {
  readonly #activeRecords = new Map<string, ActiveRecord>();
  readonly #ended: Lately<ActiveRecord>;

  /** @param memory milliseconds for which the end of a record is remembered, even if no request uses it */
  constructor(memory: number) {
    this.#ended = new Lately(memory);
  }

  /** Another request uses the record. */
  enter(key: string): ActiveRecord {
    const active = this.find(key) ?? this.#add(key);
    active.users += 1;
    return active;
  }

  /** A record is created under the key, whatever ended there before. */
  renew(key: string): ActiveRecord {
    const active = this.#add(key);
    active.users = 1;
    return active;
  }

  /** A request has finished with the record. */
  leave(active: ActiveRecord): void {
    active.users -= 1;
    if (active.users === 0 && active.ended === undefined) this.#remove(active);
  }

  find(key: string): ActiveRecord | undefined {
    this.#forget();
    return this.#activeRecords.get(key);
  }

  /** Marks the record as ended, and withdraws that if `work` fails. */
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

  /** Whether requests still use it. One that continues after its response has missed later writes. */
  isCurrent(active: ActiveRecord): boolean {
    return this.#activeRecords.get(active.key) === active;
  }

  /**
   * Whether the record has ended, even after the asking request was over. `false` is returned synchronously, so nothing
   * can happen in between.
   */
  hasEnded(active: ActiveRecord): false | Promise<boolean> {
    const known = this.find(active.key) ?? active;
    const isEnded = () => active.ended !== undefined || known.ended !== undefined;
    return isEnded() && Promise.allSettled([active.ending, known.ending]).then(isEnded);
  }

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

  /** Requests that last longer than the memory keep the entry alive. */
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

/** The record to overwrite: the last one of this process, if it is newer than what the request has seen. */
export function latestOf({ active, writes }: SeenVersion, seen: string): string {
  return active.last !== undefined && active.writes > writes ? active.last : seen;
}
