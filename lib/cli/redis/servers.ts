import {
  type IoRedisClient,
  isIoRedis,
  isNodeRedis,
  type NodeRedisClient,
  type RedisClient,
} from '../../stores/redis/driver';

/** One Redis server, for commands that a store has no method for. */
export interface RedisServer {
  /** Host and port. */
  readonly address: string;
  ask(command: string, ...args: string[]): Promise<unknown>;
}

interface IoRedis extends Omit<IoRedisClient, 'nodes' | 'options'> {
  readonly options?: { host?: string; port?: number; path?: string; tls?: unknown };
  call(command: string, ...args: string[]): Promise<unknown>;
  nodes?(role?: string): IoRedis[];
}

interface NodeRedis extends Omit<NodeRedisClient, 'options' | 'sendCommand'> {
  readonly options?: { url?: string; socket?: { host?: string; port?: number; path?: string; tls?: unknown } };
  readonly masters?: readonly { address: string }[];
  nodeClient?(node: unknown): PromiseLike<NodeRedis> | NodeRedis;
  sendCommand(...args: unknown[]): Promise<unknown>;
}

/** The servers behind a client: of a Cluster, its primaries. */
export async function serversOf(client: RedisClient): Promise<RedisServer[]> {
  if (isIoRedis(client)) {
    const one = client as unknown as IoRedis;
    return (isCluster(client) ? (one.nodes?.('master') ?? []) : [one]).map(ofIoRedis);
  }
  const { masters } = client as unknown as NodeRedis;
  if (masters === undefined) return [ofNodeRedis(client as unknown as NodeRedis)];
  return Promise.all(
    masters.map(async (node) =>
      ofNodeRedis((await (client as unknown as NodeRedis).nodeClient?.(node)) as NodeRedis, node.address),
    ),
  );
}

/** Sends a command about one key to the server that has it. */
export function askAbout(client: RedisClient, key: string, command: string, ...args: string[]): Promise<unknown> {
  if (isIoRedis(client)) return (client as unknown as IoRedis).call(command, key, ...args);
  const words = [command, key, ...args];
  const { sendCommand, masters } = client as unknown as NodeRedis;
  return masters === undefined ? sendCommand.call(client, words) : sendCommand.call(client, key, false, words);
}

/** Whether it is a client of a Redis Cluster. */
export function isCluster(client: RedisClient): boolean {
  return isIoRedis(client) ? client.isCluster === true : client.slots !== undefined;
}

/** Whether the connections to a server are encrypted. */
export function isEncrypted(client: RedisClient): boolean {
  if (isNodeRedis(client) && !isIoRedis(client)) {
    const { options } = client as unknown as NodeRedis & { options?: { defaults?: { socket?: { tls?: unknown } } } };
    const socket = options?.socket ?? options?.defaults?.socket;
    return Boolean(socket?.tls) || /^rediss:/i.test(options?.url ?? '');
  }
  const one = (isCluster(client) ? client.nodes?.()[0] : client) as unknown as IoRedis | undefined;
  return Boolean(one?.options?.tls) || Boolean(Object(one?.stream).encrypted);
}

/** The client behind a store, if the store is on Redis. */
export function redisClientOf(store: object): RedisClient | undefined {
  const client: unknown = (store as { client?: unknown }).client;
  if (typeof client !== 'object' || client === null) return undefined;
  return isIoRedis(client) || isNodeRedis(client) ? client : undefined;
}

function ofIoRedis(client: IoRedis): RedisServer {
  const { host = 'localhost', port = 6379, path } = client.options ?? {};
  return { address: path ?? `${host}:${port}`, ask: (command, ...args) => client.call(command, ...args) };
}

function ofNodeRedis(client: NodeRedis, given?: string): RedisServer {
  const { host = 'localhost', port = 6379, path } = client.options?.socket ?? {};
  const { url } = client.options ?? {};
  const address = given ?? path ?? (url !== undefined && URL.canParse(url) ? new URL(url).host : `${host}:${port}`);
  return { address, ask: (command, ...args) => client.sendCommand([command, ...args]) };
}
