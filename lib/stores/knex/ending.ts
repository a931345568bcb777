import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { isRegeneratedMarker } from '../../record';
import type { StoredRecord } from '../../types';
import { dialectOf } from './options';
import type { SessionRow } from './table';

type Rows = Knex.QueryBuilder<SessionRow>;
type Text = Pick<SessionRow, 'record'>;

const IS_SESSION = `substr(record, 1, 4) <> 'null'`;

/** Removes a session: its text, or the marker that is there and stays. Waits its turn for the row, and never has to begin anew. */
export async function removeSession(knex: Knex, table: string, id: string): Promise<string | undefined> {
  if (dialectOf(knex) === 'mysql') {
    return whileLocked(knex, table, id, async (rows, record) => {
      if (!isRegeneratedMarker(record)) await rows.delete();
      return record;
    });
  }
  // Knex's `delete` gives no rows on SQLite.
  const sql = `delete from ?? where id = ? and expires > ? and ${IS_SESSION} returning record`;
  const answer = await knex.raw<Text[] | { rows: Text[] }>(sql, [table, id, Date.now()]);
  const [removed] = 'rows' in answer ? answer.rows : answer;
  return removed?.record ?? storedMarker(knex(table), id);
}

/** Puts a marker in the place of a session: the session's text, or the marker that is there. */
export async function takeSession(knex: Knex, table: string, row: SessionRow): Promise<string | undefined> {
  const { id, ...marker } = row;
  if (dialectOf(knex) !== 'postgresql') {
    return whileLocked(knex, table, id, async (rows, record) => {
      if (!isRegeneratedMarker(record) || record === marker.record) await rows.update(marker);
      return record;
    });
  }
  const { rows } = await knex.raw<{ rows: Text[] }>(
    `update ?? as marked set record = ?, revision = ?, expires = ?
      from (select id, record from ?? where id = ? and expires > ? for update) as found
      where marked.id = found.id and (substr(found.record, 1, 4) <> 'null' or found.record = ?)
      returning found.record`,
    [table, marker.record, marker.revision, marker.expires, table, id, Date.now(), marker.record],
  );
  return rows[0]?.record ?? storedMarker(knex(table), id);
}

/** Appends a text to a session's, and leaves its end alone: the session as it is then. */
export async function appendToSession(
  knex: Knex,
  table: string,
  id: string,
  text: string,
): Promise<StoredRecord<string> | undefined> {
  const revision = randomUUID();
  if (dialectOf(knex) === 'mysql') {
    return whileLocked(knex, table, id, async (rows, found) => {
      if (isRegeneratedMarker(found)) return undefined;
      // The database's `concat` gives NULL for what is too long, and would store an empty text without strict mode.
      const record = found + text;
      await rows.update({ record, revision });
      return { record, revision };
    });
  }
  const [changed] = await alive(knex(table), id)
    .whereRaw(IS_SESSION)
    .update({ record: knex.raw('record || ?', [text]), revision }, ['record']);
  return changed && { record: String(changed.record), revision };
}

/** In one transaction: finds the row, keeps others from changing it, and does what `change` does. */
function whileLocked<T>(
  knex: Knex,
  table: string,
  id: string,
  change: (row: Rows, record: string) => Promise<T>,
): Promise<T | undefined> {
  return knex.transaction(async (transaction) => {
    const row = alive(transaction<SessionRow>(table), id);
    // SQLite locks with the first write, and refuses a write that follows a read which is no longer true.
    const isWrite = dialectOf(knex) === 'sqlite3';
    const [found]: Text[] = await (isWrite
      ? row.update({ expires: knex.ref('expires') as never }, ['record'])
      : row.select('record').forUpdate());
    return found && change(transaction<SessionRow>(table).where({ id }), String(found.record));
  });
}

function alive(rows: Rows, id: string): Rows {
  return rows.where({ id }).where('expires', '>', Date.now());
}

/** Of a session that was stored since, nothing is told: when it was to end, there was none. */
async function storedMarker(rows: Rows, id: string): Promise<string | undefined> {
  const found = await alive(rows, id).first('record');
  const record = found && String(found.record);
  return record !== undefined && isRegeneratedMarker(record) ? record : undefined;
}
