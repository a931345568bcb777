import { randomUUID } from 'node:crypto';
import { NO_RECORD } from '../../base/record-keys';
import type { RedisClient } from '../../stores/redis/driver';
import { askAbout, isCluster, isEncrypted, type RedisServer, serversOf } from '../redis/servers';
import { thousands } from '../table';
import { clockDifference } from './clock';
import { type Check, notAsked, ok, problem, type Result, skipped, warning, worstOf } from './finding';

/** What the checks of Redis look at. */
export interface Redis {
  client: RedisClient;
  prefix: string;
}

/** Keys that a search for other prefixes looks at. */
const SEARCHED = 10_000;
const AT_ONCE = 1000;
const DEFAULT_USER = 'default';

/** Whether Redis answers, and how fast. */
export const reachable: Check<Redis> = {
  name: 'reachable',
  run: async ({ client, prefix }) => {
    const began = performance.now();
    await askAbout(client, probeOf(prefix), 'GET');
    const took = performance.now() - began;
    return ok(`answers within ${took.toFixed(1)} ms${isCluster(client) ? ', a Cluster' : ''}`);
  },
};

const tls: Check<Redis> = {
  name: 'TLS',
  run: async ({ client }) => {
    if (isEncrypted(client)) return ok('encrypted');
    const servers = await serversOf(client);
    if (servers.every(({ address }) => isLocal(address))) return ok('not encrypted, and not needed on this machine');
    return warning('not encrypted', 'Sessions and the password can be read on the way. Use rediss://');
  },
};

const credentials: Check<Redis> = {
  name: 'credentials',
  run: async ({ client }) => {
    const name = await userOf(client);
    if (name !== DEFAULT_USER) return ok(`Redis user ${name}`);
    return warning(
      'the user is `default`, who may usually do everything',
      'Make a user for each business: `npx koa-evented-session acl` prints the command',
    );
  },
};

const foreign: Check<Redis> = {
  name: 'foreign prefix',
  run: async ({ client, prefix }) => {
    if (prefix === '') return skipped('every key begins with the empty prefix');
    try {
      await askAbout(client, `koa-evented-session-doctor:${randomUUID()}`, 'GET');
    } catch (error) {
      if (String((error as Error).message).startsWith('NOPERM')) return ok('NOPERM, as it should be');
      throw error;
    }
    // The default user may usually do everything, which the check of credentials reports.
    const isDefault = (await userOf(client).catch(() => DEFAULT_USER)) === DEFAULT_USER;
    return (isDefault ? warning : problem)(
      'this user can read keys that do not begin with the prefix, instead of NOPERM',
      'A fault of this application would reach the sessions of others. `npx koa-evented-session acl` prints the command for a user of this prefix alone',
    );
  },
};

const scripts: Check<Redis> = {
  name: 'scripts',
  run: async ({ client, prefix }) => {
    const source = "return redis.call('GET', KEYS[1])";
    try {
      await evaluate(client, source, probeOf(prefix));
    } catch (error) {
      return problem(
        `refused: ${(error as Error).message}`,
        'Sessions are changed by scripts: allow EVAL and EVALSHA, as `npx koa-evented-session acl` does',
      );
    }
    return ok('allowed');
  },
};

const role: Check<Redis> = {
  name: 'role',
  run: onEach(async (server) => {
    const info = await infoOf(server, 'replication');
    if (info['role'] !== 'slave') return ok('primary');
    return problem(
      `a replica of ${info['master_host']}:${info['master_port']}`,
      'Writes fail with READONLY. Connect to the primary, by Sentinels or by the address that follows it',
    );
  }),
};

const persistence: Check<Redis> = {
  name: 'persistence',
  run: onEach(async (server) => {
    const info = await infoOf(server, 'persistence');
    if (info['aof_last_write_status'] === 'err' || info['rdb_last_bgsave_status'] === 'err') {
      return problem(
        'the last attempt to write the disk failed',
        'Redis may refuse writes. Look at its log, and at the disk',
      );
    }
    if (info['aof_enabled'] === '1') return ok('appendonly yes');
    const save = await configOf(server, 'save').catch(() => undefined);
    if (save === undefined) return skipped('appendonly no; whether it saves snapshots could not be asked');
    if (save === '') {
      return warning('nothing is written to disk', 'A restart logs everybody out. Set `appendonly yes`');
    }
    return warning(
      `only snapshots, save ${save}`,
      'A crash loses the sessions and logouts since the last snapshot. Set `appendonly yes`',
    );
  }),
};

/** The part of `maxmemory` from which on it is nearly used up. */
const NEARLY = 0.9;

const memory: Check<Redis> = {
  name: 'memory',
  run: onEach(async (server) => {
    const info = await infoOf(server, 'memory');
    const policy = info['maxmemory_policy'] ?? (await configOf(server, 'maxmemory-policy'));
    const [most, used] = [Number(info['maxmemory'] ?? 0), Number(info['used_memory'] ?? 0)];
    if (most === 0) return ok(`no maxmemory, policy ${policy}`);
    const percent = Math.round((100 * used) / most);
    const found = `maxmemory-policy ${policy}, ${percent} % of ${thousands(most)} bytes used`;
    if (policy !== 'noeviction') {
      return problem(found, 'A full Redis logs visitors out. Set `maxmemory-policy noeviction`, and watch the memory');
    }
    if (used < NEARLY * most) return ok(found);
    return warning(found, 'A full Redis refuses new sessions. Raise `maxmemory`, or shorten the ttl');
  }),
};

