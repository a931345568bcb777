import co = require('co');

import type { Answer } from '../base/types';

/** Calls `use` with a client's answer: at once if it is a value, else when it arrives. */
export function withAnswer<T, U>(answer: Answer<T>, use: (value: T) => U): U | PromiseLike<U> {
  const settled = settle(answer);
  return isThenable(settled) ? settled.then(use) : use(settled);
}

/** A client's answer of any style, as a value or a native promise. */
export function settle<T>(answer: Answer<T>): T | PromiseLike<T> {
  return native(ran(answer));
}

/** Runs thunks and generators, the styles of stores for the first Koa, which `co` ran. */
function ran<T>(answer: Answer<T>): T | PromiseLike<T> {
  if (typeof answer === 'function') {
    const thunk = answer;
    return co(function* () {
      return (yield thunk) as T;
    });
  }
  if (!isGenerator(answer)) return answer as T | PromiseLike<T>;
  if (!(Symbol.asyncIterator in answer)) return co(() => answer);
  // The session could be what it yields or what it returns.
  throw new TypeError(
    'Expected the store to answer with a value, a promise, a thunk or a generator, got an async generator: leave out its `*`',
  );
}

export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function';
}

/** Wraps foreign thenables, which may throw or settle with a promise, in a native promise. */
function native<T>(answer: T | PromiseLike<T>): T | PromiseLike<T> {
  return isThenable(answer) && !(answer instanceof Promise) ? Promise.resolve(answer) : answer;
}

function isGenerator<T>(value: Answer<T>): value is Generator<unknown, T, unknown> {
  const generator = value as Partial<Generator<unknown, T, unknown>> | null | undefined;
  return typeof generator?.next === 'function' && typeof generator.throw === 'function';
}
