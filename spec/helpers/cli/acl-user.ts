import { setTimeout as pause } from 'node:timers/promises';
import { isCluster } from '../../../lib/cli/redis/servers';
import session from '../../../lib/main';
import { RedisStore } from '../../../lib/redis';
import type { RedisClient } from '../../../lib/stores/redis/driver';
import { driverOf } from '../redis/drivers';
import type { RedisServer } from '../redis/server';
import { until } from '../time/until';
import { command } from './command';

export const password = 'the password of the specs';
export const env = { KOA_SESSION_ACL_PASSWORD: password };
export const prefix = 'shop:sess:';

/** The line that the command prints for the Redis user `shop`. */
export async function lineFor(options: string): Promise<string> {
  const { exit, out } = await command(`acl --prefix ${prefix} --name shop ${options}`, { env });
  expect(exit).toBe(0);
  return out.trim();
}

/** A client that logs in as `shop`, and how to end it. */
interface Connected {
  client: RedisClient;
  isReady: boolean;
  end(): Promise<unknown>;
}

type Connect = (servers: readonly RedisServer[]) => Promise<Connected>;

const connectors = {
  ioredis: ([server]) => opened('ioredis5', server),
  redis: ([server]) => opened('redis6', server),
  'ioredis with --db': ([server]) => opened('ioredis5', server, { db: 1 }),
  'redis with --db': ([server]) => opened('redis6', server, { db: 1 }),
  'ioredis with --cluster': (servers) => openedCluster('ioredis5', servers),
  'redis with --cluster': (servers) => openedCluster('redis6', servers),
} satisfies Record<string, Connect>;

async function opened(name: string, server: RedisServer | undefined, more: object = {}): Promise<Connected> {
  const driver = driverOf(name);
  const address = {
    host: '127.0.0.1',
    port: Number(server?.port),
    username: 'shop',
    password,
    retries: false,
    ...more,
  };
  const client = driver.open(address);
  await until(() => driver.isReady(client) || hasGivenUp(client));
  return { client, isReady: driver.isReady(client), end: () => driver.end(client) };
}

async function openedCluster(name: string, servers: readonly RedisServer[]): Promise<Connected> {
  const driver = driverOf(name);
  const login = { username: 'shop', password };
  const addresses = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  const ioRedis = { redisOptions: { ...login, disconnectTimeout: 50 }, clusterRetryStrategy: () => null };
  const client = driver.openCluster(addresses, name.startsWith('io') ? ioRedis : { defaults: login });
  // Without a right, a client may wait for ever.
  const patience = performance.now() + 1000;
  await until(() => driver.isReady(client) || hasGivenUp(client) || performance.now() > patience);
  return { client, isReady: driver.isReady(client), end: () => driver.end(client) };
}

const hasGivenUp = ({ status, isOpen }: { status?: string; isOpen?: boolean }) => status === 'end' || isOpen === false;

/** Calls a store in every way in which requests do; resolves to the errors. */
async function requests(client: RedisClient): Promise<unknown[]> {
  const store = new RedisStore({ client });
  const [key, other] = [`${prefix}one`, `${prefix}two`];
  const record = '{"user":"ann"}';
  return failuresOf(
    () => store.create(key, record, 60_000),
    () => store.load(key),
    () => store.load(key, { ttl: true }),
    () => store.swap(key, '{"user":"bob"}', 60_000, record),
    () => store.swap(key, '{}', 60_000, record),
    () => store.touch(key, 60_000),
    () => store.mark(key, 3),
    () => store.create(other, record, 60_000),
    () => store.take(other, 'null ', 60_000),
    () => store.remove(key),
    () => store.set(key, { cookie: {} }, 60_000),
    () => store.get(key),
    () => store.destroy(key),
  );
}

/** What the option `user` adds. */
async function indexing(client: RedisClient): Promise<unknown[]> {
  const store = new RedisStore({ client });
  const index = `${prefix}\u001fuser:ann`;
  return failuresOf(
    () => store.enroll(index, 'a', 60_000, 0),
    () => store.enroll(index, 'b', 60_000, 0, 'a'),
    () => store.members(index, 1),
    () => store.members(index, 1, { key: 'a', end: Date.now() }),
    () => store.endedNow(index, 60_000),
    () => store.enroll(index, 'c', 60_000, 1),
    () => store.dismiss(index, [{ key: 'a' }, { key: 'b', end: 1 }]),
  );
}

