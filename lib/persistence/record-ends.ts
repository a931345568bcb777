import { hasMethod } from '../base/expect';
import type { CompareAndSetStore, EndingStore, SessionStore, StoredRecord } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { isRegeneratedMarker, regeneratedMarker } from '../record/record';
import { REMEMBERED_FOR, type Version } from './records';

/** How often a client without abilities of its own compares before it destroys a record unseen. */
const TRIES = 4;
/** Stands for a record that the client fails to tell: it ends unseen. */
const UNREADABLE: StoredRecord = { record: '', revision: undefined };

/**
 * How records go out of use, whatever others write. What was there is the answer: the record, or the marker of another request, which
 * stays; `undefined` where there was nothing.
 */
export interface RecordEnds {
  /** Whether {@link reserve} keeps others off. */
  readonly canReserve: boolean;
  /** Puts the marker in the record's place. */
  take(key: string, marker: string, from: Version | undefined, budget: Budget): Promise<string | undefined>;
  /** Leaves nothing there. */
  remove(key: string, from: Version | undefined, budget: Budget): Promise<string | undefined>;
  /**
   * The record as it is now. Where the client can, with a mark of `length` characters: other writers stand back for a while, and what was
   * sent earlier to replace the record fails from now on.
   */
  reserve(key: string, length: number, budget: Budget): Promise<StoredRecord | undefined>;
}

type Client = SessionStore & CompareAndSetStore & Partial<EndingStore>;

/** @param client may have the abilities of an {@link EndingStore} */
export function recordEnds(client: Client, caller: ClientCaller): RecordEnds {
  return hasMethod(client, 'remove') && hasMethod(client, 'take') && hasMethod(client, 'mark')
    ? new OneCall(client as Client & EndingStore, caller)
    : new Comparing(client, caller);
}

/** Of a client with the abilities: each is one call. */
class OneCall implements RecordEnds {
  readonly canReserve = true;
  readonly #client: EndingStore;
  readonly #caller: ClientCaller;

  constructor(client: EndingStore, caller: ClientCaller) {
    this.#client = client;
    this.#caller = caller;
  }

  async take(key: string, marker: string, _from: unknown, budget: Budget): Promise<string | undefined> {
    const ask = () => this.#client.take(key, marker, REMEMBERED_FOR);
    return (await this.#caller.call('destroy', budget, ask, key, marker)) ?? undefined;
  }

  async remove(key: string, _from: unknown, budget: Budget): Promise<string | undefined> {
    return (await this.#caller.call('destroy', budget, () => this.#client.remove(key), key)) ?? undefined;
  }

  async reserve(key: string, length: number, budget: Budget): Promise<StoredRecord | undefined> {
    return (await this.#caller.call('set', budget, () => this.#client.mark(key, length), key)) ?? undefined;
  }
}

/** Of a client without them: a few comparisons, then the record is destroyed unseen, so that nobody can keep a session from ending. */
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
      // Without a pause: the version that was just told would be stale after it.
      const { revision } = current;
      const swap = () => this.#client.swap(key, marker, REMEMBERED_FOR, revision);
      const result = await this.#caller.call('destroy', budget, swap, key, marker);
      if (result.ok) break;
      current = result.gone ? undefined : result;
    }
    return current?.record;
  }

  async remove(key: string, from: Version | undefined, budget: Budget): Promise<string | undefined> {
    // Claimed first, so that a request that comes too late does not take another's marker away.
    const found = await this.take(key, regeneratedMarker({ successor: '', keepsData: false }), from, budget);
    if (found !== undefined && !isRegeneratedMarker(found)) await this.#destroy(key, budget);
    return found;
  }

  async reserve(key: string, _length: number, budget: Budget): Promise<StoredRecord | undefined> {
    const stored = await this.#load(key, budget);
    return stored === undefined || isRegeneratedMarker(stored.record) ? undefined : stored;
  }

  async #load(key: string, budget: Budget): Promise<StoredRecord | undefined> {
    return (await this.#caller.call('get', budget, () => this.#client.load(key), key)) ?? undefined;
  }

  async #destroy(key: string, budget: Budget): Promise<void> {
    await this.#caller.call<unknown>('destroy', budget, () => this.#client.destroy(key), key);
  }
}
