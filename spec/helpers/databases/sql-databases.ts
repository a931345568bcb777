import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { interop } from '../../interop';
import type { DatabaseServer } from './database-server';
import { type MariadbOptions, startMariadb } from './mariadb-server';
import { type PostgresOptions, startPostgres } from './postgres-server';

const makeKnex = interop('knex') as (config: Knex.Config) => Knex;

/** A separate database for Knex. */
export interface SqlDatabase {
  /** What Knex is given; as JSON it reaches other processes. */
  readonly config: Knex.Config;
  /** An instance that ends with the database. */
  open(more?: Knex.Config): Knex;
  stop(): Promise<void>;
}

/** One on a server that can be killed. */
export interface SqlServer extends SqlDatabase {
  readonly server: DatabaseServer;
}

const serverOf = async (client: string, starting: Promise<DatabaseServer>): Promise<SqlServer> => {
  const server = await starting;
  const config: Knex.Config = { client, connection: server.connection };
  return { ...database(config, () => server.stop()), server };
};

export const sqlServers = {
  MariaDB: (options?: MariadbOptions) => serverOf('mysql2', startMariadb(options)),
  PostgreSQL: (options?: PostgresOptions) => serverOf('pg', startPostgres(options)),
} satisfies Record<string, () => Promise<SqlServer>>;

export const sqlDatabases = {
  ...sqlServers,
  SQLite: async () => {
    const dir = await mkdtemp(join(tmpdir(), 'spec-sqlite-'));
    const config: Knex.Config = {
      client: 'better-sqlite3',
      connection: { filename: join(dir, 'sessions.sqlite') },
      useNullAsDefault: true,
    };
    return database(config, () => rm(dir, { recursive: true, force: true }), { pool: { afterCreate: prepared } });
  },
} satisfies Record<string, () => Promise<SqlDatabase>>;

/** Nothing of it has to survive the machine. It waits as better-sqlite3 does unless told otherwise; the libsql in its place does not. */
function prepared(connection: { pragma(sql: string): void }, done: (error?: Error) => void): void {
  connection.pragma('busy_timeout = 5000');
  connection.pragma('synchronous = off');
  done();
}

function database(config: Knex.Config, end: () => Promise<void>, usual: Partial<Knex.Config> = {}): SqlDatabase {
  const opened: Knex[] = [];
  return {
    config,
    open(more = {}) {
      const knex = makeKnex({ ...config, ...usual, ...more });
      opened.push(knex);
      return knex;
    },
    async stop() {
      await Promise.all(opened.map((knex) => knex.destroy()));
      await end();
    },
  };
}