async function walking(client: RedisClient): Promise<unknown[]> {
  const sessions = session({ store: new RedisStore({ client }), prefix, user: ({ user }) => user });
  return failuresOf(
    () => sessions.index(),
    () => sessions.store.count(),
    () => sessions.store.clear(),
  );
}

/** What the option `broadcastEndings` adds. */
async function hearing(client: RedisClient): Promise<unknown[]> {
  const store = new RedisStore({ client });
  const channel = `${prefix}endings`;
  let stop: (() => unknown) | undefined;
  const heard = new Promise<string>((resolve) => {
    stop = store.subscribe(channel, resolve, () => void store.publish(channel, 'ended').catch(() => undefined));
  });
  // A Cluster of node-redis tells nobody that it is connected: the store tries again after a second.
  const patience = isCluster(client) ? 3000 : 500;
  const failures = await failuresOf(
    () => store.peek([`${prefix}one`]),
    () => store.publish(channel, 'told'),
    () => Promise.race([heard, pause(patience).then(() => Promise.reject(new Error('Nothing is heard')))]),
  );
  stop?.();
  return failures;
}

async function failuresOf(...calls: (() => unknown)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const call of calls) {
    try {
      await call();
    } catch (error) {
      failures.push((error as Error).cause ?? error);
    }
  }
  return failures;
}

/** A connection of somebody who may do everything. */
type Operator = RedisClient & { call(...words: string[]): Promise<unknown[][]> };

/** What has been refused on these servers since the last time, by the names of commands. */
async function refusedOn(operators: readonly Operator[]): Promise<string[]> {
  const names: string[] = [];
  for (const operator of operators) {
    const log = await operator.call('ACL', 'LOG', '1000');
    await operator.call('ACL', 'LOG', 'RESET');
    for (const entry of log) names.push(String(entry[entry.indexOf('object') + 1]));
  }
  return names;
}

/** What an application does: requests, and what its options add. */
const uses = { requests, indexing, walking, hearing };
export type Use = keyof typeof uses;

async function run(connect: Connect, servers: readonly RedisServer[], names: readonly Use[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  await onEach(servers, 'SCRIPT FLUSH');
  const connected = await connect(servers);
  try {
    if (!connected.isReady) return [new Error('is not connected')];
    for (const name of names) failures.push(...(await uses[name](connected.client)));
  } finally {
    await connected.end();
  }
  return failures;
}

export const onEach = (servers: readonly RedisServer[], line: string) =>
  Promise.all(servers.map((server) => server.command(line)));

const commandsIn = (line: string) => [...line.matchAll(/ \+([\w|]+)/g)].map(([, name]) => String(name));

/** What a user with a line of `acl` misses, and what the line allows without need. */
export interface Judged {
  refused: string[];
  failures: unknown[];
  superfluous: string[];
  /** How many commands were tried without. */
  tried: number;
}

/** Uses a store as a user with the line that the options print, and then without each command of the line. */
export async function judged(
  name: keyof typeof connectors,
  options: string,
  servers: readonly RedisServer[],
  names: readonly Use[],
): Promise<Judged> {
  const connect = connectors[name] as Connect;
  const operators = servers.map(
    ({ port }) => driverOf('ioredis5').open({ host: '127.0.0.1', port }) as unknown as Operator,
  );
  const line = await lineFor(options);
  await onEach(servers, line);
  try {
    const failures = await run(connect, servers, names);
    const refused = await refusedOn(operators);
    // A Cluster's other commands are those of a single server.
    const others = options.includes('--cluster') ? commandsIn(await lineFor(options.replace('--cluster', ''))) : [];
    const tried = commandsIn(line).filter((one) => !others.includes(one));
    const superfluous: string[] = [];
    for (const name of tried) {
      await onEach(servers, `ACL SETUSER shop -${name}`);
      await run(connect, servers, names);
      if (!(await refusedOn(operators)).includes(name)) superfluous.push(name);
      await onEach(servers, line);
    }
    return { refused, failures, superfluous, tried: tried.length };
  } finally {
    await Promise.all(operators.map((operator) => driverOf('ioredis5').end(operator)));
    await onEach(servers, 'ACL DELUSER shop');
  }
}
