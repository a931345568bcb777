import type { Dialect } from './options';

/** Microseconds since 1970 by the database's clock when a statement began. In MySQL's UTC, no hour comes twice. */
export const MICROSECONDS: Readonly<Record<Dialect, string>> = {
  mysql: `timestampdiff(microsecond, '1970-01-01', utc_timestamp(6))`,
  postgresql: 'cast(extract(epoch from statement_timestamp()) * 1000000 as bigint)',
  // SQLite counts in milliseconds.
  sqlite3: `(cast(round((julianday('now') - 2440587.5) * 86400000) as integer) * 1000)`,
};

/** The same in whole milliseconds, rounded down. */
export const MILLISECONDS: Readonly<Record<Dialect, string>> = {
  mysql: `(${MICROSECONDS.mysql} div 1000)`,
  postgresql: `(${MICROSECONDS.postgresql} / 1000)`,
  sqlite3: `(${MICROSECONDS.sqlite3} / 1000)`,
};
