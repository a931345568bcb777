import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Knex } from 'knex';
import type { Address } from '../address';
import { CommandError } from '../exits';
import type { Project } from '../project';

/** Milliseconds for a connection. */
const CONNECT_TIMEOUT = 10_000;

type KnexFunction = (config: Knex.Config) => Knex;

const DRIVERS = {
  postgres: { name: 'PostgreSQL', client: 'pg' },
  mysql: { name: 'MySQL', client: 'mysql2' },
  sqlite: { name: 'SQLite', client: 'better-sqlite3' },
} as const;

/** A database that the command has opened. It connects with the first statement. */
export interface OpenedSql {
  knex: Knex;
  /** The package of the driver. */
  driver: string;
  close(): Promise<void>;
}

/** @throws CommandError if a package or the file is missing. */
export function openSqlUrl(address: Exclude<Address, { kind: 'redis' }>, project: Project, cwd: string): OpenedSql {
  const { name, client } = DRIVERS[address.kind];
  project.load(client, name);
  const loaded = project.load('knex', name) as KnexFunction & { knex?: KnexFunction };
  const knex = (loaded.knex ?? loaded)({
    client,
    connection: address.kind === 'sqlite' ? { filename: fileAt(address.file, cwd) } : String(address.url),
    useNullAsDefault: true,
    acquireConnectionTimeout: CONNECT_TIMEOUT,
    pool: { min: 0, max: 5, ...(address.kind === 'sqlite' && { afterCreate: waitForOthers }) },
    // It would print among the results. What fails rejects, too.
    log: { debug() {}, deprecate() {}, error() {}, warn() {} },
  });
  return { knex, driver: client, close: () => knex.destroy() };
}

/** SQLite has one writer at a time, which may be the application. */
function waitForOthers(connection: { pragma(text: string): void }, done: (error?: Error) => void): void {
  connection.pragma('busy_timeout = 5000');
  done();
}

/** The driver would create a file that is missing. */
function fileAt(path: string, cwd: string): string {
  const file = resolve(cwd, path);
  if (!existsSync(file)) throw new CommandError(`There is no file ${file}`);
  return file;
}
