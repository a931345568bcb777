import type { Knex } from 'knex';
import { hasMethod, isGiven } from '../base/expect';
import type { Session, SessionOptions, SessionStore } from '../base/types';
import { createSession, type SessionMiddleware, Store } from '../middleware/engine';
import { KnexStore } from '../stores/knex/store';
import type { RedisClient } from '../stores/redis/driver';
import { RedisStore } from '../stores/redis/store';
import { sealed } from '../stores/sealed/store';
import { type Address, addressOf, shownAddress } from './address';
import { loadConfig } from './config-file';
import { CommandError, usageError } from './exits';
import type { Io } from './io';
import type { Given } from './options';
import { Project } from './project';
import { openRedisUrl } from './redis/open';
import { redisClientOf } from './redis/servers';
import { SECRET_VARIABLES, secretsIn } from './secrets';
import { openSqlUrl } from './sql/open';

/** The sessions that a command works on. */
export interface Target {
  readonly sessions: SessionMiddleware;
  /** The client, before it was sealed or wrapped. */
  readonly client: SessionStore;
  /** Where they are, without a password: for messages. */
  readonly place: string;
  /** The client of Redis, if the sessions are there. */
  readonly redis: RedisClient | undefined;
  /** The database, if the sessions are there. */
  readonly sql: { knex: Knex; table: string } | undefined;
  /** The driver's package, if the command has chosen it. */
  readonly driver: string | undefined;
  readonly project: Project;
  /** Whether the application is known to have the option `broadcastEndings`. */
  readonly broadcasts: boolean;
  /** Tells whose a session is, if the application's file or an option says it. */
  readonly user: ((session: Session) => unknown) | undefined;
  close(): Promise<void>;
}

/** Milliseconds for which a command may run. */
const LONG = 24 * 60 * 60 * 1000;

/** What is behind an address. */
interface Behind {
  client: SessionStore;
  redis?: RedisClient;
  sql?: { knex: Knex; table: string };
  driver?: string;
  close(): Promise<void>;
}

/** Opens the store that the options name, and closes it in the end. */
export async function withTarget<T>(given: Given, io: Io, use: (target: Target) => Promise<T>): Promise<T> {
  const target = await openTarget(given, io);
  try {
    return await use(target);
  } finally {
    await target.close();
  }
}

/**
 * Opens the store that the options name. A database connects with its first statement.
 *
 * @throws CommandError if the options do not lead to a store.
 */
export async function openTarget(given: Given, io: Io): Promise<Target> {
  if (given.config !== undefined) {
    if (given.url !== undefined) throw usageError('Give --url or --config, not both');
    return ofConfig(given, io, given.config);
  }
  const address = addressOf(given, io);
  if (address === undefined) {
    throw usageError(
      `Where are the sessions? Give --url redis://…, set ${SECRET_VARIABLES.url} in the environment, or give --config`,
    );
  }
  const project = new Project(io.cwd);
  const behind = await openAddress(address, given, project, io);
  const user = userOf(given);
  const store = sealedIfAsked(behind.client, given, io);
  const sessions = createSession({ ...storeOptions(given), store, user, broadcastEndings: canTell(store) });
  return {
    sessions,
    client: behind.client,
    place: `${shownAddress(address)}, prefix ${sessions.store.prefix || "''"}`,
    redis: behind.redis,
    sql: behind.sql,
    driver: behind.driver,
    project,
    broadcasts: given['broadcast-endings'] === true,
    user,
    close: async () => {
      await sessions.close();
      await behind.close();
    },
  };
}

async function openAddress(address: Address, given: Given, project: Project, io: Io): Promise<Behind> {
  if (address.kind === 'redis') {
    if (given.table !== undefined) throw usageError('--table belongs to SQL');
    const name = given.url === undefined ? SECRET_VARIABLES.url : '--url';
    const { client, driver, close } = await openRedisUrl(address.url, name, project);
    return { client: new RedisStore({ client }), redis: client, driver, close };
  }
  const { knex, driver, close } = openSqlUrl(address, project, io.cwd);
  const { table = 'sessions' } = given;
  return { client: sqlStore(knex, table), sql: { knex, table }, driver, close };
}

/** With keys in the environment, the records are sealed. */
function sealedIfAsked(client: SessionStore, given: Given, { env }: Io): SessionStore {
  const keys = secretsIn(env[SECRET_VARIABLES.sealingKeys]);
  if (keys.length === 0) return client;
  return sealed(client, {
    keys,
    writePlain: given.unseal,
    readPlainUntil: given['seal-plain'] ? new Date(Date.now() + LONG) : undefined,
  });
}

