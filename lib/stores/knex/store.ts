import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { expected } from '../../base/expect';
import { recordKeys } from '../../base/record-keys';
import type {
  BroadcastingStore,
  CompareAndSetStore,
  EndingStore,
  EnumerableStore,
  IndexingStore,
  IndexMember,
  KeysFound,
  PeekingStore,
  Session,
  SessionStore,
  StoredRecord,
  SwapResult,
} from '../../base/types';
import { parseRecord } from '../../record/record';
import { listening } from './listener';
import { type Dialect, dialectOf, type KnexStoreOptions, resolveKnexOptions } from './options';
import { SessionRows } from './rows';
import { Sweeper } from './sweeper';
import type { SessionRow } from './table';
import { UserRows } from './users';

/** Maximum length of a key, in bytes: that of the column. */
const LONGEST_KEY = 512;
/** Keys that one statement returns. */
const KEYS_AT_ONCE = 1000;
/** How often to retry if a record appears or disappears between two statements. */
const ATTEMPTS = 5;

/**
 * Keeps sessions in a table of MySQL, MariaDB, PostgreSQL or SQLite, with the `'compare-and-set'` guarantee. A revision
 * is never reused. Errors are the driver's, without the statement and its values.
 */
export class KnexStore
  implements
    SessionStore,
    CompareAndSetStore<string>,
    EndingStore<string>,
    IndexingStore,
    EnumerableStore,
    PeekingStore,
    Partial<BroadcastingStore>
{
  /** The kind of the store, for traces and metrics: `knex:` and the dialect. */
  readonly kind: `knex:${Dialect}`;
  /** @internal */
  readonly knex: Knex;
  /** @internal The name of the table. */
  readonly table: string;
  /** PostgreSQL only: sends a message to all processes that listen to the channel. */
  declare readonly publish?: BroadcastingStore['publish'];
  /**
   * PostgreSQL only: listens to a channel on a separate connection, until it calls what this returns. `began` is called
   * each time when it begins to hear.
   */
  declare readonly subscribe?: BroadcastingStore['subscribe'];
  readonly #rows: SessionRows;
  readonly #users: UserRows;
  readonly #sweeper: Sweeper;
  readonly #listening: ReturnType<typeof listening>;

  /** @throws TypeError if `knex` is not a Knex instance for one of these databases, or an option has the wrong type. */
  constructor(options: KnexStoreOptions) {
    const { knex, table, createTable, sweepInterval, sweepBatch } = resolveKnexOptions(options);
    this.kind = `knex:${dialectOf(knex)}`;
    this.knex = knex;
    this.table = table;
    this.#rows = new SessionRows(knex, table, createTable);
    this.#users = new UserRows(knex, table, createTable);
    this.#sweeper = new Sweeper(
      sweepInterval,
      (from) => this.#rows.removeExpired(from, sweepBatch),
      (from) => this.#users.removeExpired(from, sweepBatch),
    );
    this.#listening = listening(knex);
    if (this.#listening === undefined) return;
    const { publish, subscribe } = this.#listening;
    // Tables of one database may have the same prefix, and different sessions.
    const inTable = (channel: string) => `${table}:${channel}`;
    this.publish = (channel, message) => publish(inTable(channel), message);
    this.subscribe = (channel, listener, began) => subscribe(inTable(channel), listener, began);
  }

  /** Returns the session under `key`; `undefined` if it is missing, expired, regenerated or not a JSON object. */
  async get(key: string): Promise<Session | undefined> {
    const row = await this.#find(key);
    return row && (parseRecord(row.record) as Session | undefined);
  }

  /** Stores a session for `ttl` milliseconds. */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    await this.#rows.put(rowOf(key, JSON.stringify(session), ttl));
  }

  async destroy(key: string): Promise<void> {
    if (canBeStored(key)) await this.#rows.remove(key);
  }

  async load(key: string, options?: { ttl?: boolean }): Promise<StoredRecord<string> | null> {
    const row = await this.#find(key);
    if (!row) return null;
    const { record, revision } = row;
    // At least 1: a millisecond may have passed since the row was read, and no record has 0 ms left.
    return options?.ttl ? { record, revision, ttl: Math.max(1, row.expires - Date.now()) } : { record, revision };
  }

  async create(key: string, record: string, ttl: number): Promise<string | false> {
    const row = rowOf(key, record, ttl);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (await this.#rows.add(row)) return row.revision;
      const stored = await this.#rows.find(key);
      if (stored) return stored.record === record ? stored.revision : false;
      // The record in the way has gone since.
    }
    return false;
  }

  async swap(key: string, record: string, ttl: number, expectedRevision: string): Promise<SwapResult<string>> {
    const row = rowOf(key, record, ttl);
    if (await this.#rows.replace(row, expectedRevision)) return { ok: true, revision: row.revision };
    const stored = await this.#rows.find(key);
    if (!stored) return { ok: false, gone: true };
    if (stored.record !== record) return { ok: false, record: stored.record, revision: stored.revision };
    await this.#rows.renew(key, stored.revision, row.expires);
    return { ok: true, revision: stored.revision };
  }

  /** @internal Replaces the record whose revision is `expected` and keeps its expiry; resolves to whether it did. */
  rewrite(key: string, record: string, expectedRevision: string): Promise<boolean> {
    return this.#rows.replace({ id: key, record, revision: randomUUID() }, expectedRevision);
  }

  async touch(key: string, ttl: number): Promise<boolean> {
    const expires = after(ttl);
    return canBeStored(key) && this.#rows.extend(key, expires);
  }

  async remove(key: string): Promise<string | undefined> {
    return canBeStored(key) ? this.#rows.end(key) : undefined;
  }

  async take(key: string, marker: string, ttl: number): Promise<string | undefined> {
    const expires = after(ttl);
    return canBeStored(key) ? this.#rows.take({ id: key, record: marker, revision: randomUUID(), expires }) : undefined;
  }

  async mark(key: string, length: number): Promise<StoredRecord<string> | undefined> {
    return canBeStored(key) ? this.#rows.mark(key, length) : undefined;
  }

  /**
   * Notes that the record `key` belongs to `index` for at least `ttl` milliseconds. Returns `false` if `endedNow` was called
   * at most `elapsed` milliseconds ago.
   *
   * @throws TypeError if `index` or `key` is longer than 512 bytes or has a NUL character, or `ttl` is not positive.
   */
  async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string): Promise<number | false> {
    expectStorable('index', index);
    expectStorable('key', key);
    if (key === '') throw new TypeError('Expected the key of a record, got an empty string');
    after(ttl);
    return this.#users.enroll(index, key, ttl, elapsed, from !== undefined && canBeStored(from) ? from : undefined);
  }

  /** Returns up to `limit` members of `index`, ordered by end and then by key, from the first one after `after`. */
  async members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): Promise<IndexMember[]> {
    return canBeStored(index) ? this.#users.members(index, limit, after) : [];
  }

  /** Removes members of `index`: one with `end` only if it ends then. */
  async dismiss(index: string, entries: readonly { key: string; end?: number | undefined }[]): Promise<void> {
    const storable = entries.filter(({ key }) => key !== '' && canBeStored(key));
    if (canBeStored(index)) await this.#users.dismiss(index, storable);
  }

  /**
   * Notes, for at least `keepFor` milliseconds, that all sessions of requests that began before now have ended.
   *
   * @throws TypeError if `index` is longer than 512 bytes or has a NUL character.
   */
  async endedNow(index: string, keepFor: number): Promise<void> {
    expectStorable('index', index);
    await this.#users.endedNow(index, keepFor);
  }

  /**
   * Returns some of the keys that start with `prefix`, and a `cursor` for the rest, if there are more.
   *
   * @throws TypeError if this method has not returned the cursor.
   */
  async keys(prefix: string, cursor: string = prefix): Promise<KeysFound> {
    if (!cursor.startsWith(prefix)) throw expected('cursor', 'one that `keys` has returned', cursor);
    if (!canBeStored(cursor)) return { keys: [] };
    const ids = await this.#rows.idsFrom(cursor, KEYS_AT_ONCE);
    const [last = '', before = ''] = ids.slice(-2).reverse();
    // In the order of bytes, all keys with the prefix follow each other.
    const isEnd = ids.length < KEYS_AT_ONCE || !last.startsWith(prefix);
    return { keys: recordKeys(ids, prefix), cursor: isEnd ? undefined : shortestFrom(before, last) };
  }

  /** Returns how the records begin, in the order of the keys: four characters, or `null` if there is no record. */
  async peek(keys: readonly string[]): Promise<(string | null)[]> {
    const beginnings = await this.#rows.beginnings(keys.filter(canBeStored));
    return keys.map((key) => beginnings.get(key) ?? null);
  }

  /**
   * Removes the expired rows of both tables now, in batches, and resolves to their number. Use it with `sweepInterval: 0` to sweep at
   * times that you choose. Stops early if another process is sweeping.
   */
  sweep(): Promise<number> {
    return this.#sweeper.sweep();
  }

  /** Stops listening, and sweeping after the current batch. Destroy the Knex instance yourself, afterwards. */
  close(): Promise<void> {
    this.#listening?.close();
    return this.#sweeper.close();
  }

  #find(key: string) {
    return canBeStored(key) ? this.#rows.find(key) : undefined;
  }
}

