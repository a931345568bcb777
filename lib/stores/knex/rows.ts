import type { Knex } from 'knex';
import type { StoredRecord } from '../../base/types';
import { affectedBy, valuesOf } from './answers';
import { appendToSession, removeSession, takeSession } from './ending';
import { isDuplicate } from './failure';
import { dialectOf } from './options';
import { PreparedTable } from './prepared-table';
import type { Batch } from './sweeper';
import { prepareTable, SESSIONS, type SessionRow } from './table';

type Rows = Knex.QueryBuilder<SessionRow>;

/** The columns that a new version of a record changes. */
const VERSION = ['record', 'revision', 'expires'] as const;
/** Rows that one statement looks at. An SQLite of 2019 takes 999 values. */
const LOOKED_AT = 500;

/**
 * The rows of the table. An expired row counts as missing, swept or not. Each operation is a single statement, or a
 * short transaction if the database cannot otherwise return what a statement replaced, so an aborted operation leaves
 * no trace.
 *
 * Every method fails with the driver's error, without the statement.
 */
export class SessionRows {
  readonly #knex: Knex;
  readonly #table: string;
  readonly #prepared: PreparedTable;

  constructor(knex: Knex, table: string, createTable: boolean) {
    this.#knex = knex;
    this.#table = table;
    this.#prepared = new PreparedTable(() => prepareTable(knex, table, createTable, SESSIONS));
  }

  async find(id: string): Promise<Omit<SessionRow, 'id'> | undefined> {
    const row: object | undefined = await this.#ask((rows) =>
      rows.select(VERSION).where({ id }).where('expires', '>', Date.now()).first(),
    );
    if (row === undefined) return undefined;
    const [record, revision, expires] = valuesOf(row);
    // PostgreSQL returns a bigint as text.
    return { record: String(record), revision: String(revision), expires: Number(expires) };
  }

  /** Up to `limit` ids from `first` on, in the order of their bytes. */
  async idsFrom(first: string, limit: number): Promise<string[]> {
    const found: object[] = await this.#ask((rows) =>
      rows.select('id').where('id', '>=', first).where('expires', '>', Date.now()).orderBy('id').limit(limit),
    );
    return found.map((row) => String(valuesOf(row)[0]));
  }

  /** The first four characters of the records that there are, by their ids. */
  async beginnings(ids: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (let start = 0; start < ids.length; start += LOOKED_AT) {
      const some = ids.slice(start, start + LOOKED_AT);
      const beginning = this.#knex.raw('substr(??, 1, 4) as ??', ['record', 'record']);
      const rows: object[] = await this.#ask((all) =>
        all.select('id', beginning).whereIn('id', some).where('expires', '>', Date.now()),
      );
      for (const [id, text] of rows.map(valuesOf)) found.set(String(id), String(text));
    }
    return found;
  }

  /** Stores a row, whether or not one exists. */
  async put(row: SessionRow): Promise<void> {
    await this.#ask((rows) =>
      rows
        .insert(row)
        .onConflict('id')
        .merge([...VERSION]),
    );
  }

  /** Stores a row if there is none; returns whether it did. */
  async add(row: SessionRow): Promise<boolean> {
    // No upsert: drivers differ in how they report whether it changed anything, and some report it wrongly.
    return (await this.#insert(row)) || this.#replaceExpired(row);
  }

  /** Replaces the row if it has the expected revision; returns whether it did. Without `expires`, it ends when it did. */
  async replace(
    { id, ...version }: Omit<SessionRow, 'expires'> & Partial<SessionRow>,
    expected: string,
  ): Promise<boolean> {
    const count = await this.#ask((rows) =>
      rows.where({ id, revision: expected }).where('expires', '>', Date.now()).update(version),
    );
    return count > 0;
  }

  /** Changes the expiry of a session; returns whether there is one. A marker does not count. */
  async extend(id: string, expires: number): Promise<boolean> {
    const count = await this.#ask((rows) =>
      rows
        .where({ id })
        .where('expires', '>', Date.now())
        .whereRaw(`substr(??, 1, 4) <> 'null'`, ['record'])
        .update({ expires }),
    );
    return count > 0;
  }

  /** Changes the expiry of this version, if it is still stored. */
  async renew(id: string, revision: string, expires: number): Promise<void> {
    await this.#ask((rows) => rows.where({ id, revision }).update({ expires }));
  }

  async remove(id: string): Promise<void> {
    await this.#ask((rows) => rows.where({ id }).delete());
  }

  /** Removes a session and returns its text. A marker stays and is returned. */
  end(id: string): Promise<string | undefined> {
    return this.#ask(() => removeSession(this.#knex, this.#table, id));
  }

  /** Replaces a session with a marker and returns the session's text. Another marker stays and is returned. */
  take(marker: SessionRow): Promise<string | undefined> {
    return this.#ask(() => takeSession(this.#knex, this.#table, marker));
  }

  /** Appends spaces to a session and returns the result. */
  mark(id: string, length: number): Promise<StoredRecord<string> | undefined> {
    return this.#ask(() => appendToSession(this.#knex, this.#table, id, ' '.repeat(length)));
  }

  /**
   * Removes up to `limit` rows that expired at `from` or later. Selects them first, without a lock: if two processes
   * select the same rows, one removes them and the other leaves the rest to it.
   */
  async removeExpired(from: number, limit: number): Promise<Batch> {
    const now = Date.now();
    const rows: object[] = await this.#ask((all) =>
      all.select('id', 'expires').whereBetween('expires', [from, now]).orderBy('expires').limit(limit),
    );
    const found = rows.map(valuesOf);
    if (found.length === 0) return { removed: 0, isLast: true, from };
    const ids = found.map(([id]) => id as string);
    const removed = await this.#ask((all) => this.#remove(all, ids, now));
    const isLast = found.length < limit || removed < found.length;
    return { removed, isLast, from: Number(found.at(-1)?.[1]) };
  }

  async #remove(rows: Rows, ids: readonly string[], now: number): Promise<number> {
    if (dialectOf(this.#knex) !== 'mysql') return rows.whereIn('id', ids).where('expires', '<=', now).delete();
    // By primary key only: if MySQL scans the table or the other index, it locks rows that have not expired.
    const sql = `delete ?? from ?? force index (primary) where ?? in (${ids.map(() => '?')}) and ?? <= ?`;
    return affectedBy(await this.#knex.raw(sql, [this.#table, this.#table, 'id', ...ids, 'expires', now]));
  }

  async #insert(row: SessionRow): Promise<boolean> {
    try {
      await this.#ask((rows) => rows.insert(row));
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async #replaceExpired({ id, ...version }: SessionRow): Promise<boolean> {
    const count = await this.#ask((rows) => rows.where({ id }).where('expires', '<=', Date.now()).update(version));
    return count > 0;
  }

  #ask<T>(statement: (rows: Rows) => PromiseLike<T>): Promise<T> {
    return this.#prepared.ask(() => statement(this.#knex<SessionRow>(this.#table)));
  }
}
