import type { Knex } from 'knex';
import { rowsOf, valuesOf } from '../../stores/knex/answers';
import { isColumnMissing, isTableMissing, withoutData } from '../../stores/knex/failure';
import { type Dialect, dialectOf } from '../../stores/knex/options';
import { nameNear, SESSIONS } from '../../stores/knex/table';
import { thousands } from '../table';
import { clockDifference } from './clock';
import { type Check, ok, problem, type Result, skipped, warning } from './finding';

/** What the checks of a database look at. */
export interface Sql {
  knex: Knex;
  table: string;
}

/** Milliseconds after which an expired row should have been swept: applications sweep every five minutes. */
const SWEPT_WITHIN = 60 * 60 * 1000;

/** Whether the database answers, and how fast. */
export const reachable: Check<Sql> = {
  name: 'reachable',
  run: async ({ knex }) => {
    // The first statement connects.
    await knex.raw('select 1');
    const began = performance.now();
    await knex.raw('select 1');
    return ok(`answers within ${(performance.now() - began).toFixed(1)} ms`);
  },
};

const ENCRYPTION: Record<Dialect, string | undefined> = {
  mysql: "show session status like 'Ssl_version'",
  postgresql: 'select version as protocol from pg_stat_ssl where pid = pg_backend_pid() and ssl',
  sqlite3: undefined,
};

const tls: Check<Sql> = {
  name: 'TLS',
  run: async ({ knex }) => {
    const statement = ENCRYPTION[dialectOf(knex)];
    if (statement === undefined) return ok('a file, without a network');
    const protocol = (await valuesFrom(knex, statement)).at(-1);
    if (protocol) return ok(`encrypted, ${protocol}`);
    const { host = 'localhost' } = Object((knex.client as { connectionSettings?: unknown }).connectionSettings);
    if (/^(?:localhost|127\.[\d.]+|::1|\/.*)$/.test(host)) return ok('not encrypted, and not needed on this machine');
    return warning(
      'not encrypted',
      'Sessions and the password can be read on the way. Set the TLS options of the driver, such as `?sslmode=verify-full` for PostgreSQL',
    );
  },
};

const SUPERUSER: Record<Dialect, string | undefined> = {
  mysql: 'select current_user() as name',
  postgresql: 'select current_user as name, rolsuper from pg_roles where rolname = current_user',
  sqlite3: undefined,
};

const credentials: Check<Sql> = {
  name: 'credentials',
  run: async ({ knex }) => {
    const dialect = dialectOf(knex);
    const statement = SUPERUSER[dialect];
    if (statement === undefined) return ok('none needed for a file');
    const [name, isSuper] = await valuesFrom(knex, statement);
    const mayAll = dialect === 'mysql' ? await grantsAll(knex) : isSuper === true;
    if (!mayAll) return ok(`user ${name}`);
    return warning(
      `user ${name}, who may do everything`,
      'Use a database user that has only this table: SELECT, INSERT, UPDATE and DELETE',
    );
  },
};

async function grantsAll(knex: Knex): Promise<boolean> {
  const rows = rowsOf(await knex.raw('show grants'));
  return rows.some((row) => /^GRANT ALL PRIVILEGES ON \*\.\* /.test(String(valuesOf(row)[0])));
}

/** They change no row. */
const STATEMENTS: readonly [right: string, run: (knex: Knex, table: string) => PromiseLike<unknown>][] = [
  ['SELECT', (knex, table) => knex(table).select('id').whereRaw('1 = 0')],
  [
    'INSERT',
    (knex, table) =>
      knex(knex.raw('?? (??, ??, ??, ??)', [table, ...SESSIONS.columns])).insert(
        knex(table)
          .select([...SESSIONS.columns])
          .whereRaw('1 = 0'),
      ),
  ],
  ['UPDATE', (knex, table) => knex(table).whereRaw('1 = 0').update({ expires: 0 })],
  ['DELETE', (knex, table) => knex(table).whereRaw('1 = 0').delete()],
];

const rights: Check<Sql> = {
  name: 'rights',
  run: async ({ knex, table }) => {
    const missing: string[] = [];
    for (const [right, run] of STATEMENTS) {
      try {
        await run(knex, table);
      } catch (error) {
        if (isTableMissing(error) || isColumnMissing(error)) return skipped('there is no such table');
        missing.push(`${right} (${withoutData(error).message})`);
      }
    }
    if (missing.length === 0) return ok(STATEMENTS.map(([right]) => right).join(', '));
    return problem(
      `refused: ${missing.join(', ')}`,
      `Grant SELECT, INSERT, UPDATE and DELETE on ${table} to this user`,
    );
  },
};

const definition: Check<Sql> = {
  name: 'table',
  run: async ({ knex, table }) => {
    try {
      await knex(table)
        .select([...SESSIONS.columns])
        .whereRaw('1 = 0');
    } catch (error) {
      return missing(error, table);
    }
    const { columns, indexed } = await DEFINITION[dialectOf(knex)](knex, table);
    const wrong = columns.filter(({ isRight }) => !isRight).map(({ is }) => is);
    if (wrong.length > 0) {
      return problem(
        `${table} has ${wrong.join(', ')}`,
        'Ids that differ only in case or accents would be one session. Create the table with createSessionsTable()',
      );
    }
    if (indexed) return ok(`${table}, as createSessionsTable() makes it`);
    return warning(
      `${table} has no index on expires`,
      'Sweeping reads the whole table each time. Create the index, or the table with createSessionsTable()',
    );
  },
};

