import { hasMethod } from '../base/expect';

/** A listener. */
export type Heard = (error?: unknown, detail?: unknown) => void;

/** What a Store uses to learn the state of a client's connection, as far as the client provides it. */
export interface Emitter {
  on(event: string, listener: Heard): unknown;
  off?(event: string, listener: Heard): unknown;
  removeListener?(event: string, listener: Heard): unknown;
  listenerCount?(event: string): number;
  readonly status?: unknown;
  readonly connected?: unknown;
  readonly isReady?: unknown;
  readonly isOpen?: unknown;
  readonly socketEpoch?: unknown;
  readonly slots?: unknown;
}

/** Receives the connection events of a client. */
export interface ConnectionListener {
  connected(): void;
  disconnected(): void;
  /** The connection failed with this error. */
  failed(error: unknown): void;
}

/** The states of Redis clients of the ioredis family. koa-redis exposes its client's. */
const REDIS_STATES = [
  'wait',
  'connecting',
  'connect',
  'ready',
  'monitoring',
  'close',
  'reconnecting',
  'disconnecting',
  'end',
];

/**
 * For clients with a `status`, `connect` concerns only the socket: while Redis is LOADING, nothing can be read.
 * `disconnect` marks the end of all retries.
 */
const REDIS_EVENTS = { connected: ['ready'], disconnected: ['close', 'reconnecting', 'end', 'disconnect'] };
/** node-redis emits `reconnecting` while it retries; when it gives up, it may emit only `error`. */
const NODE_REDIS_EVENTS = { connected: ['ready'], disconnected: ['reconnecting', 'end', 'error'] };
const PLAIN_EVENTS = { connected: ['connect'], disconnected: ['disconnect'] };

/** One set of listeners per client, however many Stores share it: Node warns of the eleventh listener. */
const hubs = new WeakMap<object, ClientHub>();

/** Listens until the returned function is called. A client without events is never heard. */
export function listenToClient(client: object, listener: ConnectionListener): () => void {
  if (!isEmitter(client)) return () => undefined;
  let hub = hubs.get(client);
  if (hub === undefined) {
    hub = new ClientHub(client, () => hubs.delete(client));
    hubs.set(client, hub);
  }
  return hub.add(listener);
}

/** Whether the client reports that it cannot be called yet. One that connects on its first command can. */
export function isDisconnected(client: object): boolean {
  if (!isEmitter(client)) return false;
  if (!isRedisLike(client)) return client.connected === false;
  return !['wait', 'ready', 'monitoring'].includes(client.status as string);
}

/**
 * Why a client that reported no error cannot be called, according to its state or that of the client behind it.
 * `wasThere` tells whether it has been connected since it was given.
 */
export function whyAway(client: object, wasThere: boolean): Error | undefined {
  const { isOpen, status, socketEpoch, client: inner } = client as Partial<Emitter> & { client?: Partial<Emitter> };
  const isClosed = isOpen === false || inner?.isOpen === false;
  if (!isClosed && ![status, inner?.status].includes('end')) return undefined;
  // node-redis counts its connections from version 5 on.
  const connections = socketEpoch ?? inner?.socketEpoch;
  if (!isClosed || wasThere || Number(connections) > 0) return new Error('the client was closed');
  const orClosed = connections === undefined ? ', or was closed' : '';
  return new Error(`the client was never connected${orClosed}: await client.connect()`);
}

class ClientHub {
  readonly #listeners = new Set<ConnectionListener>();
  readonly #client: Emitter;
  readonly #subscriptions: [event: string, heard: Heard][];
  readonly #ended: () => void;

  constructor(client: Emitter, ended: () => void) {
    this.#client = client;
    this.#ended = ended;
    const events = eventsOf(client);
    const connected = () => this.#tell('connected');
    const disconnected = () => {
      // If the connection still works, the caller of the failed command gets its `error`.
      if (client.isReady !== true) this.#tell('disconnected');
    };
    // ioredis' Cluster reports details for single nodes; for the Cluster as a whole, it says only that the connections
    // were closed.
    let ofNode: unknown;
    const ofNodes = (error: unknown, address: unknown) => {
      ofNode = saysClosed(error) ? new Error(`no connection to ${address}, a node of the Cluster`) : error;
    };
    // Only if the application listens too: a listener here would suppress Node's exception for an unhandled `error`.
    // Comes first, since it gives the reason.
    const failed: [string, Heard][] = client.listenerCount?.('error')
      ? [
          ['node error', ofNodes],
          ['error', (error) => this.#failed(saysClosed(Object(error).lastNodeError) ? (ofNode ?? error) : error)],
        ]
      : [];
    this.#subscriptions = [
      ...failed,
      ...events.connected.map((event): [string, Heard] => [event, connected]),
      ...events.disconnected.map((event): [string, Heard] => [event, disconnected]),
    ];
    for (const [event, heard] of this.#subscriptions) client.on(event, heard);
  }

  add(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#end();
    };
  }

  #failed(error: unknown): void {
    for (const listener of this.#listeners) listener.failed(error);
  }

  #tell(what: 'connected' | 'disconnected'): void {
    for (const listener of this.#listeners) listener[what]();
  }

  #end(): void {
    const client = this.#client;
    for (const [event, heard] of this.#subscriptions) {
      if (typeof client.off === 'function') client.off(event, heard);
      else client.removeListener?.(event, heard);
    }
    this.#ended();
  }
}

function isEmitter(client: object): client is Emitter {
  return hasMethod(client, 'on');
}

function eventsOf(client: Emitter) {
  // ioredis-mock emits `ready` and `close`, but has no `status`.
  if (isRedisLike(client) || hasMethod(client, 'evalsha')) return REDIS_EVENTS;
  // Its Clusters, which have `slots`, emit `connect` and `disconnect`.
  return typeof client.isReady === 'boolean' && client.slots === undefined ? NODE_REDIS_EVENTS : PLAIN_EVENTS;
}

/** ioredis' message for every command on a connection that could not be opened. */
function saysClosed(error: unknown): boolean {
  return (error as Partial<Error> | null | undefined)?.message === 'Connection is closed.';
}

function isRedisLike(client: Emitter): boolean {
  return REDIS_STATES.includes(client.status as string);
}
