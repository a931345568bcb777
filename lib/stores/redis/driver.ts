import { withDeadline } from '../../base/deadline';
import { hasMethod } from '../../base/expect';
import { type Corkable, RedisBatch } from './batch';

/** What the Redis store asks of a connection, whichever package it comes from. Every command is on one key, so that a Cluster can route it. */
export interface RedisDriver {
  /** Bytes where the client gives them. */
  get(key: string): Promise<Buffer | string | null>;
  /** `SET key value PX ttl`, with `NX` where `create` is set: whether it was stored. */
  set(key: string, value: string, ttl: number, create: boolean): Promise<boolean>;
  del(key: string): Promise<unknown>;
  evalsha(sha: string, key: string, args: readonly string[]): Promise<unknown>;
  eval(script: string, key: string, args: readonly string[]): Promise<unknown>;
  /** Whether scripts can make a digest: ioredis-mock, whose scripts cannot, is alone without a `status`. */
  readonly hasDigests: boolean;
  /** How often a script may have been sent a second time, where no event of the client tells. */
  repeats(): number;
  /** Whether commands are taken at once. A connection that opens with its first command is. */
  isReady(): boolean;
  /** Whether no event of the client tells when it is ready for the first time. */
  readonly isSilent: boolean;
  /** Ends the connection, after the answers that are under way. */
  quit(): Promise<unknown>;
}

/** What a client of any kind offers as an EventEmitter. */
export interface RedisEvents {
  on(event: string, listener: (argument?: unknown) => void): unknown;
  listenerCount(event: string): number;
}

