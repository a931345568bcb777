import type { Emitter, Heard } from './connection-events';

/**
 * Base of clients around another kind of store: passes listeners and questions about the connection to the object that
 * has the connection.
 */
export class WrappedConnection {
  readonly #source: Emitter | undefined;

  /**
   * @param store the wrapped store. If it uses a Redis client, events come from that client: most such stores emit
   *   none.
   */
  constructor(store: object) {
    const { client, redis } = store as { client?: unknown; redis?: unknown };
    this.#source = [client, redis].find(isRedisClient) ?? (isEmitter(store) ? store : undefined);
  }

  /** Listens to the store, or to its Redis client. */
  on(event: string, listener: Heard): this {
    this.#source?.on(event, listener);
    return this;
  }

  /** Stops listening. */
  off(event: string, listener: Heard): this {
    const source = this.#source;
    if (typeof source?.off === 'function') source.off(event, listener);
    else source?.removeListener?.(event, listener);
    return this;
  }

  /** The number of listeners for the event. */
  listenerCount(event: string): number {
    return this.#source?.listenerCount?.(event) ?? 0;
  }

  /**
   * `false` while the connection is being opened. A client that has not been opened fails at once, or opens on its
   * first call.
   */
  get connected(): boolean {
    const { connected, isReady, isOpen } = this.#source ?? {};
    if (typeof isReady === 'boolean') return isReady || isOpen !== true;
    return connected !== false;
  }

  /** The connection state of ioredis. */
  get status(): unknown {
    return this.#source?.status;
  }

  /** The connection state of node-redis. */
  get isReady(): unknown {
    return this.#source?.isReady;
  }

  /** Identifies a Cluster of node-redis. */
  get slots(): unknown {
    return this.#source?.slots;
  }
}

function isEmitter(value: unknown): value is Emitter {
  return typeof (value as Partial<Emitter> | null | undefined)?.on === 'function';
}

/** ioredis has a `status`, node-redis an `isReady`, and its Clusters have `slots`. */
function isRedisClient(value: unknown): value is Emitter {
  if (!isEmitter(value)) return false;
  const { status, isReady, slots } = value;
  return typeof status === 'string' || typeof isReady === 'boolean' || slots !== undefined;
}