/**
 * Creates a {@link KnexStore}.
 *
 * @throws TypeError if `knex` is not a Knex instance for one of these databases, or an option has the wrong type.
 */
export function knexStore(options: KnexStoreOptions): KnexStore {
  return new KnexStore(options);
}

/**
 * The shortest text that comes behind one key and not behind the next. It goes on at the next key without telling it,
 * since the cursor of a walk may be logged.
 */
function shortestFrom(before: string, next: string): string {
  const [passed, characters] = [[...before], [...next]];
  const differs = characters.findIndex((character, n) => character !== passed[n]);
  return characters.slice(0, differs + 1).join('');
}

/** A new version of a record, with a revision never used before. */
function rowOf(id: string, record: string, ttl: number): SessionRow {
  expectStorable('key', id);
  return { id, record, revision: randomUUID(), expires: after(ttl) };
}

/** @throws TypeError if the database would truncate or change the name of a row. */
function expectStorable(name: 'key' | 'index', text: string): void {
  if (canBeStored(text)) return;
  throw new TypeError(`Expected the ${name} to be a string of up to ${LONGEST_KEY} bytes without NUL characters`);
}

function after(ttl: unknown): number {
  if (!Number.isFinite(ttl) || Number(ttl) <= 0) throw expected('ttl', 'a positive number of milliseconds', ttl);
  return Math.min(Date.now() + Math.ceil(Number(ttl)), Number.MAX_SAFE_INTEGER);
}

/** Databases would truncate or change other keys, or treat them as equal; lone surrogates do not exist in UTF-8. */
function canBeStored(key: string): boolean {
  if (key.includes('\0')) return false;
  const bytes = Buffer.from(key);
  return bytes.length <= LONGEST_KEY && bytes.toString() === key;
}
