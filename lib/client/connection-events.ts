import { hasMethod } from '../base/expect';

/** A listener. */
export type Heard = (error?: unknown, detail?: unknown) => void;

/** What a Store asks of a client to know where its connection stands, as far as the client has it. */
export interface Emitter {
  on(event: string, listener: Heard): unknown;
  off?(event: string, listener: Heard): unknown;
  removeListener?(event: string, listener: Heard): unknown;
  listenerCount?(event: string): number;
  readonly status?: unknown;
  readonly connected?: unknown;
  readonly isReady?: unknown;
  readonly isOpen?: unknown;
  readonly slots?: unknown;
}

/** Who wants to hear of a client's connection. */
export interface ConnectionListener {
  connected(): void;
  disconnected(): void;
  /** The connection failed, for this reason. */
  failed(error: unknown): void;
}

/** The states in which a Redis client of the ioredis family can be; koa-redis passes its client's on. */
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

/** Where there is a `status`, `connect` means the socket alone: while Redis is LOADING nothing can be read, and `disconnect` is the end of all retries. */
const REDIS_EVENTS = { connected: ['ready'], disconnected: ['close', 'reconnecting', 'end', 'disconnect'] };
/** node-redis says `reconnecting` while it tries to come back; where it gives up it may say no more than `error`. */
const NODE_REDIS_EVENTS = { connected: ['ready'], disconnected: ['reconnecting', 'end', 'error'] };
const PLAIN_EVENTS = { connected: ['connect'], disconnected: ['disconnect'] };

/** One set of listeners on each client, however many Stores share it: Node warns of the eleventh. */
const hubs = new WeakMap<object, ClientHub>();

/** Listens until the function that it returns is called; a client without events is never heard. */
export function listenToClient(client: object, listener: ConnectionListener): () => void {
  if (!isEmitter(client)) return () => undefined;
  let hub = hubs.get(client);
  if (hub === undefined) {
    hub = new ClientHub(client, () => hubs.delete(client));
    hubs.set(client, hub);
  }
  return hub.add(listener);
}

/** Whether the client says of itself that it cannot be asked yet. One that connects on its first command can. */
export function isDisconnected(client: object): boolean {
  if (!isEmitter(client)) return false;
  if (!isRedisLike(client)) return client.connected === false;
  return !['wait', 'ready', 'monitoring'].includes(client.status as string);
}

/** Why a client that has said nothing cannot be asked, by its own state or that of the client that it stands on; `wasThere`: it has been connected. */
export function whyAway(client: object, wasThere: boolean): Error | undefined {
  const { isOpen, status, client: inner } = client as Partial<Emitter> & { client?: Partial<Emitter> };
  const isClosed = isOpen === false || inner?.isOpen === false;
  if (isClosed && !wasThere) return new Error('the client was never connected: await client.connect()');
  return isClosed || [status, inner?.status].includes('end') ? new Error('the client was closed') : undefined;
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
      // An `error` of a connection that lasts is told to whoever asked.
      if (client.isReady !== true) this.#tell('disconnected');
    };
    // What a Cluster of ioredis says of one node; of them all it says but that their connections were closed.
    let ofNode: unknown;
    const ofNodes = (error: unknown, address: unknown) => {
      ofNode = saysClosed(error) ? new Error(`no connection to ${address}, a node of the Cluster`) : error;
    };
    // Where nobody listens, an `error` is to be noticed, and a listener of ours would hide it. It comes first: it says why.
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
  // ioredis-mock says `ready` and `close`, and has no `status`.
  if (isRedisLike(client) || hasMethod(client, 'evalsha')) return REDIS_EVENTS;
  // Its Clusters, which know their `slots`, say `connect` and `disconnect`.
  return typeof client.isReady === 'boolean' && client.slots === undefined ? NODE_REDIS_EVENTS : PLAIN_EVENTS;
}

/** What ioredis says of each command on a connection that could not be had. */
function saysClosed(error: unknown): boolean {
  return (error as Partial<Error> | null | undefined)?.message === 'Connection is closed.';
}

function isRedisLike(client: Emitter): boolean {
  return REDIS_STATES.includes(client.status as string);
}