function missing(error: unknown, table: string): Result {
  if (isTableMissing(error)) {
    return problem(
      `there is no table ${table}`,
      'The first request creates it, unless `createTable` is false. Is --table right?',
    );
  }
  if (!isColumnMissing(error)) throw withoutData(error);
  return problem(
    `${table} was not made by knexStore(): ${withoutData(error).message}`,
    'Give --table, or move the other table away',
  );
}

interface Definition {
  columns: { isRight: boolean; is: string }[];
  indexed: boolean;
}

const DEFINITION: Record<Dialect, (knex: Knex, table: string) => Promise<Definition>> = {
  mysql: async (knex, table) => {
    const [, type = '', collation] = (
      await rowFor(knex.raw("show full columns from ?? where field = 'id'", [table]))
    ).map(String);
    const indexes = rowsOf(await knex.raw("show index from ?? where column_name = 'expires'", [table]));
    const isBinary = type.startsWith('varbinary') || String(collation).endsWith('_bin');
    return { columns: [{ isRight: isBinary, is: `id ${type} ${collation}` }], indexed: indexes.length > 0 };
  },
  postgresql: async (knex, table) => {
    const [collation] = await rowFor(
      knex.raw(
        `select coalesce(c.collname, 'default') from pg_attribute a left join pg_collation c on c.oid = a.attcollation
          where a.attrelid = to_regclass(?) and a.attname = 'id'`,
        [quotedName(table)],
      ),
    );
    const indexes = rowsOf(
      await knex.raw(
        `select 1 from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
          where i.indrelid = to_regclass(?) and a.attname = 'expires'`,
        [quotedName(table)],
      ),
    );
    // Every deterministic collation tells ids apart; "C" is only quicker.
    return { columns: [{ isRight: true, is: `id collate ${collation}` }], indexed: indexes.length > 0 };
  },
  sqlite3: async (knex, table) => {
    const { name } = nameNear(table);
    const [sql] = await rowFor(knex.raw("select sql from sqlite_master where type = 'table' and name = ?", [name]));
    const indexes = rowsOf(
      await knex.raw(
        `select il.name from pragma_index_list(?) il, pragma_index_info(il.name) ii where ii.seqno = 0 and ii.name = 'expires'`,
        [name],
      ),
    );
    const isExact = !/nocase|rtrim/i.test(String(sql));
    return { columns: [{ isRight: isExact, is: 'id that is not compared exactly' }], indexed: indexes.length > 0 };
  },
};

const sweeping: Check<Sql> = {
  name: 'sweeping',
  run: async ({ knex, table }) => {
    const [count] = await rowFor(
      knex(table)
        .where('expires', '<', Date.now() - SWEPT_WITHIN)
        .count({ count: '*' }),
    );
    if (Number(count) === 0) return ok('no row expired over an hour ago');
    return warning(
      `${thousands(Number(count))} rows expired over an hour ago`,
      'No process sweeps. Leave `sweepInterval` at its default in one of them, or call `store.sweep()` from a cron job',
    );
  },
};

const NOW: Record<Dialect, string | undefined> = {
  mysql: 'select cast(unix_timestamp(now(6)) * 1000 as double) as now',
  postgresql: 'select cast(extract(epoch from clock_timestamp()) * 1000 as double precision) as now',
  sqlite3: undefined,
};

const clock: Check<Sql> = {
  name: 'clock',
  run: async ({ knex }) => {
    const statement = NOW[dialectOf(knex)];
    if (statement === undefined) return ok("this machine's");
    return clockDifference(async () => Math.floor(Number((await valuesFrom(knex, statement))[0])));
  },
};

const VERSION: Record<Dialect, string> = {
  mysql: 'select version() as version',
  postgresql: 'show server_version',
  sqlite3: 'select sqlite_version() as version',
};
const NAMES: Record<Dialect, string> = { mysql: 'MySQL', postgresql: 'PostgreSQL', sqlite3: 'SQLite' };
/** The first with RETURNING. */
const OLDEST_SQLITE = [3, 35] as const;

/** The version of the database. */
export const serverVersion: Check<Sql> = {
  name: 'database',
  run: async ({ knex }) => {
    const dialect = dialectOf(knex);
    const version = String((await valuesFrom(knex, VERSION[dialect]))[0]);
    const found = `${/mariadb/i.test(version) ? 'MariaDB' : NAMES[dialect]} ${version}`;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const isOld =
      dialect === 'sqlite3' && (major < OLDEST_SQLITE[0] || (major === OLDEST_SQLITE[0] && minor < OLDEST_SQLITE[1]));
    return isOld
      ? problem(found, `SQLite ${OLDEST_SQLITE.join('.')} or later is needed: update the driver`)
      : ok(found);
  },
};

/** The checks of a database, in order. */
export const SQL_CHECKS: readonly Check<Sql>[] = [tls, credentials, definition, rights, sweeping, clock, serverVersion];

async function valuesFrom(knex: Knex, sql: string): Promise<unknown[]> {
  return rowFor(knex.raw(sql));
}

async function rowFor(answer: PromiseLike<unknown>): Promise<unknown[]> {
  const [row] = rowsOf(await answer);
  return row === undefined ? [] : valuesOf(row);
}

/** A name as PostgreSQL reads it, with its schema. */
function quotedName(table: string): string {
  return table
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
