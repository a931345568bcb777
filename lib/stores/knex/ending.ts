import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { StoredRecord } from '../../base/types';
import { isRegeneratedMarker } from '../../record/record';
import { rowsOf, valuesOf } from './answers';
import { isTransient } from './failure';
import { dialectOf } from './options';
import type { SessionRow } from './table';

type Rows = Knex.QueryBuilder<SessionRow>;

/** Bindings for the column names in raw statements, since Knex may be configured to map names. */
const COLUMNS = { id: 'id', record: 'record', revision: 'revision', expires: 'expires' } as const;

/**
 * Removes a session and returns its text, or returns the marker in its place and keeps it. Waits for the row and never
 * has to restart.
 */
export async function removeSession(knex: Knex, table: string, id: string): Promise<string | undefined> {
  if (dialectOf(knex) === 'mysql' && !(await isMariadb(knex))) {
    return whileLocked(knex, table, id, async (rows, record) => {
      if (!isRegeneratedMarker(record)) await rows.delete();
      return record;
    });
  }
  return inTurn(knex, async (on) => {
    // Knex's `delete` returns no rows on SQLite and MariaDB.
    const answer: unknown = await on.raw(
      `delete from :table: where :id: = :sid and :expires: > :now and substr(:record:, 1, 4) <> 'null' returning :record:`,
      { ...COLUMNS, table, sid: id, now: Date.now() },
    );
    return textOf(rowsOf(answer)[0]) ?? storedMarker(on(table), id);
  });
}

/** Replaces a session with a marker and returns the session's text, or returns the marker that is already there. */
export async function takeSession(knex: Knex, table: string, row: SessionRow): Promise<string | undefined> {
  const { id, ...marker } = row;
  if (dialectOf(knex) !== 'postgresql') {
    return whileLocked(knex, table, id, async (rows, record) => {
      if (!isRegeneratedMarker(record) || record === marker.record) await rows.update(marker);
      return record;
    });
  }
  return inTurn(knex, async (on) => {
    const answer: unknown = await on.raw(
      `update :table: as marked set :record: = :text, :revision: = :version, :expires: = :end
        from (select :id:, :record: from :table: where :id: = :sid and :expires: > :now for update) as found
        where marked.:id: = found.:id: and (substr(found.:record:, 1, 4) <> 'null' or found.:record: = :text)
        returning found.:record:`,
      {
        ...COLUMNS,
        table,
        text: marker.record,
        version: marker.revision,
        end: marker.expires,
        sid: id,
        now: Date.now(),
      },
    );
    return textOf(rowsOf(answer)[0]) ?? storedMarker(on(table), id);
  });
}

/** Appends a text to a session, keeps its expiry, and returns the session as it is then. */
export async function appendToSession(
  knex: Knex,
  table: string,
  id: string,
  text: string,
): Promise<StoredRecord<string> | undefined> {
  const revision = randomUUID();
  if (dialectOf(knex) === 'mysql') {
    // No transaction: it would hold the row's lock during a round trip, and writers waiting for the lock would undo the
    // mark right after it.
    const marked = ['concat(??, ?)', ['record', text]] as const;
    const count = await unended(knex(table), id)
      // `concat` returns NULL if the result is too long; without strict mode, that would be stored as an empty text.
      .whereRaw(`${marked[0]} is not null`, marked[1])
      .update({ record: knex.raw(...marked), revision });
    const [found]: object[] = await unended(knex(table), id).select('record', 'revision');
    if (found === undefined) return undefined;
    if (count === 0) throw new Error('The record would exceed the max_allowed_packet of the database');
    const [record, version] = valuesOf(found);
    return { record: String(record), revision: String(version) };
  }
  return inTurn(knex, async (on) => {
    const [changed]: object[] = await unended(on(table), id).update(
      { record: on.raw('?? || ?', ['record', text]), revision },
      ['record'],
    );
    const record = textOf(changed);
    return record === undefined ? undefined : { record, revision };
  });
}

/**
 * Runs a statement that waits for the row. Under strict isolation, PostgreSQL aborts a statement that had to wait for
 * another, and that could happen every time. The second try uses weaker isolation, and waits once.
 */
async function inTurn<T>(knex: Knex, statement: (on: Knex) => Promise<T>): Promise<T> {
  try {
    return await statement(knex);
  } catch (error) {
    if (dialectOf(knex) !== 'postgresql' || !isTransient(error)) throw error;
    return knex.transaction(statement, { isolationLevel: 'read committed' });
  }
}

/** Which Knex instances with a MySQL dialect are connected to MariaDB. */
const mariadbs = new WeakMap<Knex, boolean>();

/** Whether `delete` can return the removed rows. */
async function isMariadb(knex: Knex): Promise<boolean> {
  let is = mariadbs.get(knex);
  if (is === undefined) {
    const [found]: object[] = await knex.select(knex.raw('version() as version'));
    is = /mariadb/i.test(String(valuesOf(found ?? {})[0]));
    mariadbs.set(knex, is);
  }
  return is;
}

/** Runs `change` in a transaction that has locked the row. */
function whileLocked<T>(
  knex: Knex,
  table: string,
  id: string,
  change: (row: Rows, record: string) => Promise<T>,
): Promise<T | undefined> {
  return knex.transaction(async (transaction) => {
    const row = alive(transaction<SessionRow>(table), id);
    // SQLite locks on the first write, and refuses a write after a read that is out of date.
    const isWrite = dialectOf(knex) === 'sqlite3';
    const [found]: object[] = await (isWrite
      ? row.update({ expires: knex.ref('expires') as never }, ['record'])
      : row.select('record').forUpdate());
    const record = textOf(found);
    return record === undefined ? undefined : change(transaction<SessionRow>(table).where({ id }), record);
  });
}

function alive(rows: Rows, id: string): Rows {
  return rows.where({ id }).where('expires', '>', Date.now());
}

/** Selects the row if it has not expired and holds no marker. */
function unended(rows: Rows, id: string): Rows {
  return alive(rows, id).whereRaw(`substr(??, 1, 4) <> 'null'`, ['record']);
}

/**
 * The marker in a row. A session stored since then is not returned: the one to end was already gone.
 */
async function storedMarker(rows: Rows, id: string): Promise<string | undefined> {
  const record = textOf(await alive(rows, id).first('record'));
  return record !== undefined && isRegeneratedMarker(record) ? record : undefined;
}

/** The record in a row with no other columns. */
function textOf(row: object | undefined): string | undefined {
  return row && String(valuesOf(row)[0]);
}
