import type { CompareAndSetStore, EndingStore, SessionStore, StoredRecord } from '../base/types';
import type { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { endMarker, regeneratedMarker } from '../record/marker';
import { stampIn, unfinished } from '../record/unfinished';
import { type Claimed, claim } from './claim';
import { SHORTEST_MARK, unmarked } from './mark';
import { type RecordEnds, recordEnds } from './record-ends';
import { type Enroll, REMEMBERED_FOR, type TtlOfRecord } from './records';

/** How often a move copies what others have written before it leaves the session where it is. */
const TRIES = 4;

/** A session that moves to another key under the same id. */
export interface Move {
  sid: string;
  from: string;
  to: string;
  /** Whether the new key is a hash of the id. */
  isHashed: boolean;
  /** The version under the old key that the request has read, and the remaining lifetime of that record. */
  version: StoredRecord;
  ttl: number;
  /** What a move that was not finished has left under the new key. */
  left: StoredRecord | undefined;
  /** Called with a text before it is stored under the new key. `false`: the session stays. */
  enroll: Enroll | undefined;
}

type Client = SessionStore & CompareAndSetStore & EndingStore;

/**
 * Moves records between plain and hashed ids. Unlike the id of a regenerated session, requests know that of a moved one
 * all the time. So the copy under the new key counts only once the old key has the marker that it names; until then,
 * requests use the old key, and whatever goes wrong, the session stays there.
 *
 * A move that finds an unfinished copy marks the old record before it replaces the copy. The claim of the other move, if
 * it is only slow, then fails: nobody claims a record of which the copy is another's.
 */
export class RecordMoves {
  readonly #client: Client;
  readonly #caller: ClientCaller;
  readonly #ttlOf: TtlOfRecord;
  readonly #ends: RecordEnds;

  constructor(client: Client, caller: ClientCaller, ttlOf: TtlOfRecord) {
    this.#client = client;
    this.#caller = caller;
    this.#ttlOf = ttlOf;
    this.#ends = recordEnds(client, caller);
  }

  /** Resolves to the version under the new key; `undefined` if the session stays, or another request was first. */
  async move(move: Move, budget: Budget): Promise<StoredRecord | undefined> {
    const { from, left, version } = move;
    let current = left === undefined ? version : await this.#reserve(from, budget);
    let copy = left;
    for (let tries = 0; current !== undefined && tries < TRIES; tries += 1) {
      // Another one for each copy: a move that has read the last one must not replace this one.
      const marker = markerOf(move);
      copy = await this.#copy(move, unmarked(current.record), marker, copy, budget);
      if (copy === undefined) return undefined;
      const claimed = await this.#claim(from, marker, current, budget);
      if (claimed === 'taken') return this.#finish(move, unmarked(current.record), copy, budget);
      const next = await this.#afterwards(from, budget);
      if (next === marker) return this.#finish(move, unmarked(current.record), copy, budget);
      current = typeof next === 'string' ? undefined : next;
      if (current === undefined) await this.#withdraw(move.to, copy, budget);
    }
    return undefined;
  }

  /**
   * Lets a copy count by itself, now that the old key has its marker. Somebody may have rewritten the copy as it is, such
   * as `reseal()`, which seals it with another key.
   */
  async finish(key: string, copy: StoredRecord, ttl: number, budget: Budget): Promise<StoredRecord> {
    const { record } = copy;
    let { revision } = copy;
    for (let tries = 0; tries < TRIES; tries += 1) {
      const swap = () => this.#client.swap(key, record, ttl, revision);
      // If that fails, another request has done it, or the next one will.
      const result = await this.#caller.call('set', 'swap', budget, swap, key, record).catch(() => undefined);
      if (result?.ok) return { record, revision: result.revision };
      if (result === undefined || result.gone || stampIn(result.record) === undefined) break;
      revision = result.revision;
    }
    return { record, revision };
  }

  /** The session under the old key after a claim that has failed, or may have; the marker that another claim has left. */
  async #afterwards(from: string, budget: Budget): Promise<StoredRecord | string | undefined> {
    // The mark makes a late claim fail whose answer has not arrived.
    return (await this.#reserve(from, budget)) ?? (await this.#load(from, budget))?.record;
  }

  /** What was read last keeps the rest of its lifetime. What others have written since then has the lifetime of its session. */
  #ttl({ ttl, version }: Move, record: string): number {
    return Math.max(1, record === unmarked(version.record) ? ttl : this.#ttlOf(record));
  }

  /** Resolves to `undefined` if the session must not be listed, or another move has written the copy. */
  async #copy(
    move: Move,
    record: string,
    marker: string,
    copy: StoredRecord | undefined,
    budget: Budget,
  ): Promise<StoredRecord | undefined> {
    const { enroll, to } = move;
    if (enroll !== undefined && !(await enroll(record, to))) return undefined;
    const text = unfinished(record, marker);
    const ttl = this.#ttl(move, record);
    if (copy === undefined) {
      const create = () => this.#client.create(to, text, ttl);
      const revision = await this.#caller.call('set', 'create', budget, create, to, text);
      return revision === false ? undefined : { record: text, revision };
    }
    return this.#swap(to, text, ttl, copy, budget);
  }

  #finish(move: Move, record: string, { revision }: StoredRecord, budget: Budget): Promise<StoredRecord> {
    return this.finish(move.to, { record, revision }, this.#ttl(move, record), budget);
  }

  /** Removes the copy of a session that has ended, unless another move has replaced it. One that stays counts for nobody. */
  async #withdraw(to: string, copy: StoredRecord, budget: Budget): Promise<void> {
    const marker = endMarker();
    const swapped = await this.#swap(to, marker, REMEMBERED_FOR, copy, budget).catch(() => undefined);
    if (swapped === undefined) return;
    const destroy = () => this.#client.destroy(to);
    await this.#caller.call<unknown>('destroy', 'destroy', budget, destroy, to).catch(() => undefined);
  }

  async #swap(
    key: string,
    record: string,
    ttl: number,
    { revision }: StoredRecord,
    budget: Budget,
  ): Promise<StoredRecord | undefined> {
    const swap = () => this.#client.swap(key, record, ttl, revision);
    const result = await this.#caller.call('set', 'swap', budget, swap, key, record);
    return result.ok ? { record, revision: result.revision } : undefined;
  }

  #claim(key: string, marker: string, from: StoredRecord, budget: Budget): Promise<Claimed> {
    return claim(this.#client, this.#caller, { key, marker, from }, budget);
  }

  #reserve(key: string, budget: Budget): Promise<StoredRecord | undefined> {
    return this.#ends.reserve(key, SHORTEST_MARK, budget);
  }

  async #load(key: string, budget: Budget): Promise<StoredRecord | undefined> {
    return (await this.#caller.call('get', 'load', budget, () => this.#client.load(key), key)) ?? undefined;
  }
}

function markerOf({ isHashed, sid }: Move): string {
  const hashed = isHashed ? { before: undefined } : undefined;
  return regeneratedMarker({ successor: sid, keepsData: true, hashed, isMove: true });
}
