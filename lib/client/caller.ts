import { bareError } from '../base/bare-error';
import { storeLine } from '../base/debug-lines';
import { StoreError, type StoreOperation, StoreTimeoutError, StoreUnavailableError } from '../base/errors';
import { Secrets } from '../base/secrets';
import type { Answer } from '../base/types';
import { isThenable, settle } from './answers';
import type { Budget } from './budget';
import type { ConnectionState } from './status';
import { storeKind } from './store-kind';
import { bytesOf, isTraced, type StoreCall, type StoreMethod, trace } from './tracing';

/** Calls a client of any style, but not while it is disconnected, and not for longer than the budget allows. */
export class ClientCaller {
  readonly #client: object;
  readonly #status: ConnectionState;
  readonly #timeout: number;
  readonly #prefix: string;
  readonly #unanswered: (ms: number) => void;

  /**
   * @param client what is called
   * @param timeout maximum time of a single call, in milliseconds
   * @param prefix prefix of the keys
   * @param unanswered called with the time of each call that used all of it without an answer
   */
  constructor(
    client: object,
    status: ConnectionState,
    timeout: number,
    prefix = '',
    unanswered: (ms: number) => void = () => undefined,
  ) {
    this.#client = client;
    this.#status = status;
    this.#timeout = timeout;
    this.#prefix = prefix;
    this.#unanswered = unanswered;
  }

  /** How often the connection was lost. A driver may resend a call that was pending then. */
  get breaks(): number {
    return this.#status.breaks;
  }

  /** Whether the client can be called now. */
  get isReady(): boolean {
    return this.#status.state === 'available';
  }

  /**
   * Returns `undefined` if the client can be called now; otherwise a promise that rejects with a StoreUnavailableError
   * if the wait takes too long.
   */
  ready(operation: StoreOperation, budget: Budget): Promise<void> | undefined {
    const waiting = this.#status.wait(operation, budget);
    if (waiting === undefined || !isTraced()) return waiting;
    const call = this.#message(operation, 'connect');
    return trace(call, () => noted(call, waiting));
  }

  /** The error for a request that has waited for `ms` milliseconds. */
  late(operation: StoreOperation, ms: number): StoreError {
    const isAway = this.#status.state !== 'available';
    return isAway ? this.#status.unavailable(operation) : this.#timeoutError(operation, ms);
  }

  /**
   * Calls the client through `ask` and resolves to its answer. A `get` that fails with `ENOENT` resolves to
   * `undefined`, since that is how clients on files report a missing session.
   *
   * @param method the method of the client that `ask` calls
   * @param key the record's key, which is removed from errors
   * @param content the session to store, an object or its JSON; removed from errors too
   * @param attempts how often the change has been tried, this call included
   * @throws StoreUnavailableError if the store stays disconnected.
   * @throws StoreTimeoutError if it does not answer in time.
   * @throws StoreError if it fails; `cause` is its error, without session id and data.
   */
  call<T>(
    operation: StoreOperation,
    method: StoreMethod,
    budget: Budget,
    ask: () => Answer<T>,
    key: string,
    content?: unknown,
    attempts?: number,
  ): Promise<T> {
    if (!isTraced()) return this.#call(operation, budget, ask, key, content);
    const call = this.#message(operation, method, content, attempts);
    return trace(call, () => this.#call(operation, budget, ask, key, content, call));
  }

  #call<T>(
    operation: StoreOperation,
    budget: Budget,
    ask: () => Answer<T>,
    key: string,
    content: unknown,
    call?: StoreCall,
  ): Promise<T> {
    const waiting = this.#status.wait(operation, budget);
    if (waiting === undefined) return this.#ask(operation, budget, ask, key, content);
    // The connection may be lost again before this callback runs.
    return (call === undefined ? waiting : noted(call, waiting)).then(() =>
      this.#call(operation, budget, ask, key, content, call),
    );
  }

  #message(operation: StoreOperation, method: StoreMethod, content?: unknown, attempts = 1): StoreCall {
    return {
      ...{ operation, method, store: storeKind(this.#client), prefix: this.#prefix, attempts, bytes: bytesOf(content) },
      ...{ waited: 0, duration: undefined, outcome: undefined, error: undefined },
    };
  }

  /**
   * One promise for everything that may happen to a call: every extra layer would be paid several times per request.
   */
  #ask<T>(operation: StoreOperation, budget: Budget, ask: () => Answer<T>, key: string, content: unknown): Promise<T> {
    const failed = (error: unknown): T => {
      if (operation === 'get' && (error as { code?: unknown } | null | undefined)?.code === 'ENOENT')
        return undefined as T;
      const cause = bareError(error, this.#secrets(key, content));
      if (this.#status.isClientClosed && !(cause instanceof StoreError))
        throw new StoreUnavailableError(operation, { cause });
      throw clientError(operation, cause);
    };
    let answer: T | PromiseLike<T>;
    try {
      answer = settle(ask());
    } catch (error) {
      return Promise.reject(error).catch(failed);
    }
    if (!isThenable(answer)) return Promise.resolve(answer);
    const limit = Math.min(this.#timeout, budget.left);
    if (storeLine.enabled) tellOfWaiting(operation, answer);
    return budget.spendAtMost(limit, answer, () => this.#timedOut(operation, limit), failed);
  }

  #timedOut(operation: StoreOperation, limit: number): StoreTimeoutError {
    if (limit === this.#timeout) this.#unanswered(limit);
    return this.#timeoutError(operation, limit);
  }

  #timeoutError(operation: StoreOperation, ms: number): StoreTimeoutError {
    const cause = this.#status.causeWithin(ms);
    return new StoreTimeoutError(operation, Math.round(ms), cause === undefined ? undefined : { cause });
  }

  #secrets(key: string, content: unknown): Secrets {
    return new Secrets([key, key.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : key], content);
  }
}

/** Notes how long a call waits for the connection. */
function noted(call: StoreCall, waiting: Promise<void>): Promise<void> {
  const since = performance.now();
  return waiting.finally(() => {
    call.waited += performance.now() - since;
  });
}

/** Milliseconds after which an answer is worth a debug line. */
const SLOW = 50;

function tellOfWaiting(operation: StoreOperation, answer: PromiseLike<unknown>): void {
  const since = performance.now();
  const tell = () => {
    const ms = Math.round(performance.now() - since);
    if (ms >= SLOW) storeLine('waited for the answer to "%s": %d ms', operation, ms);
  };
  answer.then(tell, tell);
}

/** Clients may reject with anything, including `undefined`, or with an error of another Store that they use. */
function clientError(operation: StoreOperation, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const own = cause instanceof Error ? cause.message : cause === undefined || cause === null ? '' : String(cause);
  return new StoreError(operation, own || `session store failed to ${operation}`, { cause });
}
