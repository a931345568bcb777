import type { Knex } from 'knex';
import { createTable, nameNear, type SessionsTableOptions, type TableKind, tableOf } from './table';

/** A row of the table: a member of an index, or, with an empty `id`, the mark of the index. */
export interface UserRow {
  /** The name of the index. */
  owner: string;
  /** The key of the record. */
  id: string;
  /** When the membership ends, or until when the mark is kept, in milliseconds since 1970. */
  expires: number;
  /** When it was enrolled first; of a mark, the time of the last `endedNow`, or 0. In microseconds since 1970. */
  enrolled: number;
}

const COLUMNS = ['owner', 'id', 'expires', 'enrolled'] as const satisfies (keyof UserRow)[];
/** Pages of an index are read in this order. */
const PAGES = ['owner', 'expires', 'id'] as const;

/** The table of the users' indexes. */
export const USERS: TableKind = {
  columns: COLUMNS,
  createdBy: 'createSessionUsersTable',
  creation: {
    mysql: (table) => [
      [
        // Both names are too long for a key in another row format.
        `create table if not exists ?? (
          ?? varbinary(512) not null,
          ?? varbinary(512) not null,
          ?? bigint not null,
          ?? bigint not null,
          primary key (??, ??),
          index (??, ??, ??),
          index (??)
        ) engine = InnoDB row_format = dynamic`,
        table,
        ...COLUMNS,
        'owner',
        'id',
        ...PAGES,
        'expires',
      ],
    ],
    postgresql: (table) => [
      [
        `create table if not exists ?? (
          ?? text collate "C" not null,
          ?? text collate "C" not null,
          ?? bigint not null,
          ?? bigint not null,
          primary key (??, ??)
        )`,
        table,
        ...COLUMNS,
        'owner',
        'id',
      ],
      ['create index if not exists ?? on ?? (??, ??, ??)', nameNear(table, 'pages').name, table, ...PAGES],
      ['create index if not exists ?? on ?? (??)', nameNear(table, 'expires').name, table, 'expires'],
    ],
    sqlite3: (table) => {
      const { name } = nameNear(table);
      return [
        [
          `create table if not exists ?? (
            ?? text not null,
            ?? text not null,
            ?? bigint not null,
            ?? bigint not null,
            primary key (??, ??)
          )`,
          table,
          ...COLUMNS,
          'owner',
          'id',
        ],
        ['create index if not exists ?? on ?? (??, ??, ??)', nameNear(table, 'pages').qualified, name, ...PAGES],
        ['create index if not exists ?? on ?? (??)', nameNear(table, 'expires').qualified, name, 'expires'],
      ];
    },
  },
};

/** The name of the table that belongs to a table of sessions. */
export function usersTableOf(table: string): string {
  return nameNear(table, 'users').qualified;
}

/**
 * Creates the table in which a KnexStore lists the sessions of each user, if it is missing, for migrations: `exports.up =
 * (knex) => createSessionUsersTable(knex)`. Only applications with the option `user` need it. Its name is that of the
 * sessions' table with `_users` at the end.
 *
 * @param options the same as for the sessions' table
 *
 * @throws TypeError if `knex` is not a Knex instance or the table name is invalid.
 */
export async function createSessionUsersTable(knex: Knex, options?: SessionsTableOptions | null): Promise<void> {
  await createTable(knex, usersTableOf(tableOf(knex, options)), USERS);
}

/**
 * Drops the table that `createSessionUsersTable` creates; the sessions stay.
 *
 * @param options the same as for the sessions' table
 *
 * @throws TypeError if `knex` is not a Knex instance or the table name is invalid.
 */
export async function dropSessionUsersTable(knex: Knex, options?: SessionsTableOptions | null): Promise<void> {
  await knex.raw('drop table if exists ??', [usersTableOf(tableOf(knex, options))]);
}
