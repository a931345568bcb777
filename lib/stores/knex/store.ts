import { randomUUID } from 'node:crypto';
import { expected } from '../../base/expect';
import type {
  CompareAndSetStore,
  EndingStore,
  Session,
  SessionStore,
  StoredRecord,
  SwapResult,
} from '../../base/types';
import { parseRecord } from '../../record/record';
import { type KnexStoreOptions, resolveKnexOptions } from './options';
import { SessionRows } from './rows';
import { Sweeper } from './sweeper';
import type { SessionRow } from './table';

/** Bytes that the column of keys takes. */
const LONGEST_KEY = 512;
/** How often a record may come and go between two statements. */
const ATTEMPTS = 5;

/**
 * Sessions in a table of MySQL, MariaDB, PostgreSQL or SQLite, with the `'compare-and-set'` guarantee. A revision is never given
 * twice. An error is the driver's own, without the statement and what is in it.
 */
export class KnexStore implements SessionStore, CompareAndSetStore<string>, EndingStore<string> {
  readonly #rows: SessionRows;
  readonly #sweeper: Sweeper;

  /** @throws TypeError for what is no instance of Knex on a database of these, and for ill-typed options. */
  constructor(options: KnexStoreOptions) {
    const { knex, table, createTable, sweepInterval, sweepBatch } = resolveKnexOptions(options);
    this.#rows = new SessionRows(knex, table, createTable);
    this.#sweeper = new Sweeper(sweepInterval, (from) => this.#rows.removeExpired(from, sweepBatch));
  }

  /** The session under `key`; `undefined` where it is missing, has expired, was regenerated or is no JSON object. */
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
    // A millisecond may have passed since it was found alive, and no record lives 0 ms.
    return options?.ttl ? { record, revision, ttl: Math.max(1, row.expires - Date.now()) } : { record, revision };
  }

  async create(key: string, record: string, ttl: number): Promise<string | false> {
    const row = rowOf(key, record, ttl);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (await this.#rows.add(row)) return row.revision;
      const stored = await this.#rows.find(key);
      if (stored) return stored.record === record ? stored.revision : false;
      // What was in the way has gone since.
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
   * Removes the expired rows now, in batches: how many. For programs that sweep at times of their own, with `sweepInterval: 0`.
   * It ends early where another process is sweeping.
   */
  sweep(): Promise<number> {
    return this.#sweeper.sweep();
  }

  /** Stops sweeping, after the batch that is under way. Knex stays yours to destroy, after this. */
  close(): Promise<void> {
    return this.#sweeper.close();
  }

  #find(key: string) {
    return canBeStored(key) ? this.#rows.find(key) : undefined;
  }
}

/**
 * Makes a {@link KnexStore}.
 *
 * @throws TypeError for what is no instance of Knex on a database of these, and for ill-typed options.
 */
export function knexStore(options: KnexStoreOptions): KnexStore {
  return new KnexStore(options);
}

/** A version of a record that there was never before. */
function rowOf(id: string, record: string, ttl: number): SessionRow {
  if (!canBeStored(id)) {
    throw new TypeError(`Expected the key to be a text of up to ${LONGEST_KEY} bytes without the character 0`);
  }
  return { id, record, revision: randomUUID(), expires: after(ttl) };
}

function after(ttl: unknown): number {
  if (!Number.isFinite(ttl) || Number(ttl) <= 0) throw expected('ttl', 'a positive number of milliseconds', ttl);
  return Math.min(Date.now() + Math.ceil(Number(ttl)), Number.MAX_SAFE_INTEGER);
}

/** Databases would cut or change other keys, or take them for the same; lone surrogates are not in UTF-8. */
function canBeStored(key: string): boolean {
  if (key.includes('\0')) return false;
  const bytes = Buffer.from(key);
  return bytes.length <= LONGEST_KEY && bytes.toString() === key;
}
