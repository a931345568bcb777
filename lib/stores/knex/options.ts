import type { Knex } from 'knex';
import { expectBoolean, expected, expectMilliseconds, isGiven } from '../../base/expect';

/** Options of a KnexStore. */
export interface KnexStoreOptions {
  /**
   * A Knex instance for MySQL, MariaDB, PostgreSQL or SQLite, as returned by `knex({ client, connection })`. Destroy it
   * yourself.
   */
  knex: Knex;
  /** Name of the table, optionally with its schema: `'schema.table'`. Default: `'sessions'`. */
  table?: string | null | undefined;
  /**
   * Whether to create a missing table on first use. Default: `true`. Set it to `false` if a migration creates the
   * table.
   */
  createTable?: boolean | null | undefined;
  /**
   * Maximum time between two sweeps of expired rows, in milliseconds; the actual time is random, at least half of it.
   * Default: 300 000 (5 minutes). `0` disables sweeping.
   */
  sweepInterval?: number | null | undefined;
  /** Number of rows that a sweep removes at once, from 1 to 10 000. Default: 100. */
  sweepBatch?: number | null | undefined;
}

/** The SQL dialects that differ. */
export type Dialect = 'mysql' | 'postgresql' | 'sqlite3';

const DEFAULTS = { table: 'sessions', createTable: true, sweepInterval: 5 * 60 * 1000, sweepBatch: 100 };
const KNOWN = ['knex', ...Object.keys(DEFAULTS)];
const MOST_AT_ONCE = 10_000;
/** PostgreSQL limits names to 63 characters, and the index's name contains the table's. */
const TABLE_NAME = /^(?:[\w$-]{1,48}\.)?[\w$-]{1,48}$/;

/** @throws TypeError if an option is invalid. */
export function resolveKnexOptions(options: KnexStoreOptions): Readonly<typeof DEFAULTS> & { knex: Knex } {
  if (typeof options !== 'object' || options === null)
    throw expected('options', 'an object such as `{ knex }`', options);
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`Expected the options to be among ${KNOWN.join(', ')}, got \`${unknown}\``);
  }
  const { knex } = options;
  expectKnex(knex);
  if (knex.isTransaction) {
    throw new TypeError(
      'Expected `knex` to be an instance of Knex, got a transaction, which ends: pass the instance that began it',
    );
  }
  const { table, createTable, sweepInterval, sweepBatch } = withDefaults(options);
  expectTable(table);
  expectBoolean('createTable', createTable);
  expectMilliseconds('sweepInterval', sweepInterval, 0);
  if (!Number.isSafeInteger(sweepBatch) || sweepBatch < 1 || sweepBatch > MOST_AT_ONCE) {
    throw expected('sweepBatch', `an integer from 1 to ${MOST_AT_ONCE}`, sweepBatch);
  }
  return Object.freeze({ knex, table, createTable, sweepInterval, sweepBatch });
}

/** @throws TypeError if it is not a Knex instance for one of the supported databases. */
export function expectKnex(knex: unknown): void {
  const client = clientOf(knex);
  if (client === undefined) {
    const given = expected('knex', 'an instance of Knex', knex).message;
    throw new TypeError(`${given}: call Knex with your configuration and pass the result`);
  }
  if (!isDialect(client.dialect)) {
    throw expected('knex', 'an instance of Knex on MySQL, MariaDB, PostgreSQL or SQLite', client.dialect);
  }
}

/** @throws TypeError if it is not the name of a table. */
export function expectTable(table: unknown): asserts table is string {
  if (typeof table === 'string' && TABLE_NAME.test(table)) return;
  throw expected('table', 'a name of up to 48 letters, digits and `_`, or two with a dot between them', table);
}

export function dialectOf(knex: Knex): Dialect {
  return clientOf(knex)?.dialect as Dialect;
}

/** The default name of the table. */
export const DEFAULT_TABLE = DEFAULTS.table;

/** `undefined` for the function `knex` itself, which has no client. */
function clientOf(knex: unknown): { dialect?: unknown } | undefined {
  if (typeof knex !== 'function') return undefined;
  const { client, raw } = knex as { client?: unknown; raw?: unknown };
  return typeof client === 'object' && client !== null && typeof raw === 'function' ? client : undefined;
}

function isDialect(dialect: unknown): dialect is Dialect {
  return dialect === 'mysql' || dialect === 'postgresql' || dialect === 'sqlite3';
}

function withDefaults(options: KnexStoreOptions): typeof DEFAULTS {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => isGiven(value)));
  return { ...DEFAULTS, ...given };
}
