import type { SpawnOptions } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../redis/server';
import { type ServerProcess, spawnServer } from './server-process';

/** How to reach a database, as mysql2, pg and Knex take it. */
export interface Connection {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export type Row = Record<string, unknown>;

export interface DatabaseServer {
  readonly port: number;
  readonly dir: string;
  /** Changes with every `restart()`. */
  readonly pid: number;
  /** To an empty database. */
  readonly connection: Connection;
  /** Runs one statement on a separate connection and resolves to the rows. */
  query<R = Row>(sql: string): Promise<R[]>;
  /** Crashes it, or sends another signal. Resolves once the process is gone, or at once for SIGSTOP and SIGCONT. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process if it still runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** What differs between kinds of databases. */
export interface DatabaseKind {
  name: string;
  user: string;
  /** The user of the process, if that is not the user of the specs. */
  owner?: Pick<SpawnOptions, 'uid' | 'gid'>;
  /** Ends it at once, as a crash does. */
  crash: NodeJS.Signals;
  /** Makes the folder ready for the first start. */
  prepare(dir: string): Promise<void>;
  command(dir: string, port: number): [program: string, ...args: string[]];
  /** Runs one statement in a database, or in the one that is always there. */
  ask(connection: Omit<Connection, 'database'> & { database?: string }, sql: string): Promise<Row[]>;
  /** Asks for the folder that the server works in, as `dir`. */
  whereabouts: string;
}

const attempts = 5;
const patience = 30_000;
const database = 'specs';

/** A private server on a free port; it ends with `stop()` and never outlives the specs. */
export async function startDatabase(kind: DatabaseKind): Promise<DatabaseServer> {
  const dir = await mkdtemp(join(tmpdir(), `spec-${kind.name}-`));
  const server = await startFirst(kind, dir).catch(async (error: unknown) => {
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  const { port } = server;
  const connection = { ...addressOf(kind, port), database };

  const end = async (signal: NodeJS.Signals) => {
    if (server.process.exited) return;
    server.process.signal(signal);
    // A suspended process would not act on it yet.
    server.process.signal('SIGCONT');
    await server.process.gone();
  };

  return {
    port,
    dir,
    get pid() {
      return server.process.pid;
    },
    connection,
    query: async <R>(sql: string) => (await kind.ask(connection, sql)) as R[],
    async kill(signal = kind.crash) {
      server.process.signal(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await server.process.gone();
    },
    async restart() {
      await end(kind.crash);
      server.process = await startOn(kind, dir, port);
    },
    async stop() {
      await end(kind.crash);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startFirst(kind: DatabaseKind, dir: string): Promise<{ port: number; process: ServerProcess }> {
  await kind.prepare(dir);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      const process = await startOn(kind, dir, port);
      await kind.ask(addressOf(kind, port), `CREATE DATABASE ${database}`);
      return { port, process };
    } catch (error) {
      // Someone may have taken the port since it was found free.
      if (attempt === attempts || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

async function startOn(kind: DatabaseKind, dir: string, port: number): Promise<ServerProcess> {
  const [program, ...args] = kind.command(dir, port);
  const process = await spawnServer(program, args, dir, kind.owner);
  const deadline = Date.now() + patience;
  while (!process.exited) {
    if (await answers(kind, dir, port)) return process;
    if (Date.now() > deadline) process.signal('SIGKILL');
    await pause(10);
  }
  throw new Error(`${program} did not start:\n${process.output}`);
}

/** Whether it is this very server that answers, not another one on its port. */
async function answers(kind: DatabaseKind, dir: string, port: number): Promise<boolean> {
  const [row] = await kind.ask(addressOf(kind, port), kind.whereabouts).catch(() => []);
  return String(row?.['dir']).startsWith(dir);
}

function addressOf({ user }: DatabaseKind, port: number) {
  return { host: '127.0.0.1', port, user, password: 'the password of the specs' };
}