/** @throws CommandError */
function sqlStore(knex: Knex, table: string): SessionStore {
  try {
    // A mistyped name must not create a table, and the application sweeps.
    return new KnexStore({ knex, table, createTable: false, sweepInterval: 0 });
  } catch (error) {
    throw usageError((error as Error).message.replace('`table`', '--table'));
  }
}

function storeOptions(given: Given): Pick<SessionOptions, 'prefix' | 'ids'> {
  return { prefix: given.prefix, ids: given.hashed ? 'hashed' : undefined };
}

/** Reads the user of a session, from `--user-field`. */
function userOf(given: Given): ((session: Session) => unknown) | undefined {
  const path = given['user-field']?.split('.');
  if (path === undefined) return undefined;
  return (session) => path.reduce<unknown>((value, name) => Object(value)[name], session) ?? undefined;
}

async function ofConfig(given: Given, io: Io, file: string): Promise<Target> {
  const exported = await loadConfig(file, io.cwd);
  const { sessions, broadcasts } = sessionsIn(exported, given, file);
  const user = sessions.store.user;
  const { client } = sessions.store;
  const { knex, table } = client as { knex?: Knex; table?: string };
  return {
    sessions,
    client: client as SessionStore,
    place: `${file}, prefix ${sessions.store.prefix || "''"}`,
    redis: redisClientOf(client),
    sql: knex !== undefined && table !== undefined ? { knex, table } : undefined,
    driver: undefined,
    project: new Project(io.cwd),
    broadcasts: broadcasts || given['broadcast-endings'] === true,
    user,
    close: async () => {
      await sessions.close();
      await (client as { close?(): unknown }).close?.();
    },
  };
}

/** What a file exports, as a session middleware. */
interface Exported {
  sessions: SessionMiddleware;
  /** Whether it has the option `broadcastEndings`. */
  broadcasts: boolean;
}

/** @throws CommandError if what the file exports is none of the three. */
function sessionsIn(exported: unknown, given: Given, file: string): Exported {
  if (typeof exported === 'function' && isGiven((exported as Partial<SessionMiddleware>).store)) {
    expectNone(given, ['prefix', 'hashed', 'table', 'user-field'], 'the session middleware');
    return asGiven(exported as unknown as SessionMiddleware);
  }
  if (typeof exported !== 'object' || exported === null) throw wrongExport(file);
  expectNone(given, ['table'], 'the store');
  const user = userOf(given);
  if (isStore(exported)) {
    expectNone(given, ['prefix', 'hashed'], 'a Store');
    return asGiven(createSession({ store: exported as unknown as SessionStore, user }));
  }
  if (hasMethod(exported, 'get') && hasMethod(exported, 'set')) {
    const store = exported as SessionStore;
    const sessions = createSession({ ...storeOptions(given), store, user, broadcastEndings: canTell(store) });
    return { sessions, broadcasts: false };
  }
  const options = exported as SessionOptions;
  if (!isGiven(options.store)) throw wrongExport(file);
  const overrides = Object.entries({ ...storeOptions(given), user }).filter(([, value]) => value !== undefined);
  const broadcastEndings = options.broadcastEndings ?? canTell(options.store);
  const sessions = createSession({ ...options, ...Object.fromEntries(overrides), broadcastEndings });
  return { sessions, broadcasts: options.broadcastEndings === true };
}

function asGiven(sessions: SessionMiddleware): Exported {
  return { sessions, broadcasts: sessions.store.endings !== undefined };
}

/** What the command ends is then told to the applications, whether they listen or not. */
function canTell(store: object): true | undefined {
  return hasMethod(store, 'publish') || undefined;
}

/** Also a Store of another copy of this package. */
function isStore(value: object): boolean {
  return value instanceof Store || (hasMethod(value, 'keyOf') && hasMethod(value, 'ttlOf'));
}

function wrongExport(file: string): CommandError {
  return new CommandError(
    `Expected ${file} to export the session middleware, an object of options for it with \`store\`, or a store`,
  );
}

/** @throws CommandError if an option would be ignored. */
function expectNone(given: Given, names: readonly (keyof Given)[], what: string): void {
  const name = names.find((one) => given[one] !== undefined);
  if (name !== undefined) throw usageError(`--${name} has no effect with a --config that exports ${what}`);
}
