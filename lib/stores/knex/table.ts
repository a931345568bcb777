import type { Knex } from 'knex';
import { rowsOf, valuesOf } from './answers';
import { again, isColumnMissing, isTableMissing, withoutData } from './failure';
import { DEFAULT_TABLE, type Dialect, dialectOf, expectKnex, expectTable } from './options';

/** Options of the migration functions. */
export interface SessionsTableOptions {
  /** Name of the table. Default: `'sessions'`. */
  table?: string | null | undefined;
}

/** A row of the table. */
export interface SessionRow {
  /** The key: prefix and session id. */
  id: string;
  /** The session as JSON. */
  record: string;
  /** Identifies this version of the record. */
  revision: string;
  /** When the session expires, in milliseconds since 1970. */
  expires: number;
}

/** A kind of table that the store needs. */
export interface TableKind {
  /** The columns, in order. */
  readonly columns: readonly string[];
  /** The statements that create a missing table, with the names in them. */
  readonly creation: Readonly<Record<Dialect, (table: string) => [sql: string, ...names: string[]][]>>;
  /** The exported function that creates the table. */
  readonly createdBy: string;
}

const COLUMNS = ['id', 'record', 'revision', 'expires'] as const satisfies (keyof SessionRow)[];

/** Columns compare byte by byte: the usual collations of MySQL and MariaDB treat `a`, `A` and `a ` as equal. */
const CREATION: TableKind['creation'] = {
  mysql: (table) => [
    [
      `create table if not exists ?? (
        ?? varbinary(512) not null primary key,
        ?? longtext character set utf8mb4 collate utf8mb4_bin not null,
        ?? varchar(36) character set ascii collate ascii_bin not null,
        ?? bigint not null,
        index (??)
      ) engine = InnoDB`,
      table,
      ...COLUMNS,
      'expires',
    ],
  ],
  postgresql: (table) => [
    [
      `create table if not exists ?? (
        ?? text collate "C" not null primary key,
        ?? text not null,
        ?? varchar(36) not null,
        ?? bigint not null
      )`,
      table,
      ...COLUMNS,
    ],
    ['create index if not exists ?? on ?? (??)', nameNear(table, 'expires_index').name, table, 'expires'],
  ],
  sqlite3: (table) => [
    [
      `create table if not exists ?? (
        ?? text not null primary key,
        ?? text not null,
        ?? text not null,
        ?? bigint not null
      )`,
      table,
      ...COLUMNS,
    ],
    // On SQLite, the index has the schema, not the table.
    [
      'create index if not exists ?? on ?? (??)',
      nameNear(table, 'expires_index').qualified,
      nameNear(table).name,
      'expires',
    ],
  ],
};

/** The table of the sessions. */
export const SESSIONS: TableKind = { columns: COLUMNS, creation: CREATION, createdBy: 'createSessionsTable' };

/**
 * Creates the table of a KnexStore if it is missing, for migrations: `exports.up = (knex) =>
 * createSessionsTable(knex)`.
 *
 * @throws TypeError if `knex` is not a Knex instance or the table name is invalid.
 */
export async function createSessionsTable(knex: Knex, options?: SessionsTableOptions | null): Promise<void> {
  await createTable(knex, tableOf(knex, options), SESSIONS);
}

/**
 * Drops the table of a KnexStore with all its sessions: `exports.down = (knex) => dropSessionsTable(knex)`.
 *
 * @throws TypeError if `knex` is not a Knex instance or the table name is invalid.
 */
export async function dropSessionsTable(knex: Knex, options?: SessionsTableOptions | null): Promise<void> {
  await knex.raw('drop table if exists ??', [tableOf(knex, options)]);
}

/** Creates a table if it is missing. */
export async function createTable(knex: Knex, table: string, { creation }: TableKind): Promise<void> {
  const dialect = dialectOf(knex);
  const create = async (on: Knex) => {
    for (const [sql, ...names] of creation[dialect](table)) await on.raw(sql, names);
  };
  if (dialect !== 'postgresql') return again(() => create(knex));
  await knex.transaction(async (transaction) => {
    // On PostgreSQL, `if not exists` fails if another process creates the table at the same time.
    await transaction.raw('select pg_advisory_xact_lock(hashtext(?))', [`koa-evented-session ${table}`]);
    await create(transaction);
  });
}

/** Checks that the table can hold its rows unchanged. Creates a missing table if `mayCreate` is set. */
export async function prepareTable(knex: Knex, table: string, mayCreate: boolean, kind: TableKind): Promise<void> {
  await CHECK[dialectOf(knex)](knex);
  try {
    await again(() =>
      knex(table)
        .select([...kind.columns])
        .whereRaw('1 = 0'),
    );
  } catch (error) {
    if (isColumnMissing(error)) {
      throw new Error(
        `The table \`${table}\` was not made by knexStore(), which needs a table for itself: ${withoutData(error).message}`,
      );
    }
    if (!isTableMissing(error)) throw error;
    if (!mayCreate) {
      throw new Error(
        `The table \`${table}\` is missing: create it in a migration with ${kind.createdBy}(), or set \`createTable: true\``,
      );
    }
    await createTable(knex, table, kind);
  }
}

/** The instances of Knex that have caused a warning: a store may check two tables. */
const warned = new WeakSet<Knex>();

/** Checks that a connection transmits text unchanged. */
const CHECK: Record<Dialect, (knex: Knex) => Promise<void>> = {
  mysql: async (knex) => {
    const [found]: object[] = await knex.select(
      knex.raw('@@character_set_client as sent'),
      knex.raw('@@character_set_results as received'),
    );
    const [sent, received] = valuesOf(found ?? {});
    if (sent === 'utf8mb4' && received === 'utf8mb4') return;
    // Without strict mode, the database would change or truncate what the connection cannot transmit.
    throw new Error(
      `Expected the connection to the database to be in utf8mb4, got ${sent} and ${received}: set \`charset: 'utf8mb4'\` in Knex's \`connection\``,
    );
  },
  postgresql: async () => undefined,
  sqlite3: async (knex) => {
    const [found] = rowsOf(await knex.raw('pragma busy_timeout'));
    if (found === undefined || valuesOf(found)[0] !== 0 || warned.has(knex)) return;
    warned.add(knex);
    process.emitWarning(
      'SQLite does not wait for other processes that write: sessions may be lost. Set `pragma busy_timeout = 5000` in the `pool.afterCreate` of Knex.',
      { code: 'KOA_EVENTED_SESSION_BUSY_TIMEOUT' },
    );
  },
};

/** The name of the sessions' table in the options. */
export function tableOf(knex: unknown, options: SessionsTableOptions | null | undefined): string {
  expectKnex(knex);
  const table = options?.table ?? DEFAULT_TABLE;
  expectTable(table);
  return table;
}

/** A name that begins with a table's, alone and with the table's schema. */
export function nameNear(table: string, ending?: string): { name: string; qualified: string } {
  const [of = '', schema] = table.split('.').reverse();
  const name = ending === undefined ? of : `${of}_${ending}`;
  return { name, qualified: schema === undefined ? name : `${schema}.${name}` };
}
