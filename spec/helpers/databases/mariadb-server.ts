import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { interop } from '../../interop';
import { until } from '../time/until';
import { type DatabaseKind, type DatabaseServer, type Row, startDatabase } from './database-server';
import { spawnServer } from './server-process';

interface MysqlConnection {
  query(sql: string): Promise<[rows: Row[]]>;
  destroy(): void;
}

interface Mysql {
  createConnection(options: object): Promise<MysqlConnection>;
}

export interface MariadbOptions {
  /** More arguments for mariadbd, such as `['--sql-mode=']`. */
  args?: readonly string[];
}

/** Data need not survive the machine, only `kill()`. */
const quick = [
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-flush-method=nosync',
  '--innodb-log-file-size=16M',
  '--innodb-buffer-pool-size=64M',
  '--innodb-undo-tablespaces=0',
  '--performance-schema=OFF',
];

// Without the tables of accounts and statistics, which take longest to create.
const withoutSystemTables = ['--skip-grant-tables', '--innodb-stats-persistent=OFF', '--use-stat-tables=NEVER'];

/** A private mariadbd on a free port, which takes any user and password. */
export function startMariadb({ args = [] }: MariadbOptions = {}): Promise<DatabaseServer> {
  const program = 'mariadbd';
  const settings = (dir: string) => [
    '--no-defaults',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--datadir=${join(dir, 'data')}`,
    // A server that starts removes what it takes for left behind there, other servers' tables too.
    `--tmpdir=${join(dir, 'tmp')}`,
    ...quick,
    ...withoutSystemTables,
    ...args,
  ];
  const kind: DatabaseKind = {
    name: 'mariadb',
    user: 'root',
    crash: 'SIGKILL',
    whereabouts: 'SELECT @@datadir AS dir',
    async prepare(dir) {
      await Promise.all(['data', 'tmp'].map((folder) => mkdir(join(dir, folder))));
      // The files of a first start that is killed could not be read again.
      const first = await spawnServer(program, [...settings(dir), '--bootstrap'], dir);
      await until(() => first.exited);
    },
    command: (dir, port) => [
      program,
      ...settings(dir),
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--socket=${join(dir, 'socket')}`,
      `--pid-file=${join(dir, 'pid')}`,
      '--skip-name-resolve',
    ],
    async ask(connection, sql) {
      const { createConnection } = interop('mysql2/promise') as Mysql;
      const client = await createConnection(connection);
      try {
        return (await client.query(sql))[0];
      } finally {
        client.destroy();
      }
    },
  };
  return startDatabase(kind);
}
