import { withTimeout } from '../../base/deadline';
import { hasMethod } from '../../base/expect';
import { type Corkable, RedisBatch } from './batch';

/**
 * What the Redis store needs from a connection, for every client package. Each command uses a single key, so that a
 * Cluster can route it.
 */
export interface RedisDriver {
  /** Returns bytes if the client supports them. */
  get(key: string): Promise<Buffer | string | null>;
  /** `SET key value PX ttl`, with `NX` if `create` is set. Returns whether the value was stored. */
  set(key: string, value: string, ttl: number, create: boolean): Promise<boolean>;
  del(key: string): Promise<unknown>;
  evalsha(sha: string, key: string, args: readonly string[]): Promise<unknown>;
  eval(script: string, key: string, args: readonly string[]): Promise<unknown>;
  /** The first four bytes of a record; `''` if there is none. */
  head(key: string): Promise<string>;
  publish(channel: string, message: string): Promise<unknown>;
  /** Whether scripts can compute a digest. Those of ioredis-mock, the only client without a `status`, cannot. */
  readonly hasDigests: boolean;
  /** Whether commands arrive in the order in which they were given. */
  readonly isOrdered: boolean;
  /** How often a script may have been sent twice without an event of the client. */
  repeats(): number;
  /** Whether the connection accepts commands now. One that opens with its first command does. */
  isReady(): boolean;
  /** Whether the client emits no event when it is ready for the first time. */
  readonly isSilent: boolean;
  /** Closes the connection after the pending answers. */
  quit(): Promise<unknown>;
}

/** The methods of an EventEmitter that all clients have. */
export interface RedisEvents {
  on(event: string, listener: (argument?: unknown) => void): unknown;
  listenerCount(event: string): number;
}

