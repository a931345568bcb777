import { execFile } from 'node:child_process';
import { chown, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../../scripts/find-program';
import { interop } from '../../interop';
import { type DatabaseKind, type DatabaseServer, type Row, startDatabase } from './database-server';

interface PostgresClient {
  connect(): Promise<void>;
  query(sql: string): Promise<{ rows: Row[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): void;
}

interface Postgres {
  Client: new (options: object) => PostgresClient;
}

export interface PostgresOptions {
  /** More settings, such as `{ max_connections: 200 }`. */
  settings?: Record<string, string | number>;
}

/** Data need not survive the machine, only `kill()`. */
const quick = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // In the folder, so that nothing stays behind elsewhere.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '64MB',
  fsync: 'off',
  full_page_writes: 'off',
};

/**
 * A private PostgreSQL on a free port, which takes any password. A signal reaches the process that takes new connections: suspended,
 * it still serves those that it has.
 */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<DatabaseServer> {
  const user = 'postgres';
  const owner = await unprivileged();
  const folder = (dir: string) => join(dir, 'data');
  const kind: DatabaseKind = {
    name: 'postgres',
    user,
    ...(owner ? { owner } : {}),
    // Its immediate shutdown: all connections end, nothing is written. SIGKILL would leave its other processes behind.
    crash: 'SIGQUIT',
    whereabouts: `SELECT current_setting('data_directory') AS dir`,
    async prepare(dir) {
      if (owner) await chown(dir, owner.uid, owner.gid);
      const args = ['--auth=trust', `--username=${user}`, '--encoding=UTF8', '--locale=C', '--no-sync'];
      await promisify(execFile)(findProgram('initdb') ?? 'initdb', [...args, folder(dir)], { cwd: dir, ...owner });
    },
    command: (dir, port) => {
      const given = Object.entries({ port, ...quick, ...settings });
      return ['postgres', '-D', folder(dir), ...given.map(([name, value]) => `--${name}=${value}`)];
    },
    async ask(connection, sql) {
      const { Client } = interop('pg') as Postgres;
      const client = new Client({ database: 'postgres', ...connection });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
  };
  return startDatabase(kind);
}

/** PostgreSQL refuses to run as root: then it runs as its own user, or as `nobody`. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody') ?? [];
  if (uid === undefined)
    throw new Error('Expected a user `postgres` or `nobody` to run PostgreSQL as, as root may not');
  return { uid: Number(uid), gid: Number(gid) };
}
