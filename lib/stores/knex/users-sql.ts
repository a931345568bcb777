import type { Knex } from 'knex';
import type { Dialect } from './options';
import { MICROSECONDS, MILLISECONDS } from './server-clock';

/** Bindings for the column names, since Knex may be configured to map names. */
export const COLUMNS = { owner: 'owner', id: 'id', expires: 'expires', enrolled: 'enrolled' } as const;

/**
 * The database's time, the index's mark, and the member `from`; a row for each of the two that exists, or one with the
 * time alone.
 */
export function findSql(dialect: Dialect): string {
  return `select ${MICROSECONDS[dialect]} as ticks, listed.:id:, listed.:expires:, listed.:enrolled:
    from (select 1 as one) as one
    left join :table: as listed on listed.:owner: = :index and listed.:id: in ('', :from)`;
}

/**
 * Adds a member, or moves its end later, unless the index has no mark's row or was marked at `earliest` or later. The
 * mark's row stays locked until the member is stored.
 */
export function addSql(dialect: Dialect): string {
  const [now, ticks] = [MILLISECONDS[dialect], MICROSECONDS[dialect]];
  const [into, lock, stored] = {
    mysql: ['insert into :table:', 'lock in share mode', ':table:'],
    postgresql: ['insert into :table: as stored', 'for share', 'stored'],
    // SQLite has one writer at a time.
    sqlite3: ['insert into :table: as stored', '', 'stored'],
  }[dialect];
  const added = (column: string) => (dialect === 'mysql' ? `values(${column})` : `excluded.${column}`);
  // MySQL evaluates these in order, and the first needs the end as it was.
  const changes = `:enrolled: = case when ${stored}.:expires: > ${now} then ${stored}.:enrolled: else ${added(':enrolled:')} end,
    :expires: = ${GREATEST[dialect]}(${stored}.:expires:, ${added(':expires:')})`;
  return `${into} (:owner:, :id:, :expires:, :enrolled:)
    select mark.:owner:, :key, ${now} + :ttl, coalesce(:since, ${ticks})
    from :table: as mark
    where mark.:owner: = :index and mark.:id: = '' and (mark.:enrolled: < :earliest or mark.:expires: <= ${now})
    ${lock}
    ${dialect === 'mysql' ? 'on duplicate key update' : 'on conflict (:owner:, :id:) do update set'} ${changes}
    ${dialect === 'mysql' ? '' : 'returning :id:'}`;
}

/** The later of a column and a time. */
export const GREATEST: Readonly<Record<Dialect, string>> = {
  mysql: 'greatest',
  postgresql: 'greatest',
  sqlite3: 'max',
};

/** A condition: the columns have one of the given lists of values, texts or numbers. */
export function among(
  dialect: Dialect,
  columns: readonly string[],
  lists: readonly (readonly Knex.Value[])[],
): [sql: string, bindings: Knex.Value[]] {
  // PostgreSQL takes parameters in `values` for texts.
  const value = (like: unknown) => (dialect === 'postgresql' && typeof like === 'number' ? 'cast(? as bigint)' : '?');
  const values = lists.map((list) => `(${list.map(value)})`);
  // Without `values`, PostgreSQL makes a long condition of them, for each row that it visits.
  const sql = `(${columns.map(() => '??')}) in (${dialect === 'mysql' ? '' : 'values '}${values})`;
  return [sql, [...columns, ...lists.flat()]];
}