/** The methods of ioredis 4, 5 and 6 in use, for a single connection and a Cluster. */
export interface IoRedisClient extends RedisEvents {
  /** ioredis-mock has `connected` instead. */
  readonly status?: string;
  readonly connected?: boolean;
  readonly isCluster?: boolean;
  readonly options?: {
    redisOptions?: object;
    dropBufferSupport?: boolean;
    connectTimeout?: number;
    enableAutoPipelining?: boolean;
  };
  /** Unanswered commands. */
  readonly commandQueue?: { readonly length: number };
  get(key: string): Promise<string | null>;
  getBuffer?(key: string): Promise<Buffer | null>;
  set(key: string, value: string, ...args: (string | number)[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  getrange(key: string, start: number, end: number): Promise<string>;
  publish(channel: string, message: string): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  readonly stream?: (Corkable & { destroy(): unknown; on(event: string, listener: () => void): unknown }) | null;
  /** Cluster only. */
  nodes?(): IoRedisClient[];
  duplicate(options?: object): IoRedisClient;
  /** Cluster only. */
  duplicate(nodes: readonly unknown[], options: object): IoRedisClient;
}

/** The methods of node-redis 4, 5 and 6 in use, for a single connection and a Cluster. */
export interface NodeRedisClient extends RedisEvents {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  /** Cluster only. */
  readonly slots?: readonly unknown[];
  /** Pool only. */
  execute?(run: (client: unknown) => unknown): unknown;
  readonly options?: { url?: string; socket?: { path?: string }; database?: number } | undefined;
  get(key: string): Promise<unknown>;
  set(key: string, value: string, options: object): Promise<unknown>;
  del(key: string): Promise<unknown>;
  getRange(key: string, start: number, end: number): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** The signature on a Cluster. */
  sendCommand(key: string, isReadonly: boolean, args: readonly string[]): Promise<unknown>;
  connect(): Promise<unknown>;
  quit(): Promise<unknown>;
  /** Versions 5 and 6. */
  disconnect?(): unknown;
  destroy?(): void;
  duplicate(options?: object): NodeRedisClient;
}

/** An existing client. */
export type RedisClient = IoRedisClient | NodeRedisClient;

const COMMANDS = ['get', 'set', 'del', 'eval', 'on'];
/** node-redis 3, with its callbacks, has no `disconnect`. */
const OF_IO_REDIS = [...COMMANDS, 'evalsha', 'disconnect'];
const OF_NODE_REDIS = [...COMMANDS, 'evalSha'];

export function isNodeRedis(client: object): client is NodeRedisClient {
  return missing(client, OF_NODE_REDIS).length === 0;
}

export function isIoRedis(client: object): client is IoRedisClient {
  return missing(client, OF_IO_REDIS).length === 0;
}

/** The methods that a client lacks, compared with the kind closest to it. */
export function missingMethods(client: object): readonly string[] {
  const [ioRedis, nodeRedis] = [missing(client, OF_IO_REDIS), missing(client, OF_NODE_REDIS)];
  return nodeRedis.length < ioRedis.length ? nodeRedis : ioRedis;
}

function missing(client: object, names: readonly string[]): readonly string[] {
  return names.filter((name) => !hasMethod(client, name));
}

/** The last byte of a record's beginning. */
const HEAD = 3;

/** Runs a command, and repeats it if needed. */
export type Asked = <T>(ask: () => Promise<T>) => Promise<T>;

export function ioRedisDriver(client: IoRedisClient): RedisDriver {
  const batch = new RedisBatch();
  // A Cluster resends the commands of a lost node without any other event.
  let lostNodes = 0;
  if (client.isCluster) client.on('-node', () => (lostNodes += 1));
  // Version 4 has an option that makes it refuse bytes.
  const get = client.getBuffer && client.options?.dropBufferSupport !== true ? 'getBuffer' : 'get';
  const batched = (text = '') => {
    batch.join(client.stream, text.length);
    return client;
  };
  return {
    get: (key) => (batched() as Required<IoRedisClient>)[get](key),
    set: async (key, value, ttl, create) =>
      (await batched(value).set(key, value, 'PX', ttl, ...(create ? ['NX'] : []))) !== null,
    del: (key) => batched().del(key),
    head: (key) => batched().getrange(key, 0, HEAD),
    publish: (channel, message) => batched(message).publish(channel, message),
    evalsha: (sha, key, args) => batched(args[0]).evalsha(sha, 1, key, ...args),
    eval: (script, key, args) => batched(args[0]).eval(script, 1, key, ...args),
    hasDigests: client.status !== undefined,
    isOrdered: !client.isCluster && client.options?.enableAutoPipelining !== true,
    isSilent: false,
    repeats: () => lostNodes,
    isReady: () =>
      client.status === undefined ? client.connected !== false : client.status === 'ready' || client.status === 'wait',
    async quit() {
      // Without a connection, QUIT would wait for one.
      if (client.status === 'ready' || client.connected === true) await inTime(client.quit(), () => hangUp(client));
      else client.disconnect();
    },
  };
}

/** Pools of node-redis 5 and 6 emit no events about their connections. */
export function isPool(client: NodeRedisClient): boolean {
  return client.isReady === undefined && client.slots === undefined && typeof client.execute === 'function';
}

/** @param revived runs commands on a connection that can be replaced */
export function nodeRedisDriver(client: NodeRedisClient, revived?: Asked): RedisDriver {
  const isCluster4 = client.slots !== undefined && client.destroy === undefined;
  const run = (command: 'EVAL' | 'EVALSHA', script: string, key: string, args: readonly string[]) => {
    // A Cluster of version 4 does not see the key of a script, and would send it to any node.
    if (isCluster4) return client.sendCommand(key, false, [command, script, '1', key, ...args]);
    const options = { keys: [key], arguments: [...args] };
    return command === 'EVAL' ? client.eval(script, options) : client.evalSha(script, options);
  };
  const isOfPool = isPool(client);
  const askedOfCluster = isCluster4 ? askedIfKnown : askedAgainIfDropped;
  const asked = revived ?? (client.slots !== undefined ? askedOfCluster : isOfPool ? askedIfOpen : askedOnce);
  let repeats = 0;
  function counted<T>(ask: () => Promise<T>): () => Promise<T> {
    if (asked === askedOnce) return ask;
    let times = 0;
    return () => {
      times += 1;
      if (times > 1) repeats += 1;
      return ask();
    };
  }
  function askedIfOpen<T>(ask: () => Promise<T>): Promise<T> {
    if (client.isOpen !== false) return ask();
    return Promise.reject(new Error('the pool was never connected, or was closed: await pool.connect()'));
  }
  /** Otherwise, it would fail with a property read of undefined. */
  function askedIfKnown<T>(ask: () => Promise<T>): Promise<T> {
    if (knowsNodes(client)) return askedAgainIfDropped(ask);
    return Promise.reject(new Error('the Cluster was never connected, or was closed: await cluster.connect()'));
  }
  return {
    get: async (key) => {
      const value = await asked(() => client.get(key));
      return value === null ? null : String(value);
    },
    set: async (key, value, ttl, create) =>
      (await asked(() => client.set(key, value, { PX: ttl, NX: create }))) !== null,
    del: (key) => asked(() => client.del(key)),
    head: async (key) => String(await asked(() => client.getRange(key, 0, HEAD))),
    publish: (channel, message) => asked(() => client.publish(channel, message)),
    evalsha: (sha, key, args) => asked(counted(() => run('EVALSHA', sha, key, args))),
    eval: (script, key, args) => asked(counted(() => run('EVAL', script, key, args))),
    hasDigests: true,
    isOrdered: client.slots === undefined && !isOfPool,
    isSilent: isCluster4,
    repeats: () => repeats,
    // Clusters of versions 4 and 5 are open before they know their nodes, and version 4 emits no event once it does.
    isReady: () => isOfPool || (client.isReady ?? (client.isOpen === true && knowsNodes(client))),
    async quit() {
      const isReady = client.isReady ?? client.isOpen;
      const ended = client.quit();
      // Without a connection there is no answer to wait for; the client gives up once its connection attempt ends.
      if (isReady) await inTime(ended, () => (client.destroy ? client.destroy() : client.disconnect?.()));
      else ended.catch(() => undefined);
    },
  };
}

/** A Cluster may serve only some of the slots. */
function knowsNodes({ slots }: NodeRedisClient): boolean {
  return slots?.some((slot) => slot !== undefined) === true;
}

/**
 * When slots have moved, a Cluster of node-redis drops the connections to servers that no longer have any, and fails
 * their pending commands. Redis may have run them; all commands of the store may safely run twice.
 */
async function askedAgainIfDropped<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isDropped(error)) throw error;
    return ask();
  }
}

function askedOnce<T>(ask: () => Promise<T>): Promise<T> {
  return ask();
}

/** Whether node-redis itself dropped the connection of the command. */
export function isDropped(error: unknown): boolean {
  return (error as Partial<Error> | null | undefined)?.constructor?.name === 'DisconnectsClientError';
}

/** Does not wait for the other side to close, since a server that hangs never does. */
function hangUp(client: IoRedisClient): void {
  client.disconnect();
  for (const node of client.nodes?.() ?? [client]) node.stream?.destroy();
}

/** How long to wait for the answer to QUIT, in milliseconds. A server that hangs must not keep the process alive. */
const QUIT_TIMEOUT = 1000;

async function inTime(quit: Promise<unknown>, giveUp: () => unknown): Promise<void> {
  await withTimeout(quit, QUIT_TIMEOUT, () => new Error('QUIT was not answered'))
    .catch(giveUp)
    // node-redis 4 is already closed by now.
    .catch(() => undefined);
}
