import type { Emitter, Heard } from './connection-events';

/** A client around a store of another kind: listeners, and questions about the connection, go to whoever has it. */
export class WrappedConnection {
  readonly #source: Emitter | undefined;

  /** @param store what is wrapped. Where it stands on a client of Redis, that is heard: most such stores pass nothing on. */
  constructor(store: object) {
    const { client, redis } = store as { client?: unknown; redis?: unknown };
    this.#source = [client, redis].find(isRedisClient) ?? (isEmitter(store) ? store : undefined);
  }

  /** Listens to the store, or to the client of Redis that it stands on. */
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

  /** How many listen to the event there. */
  listenerCount(event: string): number {
    return this.#source?.listenerCount?.(event) ?? 0;
  }

  /** `false` while the connection is awaited. A client that nobody has opened answers at once, or opens by being asked. */
  get connected(): boolean {
    const { connected, isReady, isOpen } = this.#source ?? {};
    if (typeof isReady === 'boolean') return isReady || isOpen !== true;
    return connected !== false;
  }

  /** What ioredis says of its connection. */
  get status(): unknown {
    return this.#source?.status;
  }

  /** What node-redis says of its connection. */
  get isReady(): unknown {
    return this.#source?.isReady;
  }

  /** What tells a Cluster of node-redis. */
  get slots(): unknown {
    return this.#source?.slots;
  }
}

function isEmitter(value: unknown): value is Emitter {
  return typeof (value as Partial<Emitter> | null | undefined)?.on === 'function';
}

/** ioredis has a `status`, node-redis says whether it is ready, and its Clusters know their slots. */
function isRedisClient(value: unknown): value is Emitter {
  if (!isEmitter(value)) return false;
  const { status, isReady, slots } = value;
  return typeof status === 'string' || typeof isReady === 'boolean' || slots !== undefined;
}
