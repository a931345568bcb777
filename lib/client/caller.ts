import co = require('co');

import { bareError } from '../base/bare-error';
import { storeLine } from '../base/debug-lines';
import { StoreError, type StoreOperation, StoreTimeoutError, StoreUnavailableError } from '../base/errors';
import { Secrets } from '../base/secrets';
import type { Answer } from '../base/types';
import type { Budget } from './budget';
import type { StoreStatus } from './status';

/** Asks a client, whatever style it is written in: never while it is disconnected, never for longer than the budget. */
export class ClientCaller {
  readonly #status: StoreStatus;
  readonly #timeout: number;
  readonly #prefix: string;
  readonly #unanswered: (ms: number) => void;

  /**
   * @param timeout milliseconds that a single call may take
   * @param prefix what keys start with, before the session's id
   * @param unanswered hears of each call that had all that time, and no answer
   */
  constructor(status: StoreStatus, timeout: number, prefix = '', unanswered: (ms: number) => void = () => undefined) {
    this.#status = status;
    this.#timeout = timeout;
    this.#prefix = prefix;
    this.#unanswered = unanswered;
  }

  /** How often the connection was lost: a driver may send a call again that was under way then. */
  get breaks(): number {
    return this.#status.breaks;
  }

  /** Whether the client can be asked now. */
  get isReady(): boolean {
    return this.#status.state === 'available';
  }

  /** `undefined` where the client can be asked now; otherwise a promise of it, which rejects with a StoreUnavailableError. */
  ready(operation: StoreOperation, budget: Budget): Promise<void> | undefined {
    return this.#status.wait(operation, budget);
  }

  /** What a request is told that has waited for `ms` milliseconds. */
  late(operation: StoreOperation, ms: number): StoreError {
    const isAway = this.#status.state !== 'available';
    return isAway ? this.#status.unavailable(operation) : this.#timeoutError(operation, ms);
  }

  /**
   * What the client answers to `ask`. A `get` that fails with `ENOENT` answers `undefined`: so clients on files say that there is nothing.
   *
   * @param key the record's, which no error tells
   * @param content what is to be stored: an object, or its JSON; no error tells it either
   * @throws StoreUnavailableError where the store stays disconnected.
   * @throws StoreTimeoutError where it gives no answer in time.
   * @throws StoreError where it fails; `cause` is its own error, without session id and data.
   */
  call<T>(operation: StoreOperation, budget: Budget, ask: () => Answer<T>, key: string, content?: unknown): Promise<T> {
    const waiting = this.ready(operation, budget);
    if (waiting === undefined) return this.#ask(operation, budget, ask, key, content);
    // The connection may be gone again by the time that its return is heard of here.
    return waiting.then(() => this.call(operation, budget, ask, key, content));
  }

  /** One promise for all that may happen to a call: each layer more is there in every request, several times. */
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
      answer = native(settle(ask()));
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

/** Milliseconds after which an answer is worth a line. */
const SLOW = 50;

function tellOfWaiting(operation: StoreOperation, answer: PromiseLike<unknown>): void {
  const since = performance.now();
  const tell = () => {
    const ms = Math.round(performance.now() - since);
    if (ms >= SLOW) storeLine('waited for the answer to "%s": %d ms', operation, ms);
  };
  answer.then(tell, tell);
}

/** Thunks and generators are what stores of the first Koa answer with; `co` is what ran them. */
function settle<T>(answer: Answer<T>): T | PromiseLike<T> {
  if (typeof answer === 'function') {
    const thunk = answer;
    return co(function* () {
      return (yield thunk) as T;
    });
  }
  if (!isGenerator(answer)) return answer as T | PromiseLike<T>;
  if (!(Symbol.asyncIterator in answer)) return co(() => answer);
  // What it yields could be meant as well as what it returns.
  throw new TypeError(
    'Expected the store to answer with a value, a promise, a thunk or a generator, got an async generator: leave out its `*`',
  );
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function';
}

/** Thenables of other makes may throw, or settle with a promise: a promise of this language makes up for that. */
function native<T>(answer: T | PromiseLike<T>): T | PromiseLike<T> {
  return isThenable(answer) && !(answer instanceof Promise) ? Promise.resolve(answer) : answer;
}

function isGenerator<T>(value: Answer<T>): value is Generator<unknown, T, unknown> {
  const generator = value as Partial<Generator<unknown, T, unknown>> | null | undefined;
  return typeof generator?.next === 'function' && typeof generator.throw === 'function';
}

/** Clients reject with anything, `undefined` included; or with an error of another Store that they stand on. */
function clientError(operation: StoreOperation, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const own = cause instanceof Error ? cause.message : cause === undefined || cause === null ? '' : String(cause);
  return new StoreError(operation, own || `session store failed to ${operation}`, { cause });
}
