import { bareError } from '../base/bare-error';
import { storeLine } from '../base/debug-lines';
import { type StoreOperation, StoreUnavailableError } from '../base/errors';
import { Secrets } from '../base/secrets';
import { unref } from '../base/timer';
import type { Budget } from './budget';

/**
 * State of the store. `pending`: the connection is lost and requests wait for it. `unavailable`: it has been lost for
 * too long, and requests fail at once.
 */
export type StoreState = 'available' | 'pending' | 'unavailable' | 'closed';

/** No session is involved. */
const NONE = new Secrets([]);

interface Waiter {
  resolve(): void;
  reject(): void;
}

/** Whether the store can be called, and the requests that wait until it can. */
export class ConnectionState {
  readonly #reconnectTimeout: number;
  readonly #whyAway: () => Error | undefined;
  readonly #waiters = new Set<Waiter>();
  state: StoreState = 'available';
  /** How often the connection was lost. */
  breaks = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The latest error of the connection. */
  #cause: unknown;
  #failedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param reconnectTimeout milliseconds from `pending` to `unavailable`; 0 skips `pending`
   * @param whyAway the reason according to the client's state, if the client reported no error
   */
  constructor(reconnectTimeout: number, whyAway: () => Error | undefined = () => undefined) {
    this.#reconnectTimeout = reconnectTimeout;
    this.#whyAway = whyAway;
  }

  /** The connection was lost. */
  lost(): void {
    this.breaks += 1;
    if (this.state !== 'available') return;
    if (this.#reconnectTimeout === 0) {
      this.state = 'unavailable';
      return;
    }
    this.state = 'pending';
    this.#timer = unref(setTimeout(() => this.#end('unavailable'), this.#reconnectTimeout));
  }

  /** The connection is back. */
  regained(): void {
    if (this.state !== 'closed') this.#end('available');
  }

  /** The client reported why it has no connection. */
  failed(error: unknown): void {
    // The command that failed may be the one that sent the password.
    this.#cause = bareError(error, NONE);
    this.#failedAt = performance.now();
  }

  /** Why the store cannot be called, if the client reported an error or its state tells. */
  get cause(): unknown {
    return this.#cause ?? this.#whyAway();
  }

  /** The error that the client reported within the last `ms` milliseconds, or why it is disconnected. */
  causeWithin(ms: number): unknown {
    const isRecent = performance.now() - this.#failedAt <= ms;
    return this.state !== 'available' || isRecent ? this.cause : undefined;
  }

  /** Whether the client's state says that it was closed or never opened. Some clients emit no event for it. */
  get isClientClosed(): boolean {
    return this.#whyAway() !== undefined;
  }

  /** The error for a request; `cause` is the latest error of the connection, if the client reported one. */
  unavailable(operation: StoreOperation): StoreUnavailableError {
    const cause = this.state === 'closed' ? new Error('the session middleware was closed') : this.cause;
    return new StoreUnavailableError(operation, cause === undefined ? undefined : { cause });
  }

  /** Ends all waiting: the store will not be called any more. */
  close(): void {
    this.#end('closed');
  }

  /**
   * Returns `undefined` if the store can be called now; otherwise a promise to wait for.
   *
   * @throws StoreUnavailableError by rejection, if it cannot be called in time.
   */
  wait(operation: StoreOperation, budget: Budget): Promise<void> | undefined {
    if (this.state === 'available') return undefined;
    const unavailable = () => this.unavailable(operation);
    if (this.state !== 'pending' || budget.left === 0) return Promise.reject(unavailable());

    const since = performance.now();
    let waiter: Waiter | undefined;
    const connected = new Promise<void>((resolve, reject) => {
      waiter = { resolve, reject: () => reject(unavailable()) };
      this.#waiters.add(waiter);
    });
    return budget.spendAtMost(budget.left, connected, unavailable).finally(() => {
      this.#waiters.delete(waiter as Waiter);
      storeLine('waited for the connection: %d ms, %s', Math.round(performance.now() - since), this.state);
    });
  }

  #end(state: Exclude<StoreState, 'pending'>): void {
    clearTimeout(this.#timer);
    this.state = state;
    if (state === 'available') this.#cause = undefined;
    for (const waiter of this.#waiters) {
      if (state === 'available') waiter.resolve();
      else waiter.reject();
    }
    this.#waiters.clear();
  }
}