/** The methods of ioredis 4, 5 and 6 that are used here, of a single connection and of a Cluster. */
export interface IoRedisClient extends RedisEvents {
  /** ioredis-mock has `connected` in its place. */
  readonly status?: string;
  readonly connected?: boolean;
  readonly isCluster?: boolean;
  readonly options?: { redisOptions?: object; dropBufferSupport?: boolean; connectTimeout?: number };
  /** What is unanswered. */
  readonly commandQueue?: { readonly length: number };
  get(key: string): Promise<string | null>;
  getBuffer?(key: string): Promise<Buffer | null>;
  set(key: string, value: string, ...args: (string | number)[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  readonly stream?: (Corkable & { destroy(): unknown; on(event: string, listener: () => void): unknown }) | null;
  /** Those of a Cluster. */
  nodes?(): IoRedisClient[];
  duplicate(options?: object): IoRedisClient;
  /** Of a Cluster. */
  duplicate(nodes: readonly unknown[], options: object): IoRedisClient;
}

/** The methods of node-redis 4, 5 and 6 that are used here, of a single connection and of a Cluster. */
export interface NodeRedisClient extends RedisEvents {
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  /** Of a Cluster. */
  readonly slots?: readonly unknown[];
  /** Of a pool. */
  execute?(run: (client: unknown) => unknown): unknown;
  readonly options?: { url?: string; socket?: { path?: string } } | undefined;
  get(key: string): Promise<unknown>;
  set(key: string, value: string, options: object): Promise<unknown>;
  del(key: string): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** As it is called on a Cluster. */
  sendCommand(key: string, isReadonly: boolean, args: readonly string[]): Promise<unknown>;
  connect(): Promise<unknown>;
  quit(): Promise<unknown>;
  /** Of versions 5 and 6. */
  disconnect?(): unknown;
  destroy?(): void;
  duplicate(options?: object): NodeRedisClient;
}

/** A client that the user has already. */
export type RedisClient = IoRedisClient | NodeRedisClient;

const COMMANDS = ['get', 'set', 'del', 'eval', 'on'];
/** node-redis 3, which calls back, has no `disconnect`. */
const OF_IO_REDIS = [...COMMANDS, 'evalsha', 'disconnect'];
const OF_NODE_REDIS = [...COMMANDS, 'evalSha'];

export function isNodeRedis(client: object): client is NodeRedisClient {
  return missing(client, OF_NODE_REDIS).length === 0;
}

export function isIoRedis(client: object): client is IoRedisClient {
  return missing(client, OF_IO_REDIS).length === 0;
}

/** What a client would need that it has not, of the kind that it is closest to. */
export function missingMethods(client: object): readonly string[] {
  const [ioRedis, nodeRedis] = [missing(client, OF_IO_REDIS), missing(client, OF_NODE_REDIS)];
  return nodeRedis.length < ioRedis.length ? nodeRedis : ioRedis;
}

function missing(client: object, names: readonly string[]): readonly string[] {
  return names.filter((name) => !hasMethod(client, name));
}

/** How a command is asked, and asked again. */
export type Asked = <T>(ask: () => Promise<T>) => Promise<T>;

export function ioRedisDriver(client: IoRedisClient): RedisDriver {
  const batch = new RedisBatch();
  // A Cluster sends the commands of a lost node again, and says nothing of it otherwise.
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
    evalsha: (sha, key, args) => batched(args[0]).evalsha(sha, 1, key, ...args),
    eval: (script, key, args) => batched(args[0]).eval(script, 1, key, ...args),
    hasDigests: client.status !== undefined,
    isSilent: false,
    repeats: () => lostNodes,
    isReady: () =>
      client.status === undefined ? client.connected !== false : client.status === 'ready' || client.status === 'wait',
    async quit() {
      // Without a connection QUIT would wait for one.
      if (client.status === 'ready' || client.connected === true) await inTime(client.quit(), () => hangUp(client));
      else client.disconnect();
    },
  };
}

/** A pool of node-redis 5 and 6 tells nothing of its connections. */
export function isPool(client: NodeRedisClient): boolean {
  return client.isReady === undefined && client.slots === undefined && typeof client.execute === 'function';
}

/** @param revived how commands are asked of a connection that can be made anew */
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
  /** It would fail to read a property of nothing. */
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
    evalsha: (sha, key, args) => asked(counted(() => run('EVALSHA', sha, key, args))),
    eval: (script, key, args) => asked(counted(() => run('EVAL', script, key, args))),
    hasDigests: true,
    isSilent: isCluster4,
    repeats: () => repeats,
    // Clusters of versions 4 and 5 are open before they know their nodes, and that of version 4 never tells when it does.
    isReady: () => isOfPool || (client.isReady ?? (client.isOpen === true && knowsNodes(client))),
    async quit() {
      const isReady = client.isReady ?? client.isOpen;
      const ended = client.quit();
      // Without a connection nobody answers; the client goes once its attempt to have one is over.
      if (isReady) await inTime(ended, () => (client.destroy ? client.destroy() : client.disconnect?.()));
      else ended.catch(() => undefined);
    },
  };
}

/** A Cluster may serve some of the slots only. */
function knowsNodes({ slots }: NodeRedisClient): boolean {
  return slots?.some((slot) => slot !== undefined) === true;
}

/**
 * When slots have moved, a Cluster of node-redis drops its connections to servers that have none any more, and fails the commands
 * that are under way there. Redis may have carried them out: all of those that the store asks for may be done twice.
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

/** Whether node-redis itself has dropped the connection on which the command was. */
export function isDropped(error: unknown): boolean {
  return (error as Partial<Error> | null | undefined)?.constructor?.name === 'DisconnectsClientError';
}

/** Without waiting for the other side to close, as one that hangs never does. */
function hangUp(client: IoRedisClient): void {
  client.disconnect();
  for (const node of client.nodes?.() ?? [client]) node.stream?.destroy();
}

/** Milliseconds for Redis to answer QUIT; one that hangs must not hold the process. */
const QUIT_TIMEOUT = 1000;

async function inTime(quit: Promise<unknown>, giveUp: () => unknown): Promise<void> {
  await withDeadline(quit, QUIT_TIMEOUT, () => new Error('QUIT was not answered'))
    .catch(giveUp)
    // node-redis 4 counts as closed already.
    .catch(() => undefined);
}