const clock: Check<Redis> = {
  name: 'clock',
  run: onEach((server) =>
    clockDifference(async () => {
      const [seconds, micros] = ((await server.ask('TIME')) as unknown[]).map(Number) as [number, number];
      return seconds * 1000 + Math.floor(micros / 1000);
    }),
  ),
};

const prefixes: Check<Redis> = {
  name: 'prefixes',
  run: async ({ client, prefix }) => {
    const found = new Set<string>();
    let looked = 0;
    for (const server of await serversOf(client)) {
      for await (const keys of keysOf(server)) {
        looked += keys.length;
        for (const key of keys) {
          const other = otherPrefixOf(key, prefix);
          if (other !== undefined) found.add(other);
        }
        if (looked >= SEARCHED) break;
      }
    }
    if (found.size === 0) return ok(`none begins with another, among ${thousands(looked)} keys`);
    const names = [...found].slice(0, 3).map((name) => JSON.stringify(name));
    return problem(
      `${names.join(', ')} and ${JSON.stringify(prefix)} begin with one another`,
      'A visitor could present the rest of a key as an id. Move one of them to another prefix, such as `shop-eu:sess:`',
    );
  },
};

/** The oldest version for all that the package does. */
const OLDEST = 6;

/** The version of a server. */
export const serverVersion: Check<Redis> = {
  name: 'Redis',
  run: onEach(async (server) => {
    const info = await infoOf(server, 'server');
    const { valkey_version: valkey, redis_version: redis = '?' } = info;
    if (valkey !== undefined) return ok(`Valkey ${valkey}`);
    if (Number.parseInt(redis, 10) >= OLDEST) return ok(`Redis ${redis}`);
    return warning(
      `Redis ${redis}`,
      `Access control lists need Redis ${OLDEST} or later, and indexes of users Redis 5`,
    );
  }),
};

/** The checks of Redis, in order. */
export const REDIS_CHECKS: readonly Check<Redis>[] = [
  tls,
  credentials,
  foreign,
  prefixes,
  scripts,
  role,
  persistence,
  memory,
  clock,
  serverVersion,
];

/** Asks every server; the worst answer counts. */
function onEach(check: (server: RedisServer) => Promise<Result>): (redis: Redis) => Promise<Result> {
  return async ({ client }) => {
    const servers = await serversOf(client);
    const results = servers.map(async (server) => ({
      address: server.address,
      result: await check(server).catch(notAsked),
    }));
    return worstOf(await Promise.all(results));
  };
}

async function userOf(client: RedisClient): Promise<string> {
  const [server] = await serversOf(client);
  return String(await server?.ask('ACL', 'WHOAMI'));
}

async function infoOf(server: RedisServer, section: string): Promise<Record<string, string>> {
  const text = String(await server.ask('INFO', section));
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
}

async function configOf(server: RedisServer, name: string): Promise<string | undefined> {
  const answer = await server.ask('CONFIG', 'GET', name);
  // RESP3 answers with a map.
  const value: unknown = Array.isArray(answer) ? answer[1] : Object(answer)[name];
  return value === undefined ? undefined : String(value);
}

async function* keysOf(server: RedisServer): AsyncGenerator<string[], void, undefined> {
  let cursor = '0';
  do {
    const [next, keys] = (await server.ask('SCAN', cursor, 'COUNT', String(AT_ONCE))) as [unknown, unknown[]];
    cursor = String(next);
    yield keys.map(String);
  } while (cursor !== '0');
}

/** An id, or the hash of one, or the index of a user. */
const NAME = new RegExp(`^(.*[^\\w-])(?:[\\w-]{24}|[\\w-]{32}|[\\w-]{43}|${NO_RECORD}user:[\\w-]{22})$`, 's');

/**
 * The prefix of a session's key, if it begins with the given one or the given one with it. What looks like a session is
 * taken for one.
 */
export function otherPrefixOf(key: string, prefix: string): string | undefined {
  const [, own] = NAME.exec(key) ?? [];
  if (own === undefined || own === prefix || own === '') return undefined;
  return own.startsWith(prefix) || prefix.startsWith(own) ? own : undefined;
}

/** A key that no session has. */
function probeOf(prefix: string): string {
  return `${prefix}${NO_RECORD}doctor`;
}

function evaluate(client: RedisClient, source: string, key: string): Promise<unknown> {
  return (client as { eval(...args: unknown[]): Promise<unknown> }).eval(
    source,
    ...('evalSha' in client ? [{ keys: [key], arguments: [] }] : [1, key]),
  );
}

function isLocal(address: string): boolean {
  return address.startsWith('/') || /^(?:localhost|127\.[\d.]+|::1|\[::1\])(?::\d+)?$/.test(address);
}
