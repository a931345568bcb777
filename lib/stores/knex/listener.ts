import { hash } from 'node:crypto';
import type { Knex } from 'knex';
import { unref } from '../../base/timer';
import type { BroadcastingStore } from '../../base/types';
import { again, withoutData } from './failure';

/** A connection of pg. */
interface Connection {
  connect(): Promise<unknown>;
  query(sql: string): Promise<unknown>;
  end(): Promise<unknown>;
  unref?(): void;
  on(event: 'notification', hear: (message: { channel: string; payload?: string }) => void): unknown;
  on(event: 'error' | 'end', hear: () => void): unknown;
  readonly connection?: {
    readonly stream?: { destroy?(): unknown; setKeepAlive?(on: boolean, delay: number): unknown };
  };
}

type Opens = new (settings: unknown) => Connection;

/** What Knex knows about its connections to PostgreSQL. */
interface PgClient {
  readonly driverName?: string;
  readonly driver?: { Client: Opens };
  readonly connectionSettings?: unknown;
  /** The option `connection`, if it is a function. */
  readonly connectionConfigProvider?: () => unknown;
  /** With the option `connectionPool`, which takes the place of `connection`. */
  readonly config?: { readonly connectionPool?: { readonly options?: unknown; readonly Client?: Opens } };
}

/** Milliseconds until a connection that was lost, or failed, is opened again. */
const AGAIN = 1000;
/** Idle milliseconds after which the system asks whether the other side is still there. */
const KEEP_ALIVE = 30_000;
/** PostgreSQL limits the names of channels to 63 bytes, in the encoding of the database. */
const CHANNEL = /^[\x20-\x7e]{1,63}$/;

/** Passes messages between processes with LISTEN and NOTIFY; `undefined` if the database has none. */
export function listening(knex: Knex): (BroadcastingStore & { close(): void }) | undefined {
  const client = knex.client as PgClient;
  if (!canListen(client)) return undefined;
  const open = new Set<() => void>();
  return {
    async publish(channel, message) {
      try {
        await again(() => knex.raw('select pg_notify(?, ?)', [nameOf(channel), message]));
      } catch (error) {
        throw withoutData(error);
      }
    },
    subscribe(channel, listener, began) {
      const end = listen(client, nameOf(channel), listener, began);
      open.add(end);
      return () => {
        open.delete(end);
        end();
      };
    },
    close() {
      for (const end of open) end();
      open.clear();
    },
  };
}

/** CockroachDB, which Knex takes for a PostgreSQL, has no LISTEN. */
function canListen({ driverName, config }: PgClient): boolean {
  const pool = config?.connectionPool;
  return driverName === 'pg' && (!pool || (pool.Client !== undefined && pool.options !== undefined));
}

/**
 * Listens on a separate connection, since one of the pool would be missing there. It does not keep the process alive, and
 * is opened again when it is lost.
 */
function listen(client: PgClient, channel: string, listener: (message: string) => void, began: () => void): () => void {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let current: Connection | undefined;
  const lost = (connection: Connection | undefined) => {
    if (isOver || connection !== current) return;
    current = undefined;
    if (connection !== undefined) hangUp(connection);
    timer = unref(setTimeout(begin, AGAIN));
  };
  const begin = async () => {
    try {
      const settings = await settingsOf(client);
      if (isOver) return;
      const connection = connectionOf(client, settings);
      current = connection;
      connection.on('error', () => lost(connection));
      connection.on('end', () => lost(connection));
      connection.on('notification', (message) => {
        if (message.channel === channel && connection === current) listener(message.payload ?? '');
      });
      await connection.connect();
      connection.unref?.();
      connection.connection?.stream?.setKeepAlive?.(true, KEEP_ALIVE);
      await connection.query(`listen "${channel.replaceAll('"', '""')}"`);
      if (connection === current) began();
    } catch {
      // The pool reports what is wrong.
      lost(current);
    }
  };
  void begin();
  return () => {
    isOver = true;
    clearTimeout(timer);
    if (current !== undefined) hangUp(current);
    current = undefined;
  };
}

/** Does not wait for a server that hangs. */
function hangUp(connection: Connection): void {
  connection.unref?.();
  void connection.end().catch(() => undefined);
  setImmediate(() => connection.connection?.stream?.destroy?.());
}

/** A function may return another password each time. */
function settingsOf({ config, connectionConfigProvider, connectionSettings }: PgClient): unknown {
  if (config?.connectionPool) return config.connectionPool.options;
  return connectionConfigProvider === undefined ? connectionSettings : connectionConfigProvider();
}

function connectionOf({ config, driver }: PgClient, settings: unknown): Connection {
  const Client = config?.connectionPool?.Client ?? (driver as NonNullable<typeof driver>).Client;
  return new Client(settings);
}

function nameOf(channel: string): string {
  return CHANNEL.test(channel) ? channel : hash('sha256', channel, 'base64url');
}
