import { hasMethod } from '../base/expect';
import type { CompareAndSetStore, EndingStore, SessionStore, StoredRecord } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { endMarker } from '../record/marker';
import { isRegeneratedMarker } from '../record/record';
import { lifetimeOf, type Version } from './records';

/** How often a client without {@link EndingStore} compares before it destroys a record unseen. */
const TRIES = 4;
/** Stands for a record that the client cannot read: it ends unseen. */
const UNREADABLE: StoredRecord = { record: '', revision: undefined };

/**
 * Retires records while others write them. Methods resolve to what was stored: the record, or the marker of another
 * request, which stays; `undefined` if there was nothing.
 */
export interface RecordEnds {
  /** Whether {@link reserve} makes other writers stand back. */
  readonly canReserve: boolean;
  /** Replaces the record with the marker. */
  take(key: string, marker: string, from: Version | undefined, budget: Budget): Promise<string | undefined>;
  /** Removes the record. */
  remove(key: string, from: Version | undefined, budget: Budget): Promise<string | undefined>;
  /**
   * Returns the current record. If the client can, it first appends a mark of `length` spaces: other writers stand back
   * for a while, and replacements sent earlier fail.
   */
  reserve(key: string, length: number, budget: Budget): Promise<StoredRecord | undefined>;
}

type Client = SessionStore & CompareAndSetStore & Partial<EndingStore>;

/** @param client may implement {@link EndingStore} */
export function recordEnds(client: Client, caller: ClientCaller): RecordEnds {
  return canEnd(client) ? new OneCall(client, caller) : new Comparing(client, caller);
}

/** Whether a client can end a record in one call, also while others write it. */
export function canEnd(client: object): client is EndingStore {
  return hasMethod(client, 'remove') && hasMethod(client, 'take') && hasMethod(client, 'mark');
}

/** For a client with {@link EndingStore}: one call each. */
class OneCall implements RecordEnds {
  readonly canReserve = true;
  readonly #client: EndingStore;
  readonly #caller: ClientCaller;

  constructor(client: EndingStore, caller: ClientCaller) {
    this.#client = client;
    this.#caller = caller;
  }

  async take(key: string, marker: string, _from: unknown, budget: Budget): Promise<string | undefined> {
    const ask = () => this.#client.take(key, marker, lifetimeOf(marker));
    return (await this.#caller.call('destroy', 'take', budget, ask, key, marker)) ?? undefined;
  }

  async remove(key: string, _from: unknown, budget: Budget): Promise<string | undefined> {
    return (await this.#caller.call('destroy', 'remove', budget, () => this.#client.remove(key), key)) ?? undefined;
  }

  async reserve(key: string, length: number, budget: Budget): Promise<StoredRecord | undefined> {
    return (await this.#caller.call('set', 'mark', budget, () => this.#client.mark(key, length), key)) ?? undefined;
  }
}

/**
 * For other clients: compares a few times, then destroys the record unseen, so that no writer can keep a session alive.
 */
class Comparing implements RecordEnds {
  readonly canReserve = false;
  readonly #client: SessionStore & CompareAndSetStore;
  readonly #caller: ClientCaller;

  constructor(client: SessionStore & CompareAndSetStore, caller: ClientCaller) {
    this.#client = client;
    this.#caller = caller;
  }

  async take(key: string, marker: string, from: Version | undefined, budget: Budget): Promise<string | undefined> {
    let current = (from as StoredRecord | undefined) ?? (await this.#load(key, budget).catch(() => UNREADABLE));
    for (let tries = 0; current !== undefined && !isRegeneratedMarker(current.record); tries += 1) {
      if (tries === TRIES || current === UNREADABLE) {
        await this.#destroy(key, budget);
        break;
      }
      // No pause: the version just read would be out of date after it.
      const { revision } = current;
      const swap = () => this.#client.swap(key, marker, lifetimeOf(marker), revision);
      const result = await this.#caller.call('destroy', 'swap', budget, swap, key, marker, tries + 1);
      if (result.ok) break;
      current = result.gone ? undefined : result;
    }
    return current?.record;
  }

  async remove(key: string, from: Version | undefined, budget: Budget): Promise<string | undefined> {
    // Claims the record first: a late request must not remove another request's marker.
    const found = await this.take(key, endMarker(), from, budget);
    if (found !== undefined && !isRegeneratedMarker(found)) await this.#destroy(key, budget);
    return found;
  }

  async reserve(key: string, _length: number, budget: Budget): Promise<StoredRecord | undefined> {
    const stored = await this.#load(key, budget);
    return stored === undefined || isRegeneratedMarker(stored.record) ? undefined : stored;
  }

  async #load(key: string, budget: Budget): Promise<StoredRecord | undefined> {
    return (await this.#caller.call('get', 'load', budget, () => this.#client.load(key), key)) ?? undefined;
  }

  async #destroy(key: string, budget: Budget): Promise<void> {
    await this.#caller.call<unknown>('destroy', 'destroy', budget, () => this.#client.destroy(key), key);
  }
}
