import { tracingChannel } from 'node:diagnostics_channel';
import type { SessionErrorCode, StoreError, StoreOperation } from '../base/errors';
import type { SessionStore, StoreAbility } from '../base/types';

/** What is called: a method of the store, or `'connect'` for writes that wait together until it is connected. */
export type StoreMethod = keyof SessionStore | Exclude<StoreAbility, 'subscribe'> | 'pack' | 'unpack' | 'connect';

/**
 * How a call of the store went. `found`: it returned what was asked for. `nothing`: there was nothing, or only what is
 * left of a session that has ended. `stored`: the change was carried out. `ended`: the record was removed, or replaced
 * by the marker of its end. `conflict`: another request was first, and nothing was changed. `gone`: the record to change
 * is no longer there. `connected`: the store can be called again. Otherwise the code of the error.
 */
export type StoreOutcome =
  | 'found'
  | 'nothing'
  | 'stored'
  | 'ended'
  | 'conflict'
  | 'gone'
  | 'connected'
  | SessionErrorCode;

/**
 * A message of the tracing channel `koa-evented-session:store`. One object belongs to one call of the store; what is
 * known only afterwards is added to it before `asyncStart`. Holds neither ids nor data nor users.
 */
export interface StoreCall {
  /** What the call is for: the `operation` of its errors. */
  readonly operation: StoreOperation;
  /** The method of the store that is called. */
  readonly method: StoreMethod;
  /**
   * The kind of the store: `redis`, `memory`, `cookie`, `keyv`, `koa-session-store`, `knex:` and the dialect, `express:`
   * and the name of a class, or `sealed:` and the kind of the store within. For another store its `kind`, or else the name of its class.
   */
  readonly store: string;
  /** The prefix of the store's keys. */
  readonly prefix: string;
  /** The number of times that the change has been tried, this call included: more than 1 after conflicts. */
  readonly attempts: number;
  /**
   * The number of bytes of the record that is written or was read, as UTF-8. `undefined` for calls without a record, and
   * for a store that takes objects instead of text.
   */
  bytes: number | undefined;
  /** Milliseconds that the call waited until the store was connected. */
  waited: number;
  /** Milliseconds from the beginning of the call to its end, including `waited`; `undefined` until then. */
  duration: number | undefined;
  /** How the call went; `undefined` until its end. */
  outcome: StoreOutcome | undefined;
  /** The error, if the call failed. Holds neither the session's id nor its data. */
  error: StoreError | undefined;
}

/** Its members keep the five channels alive. `hasSubscribers` of all together is not there in Node 20.12. */
const { start, end, asyncStart, asyncEnd, error } = tracingChannel<string, StoreCall>('koa-evented-session:store');

/** Whether anybody listens. */
export function isTraced(): boolean {
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    error.hasSubscribers
  );
}

/** Runs what it is given within a context. */
type Surrounding = <T>(run: () => T) => T;

/** A key of messages, the same for all copies of this package in a process. */
const SURROUNDING = Symbol.for('koa-evented-session:surrounding');

type Surrounded = StoreCall & { [SURROUNDING]?: Surrounding };

/**
 * Lets a call of the store run within a context that no `AsyncLocalStorage` of the caller holds. For those that are told
 * of `start`, while they are told: since Node 26 a channel no longer calls `run` of the storages that are bound to it.
 */
export function surround(call: StoreCall, inner: Surrounding): void {
  const surrounded = call as Surrounded;
  const outer = surrounded[SURROUNDING];
  surrounded[SURROUNDING] = outer === undefined ? inner : (run) => outer(() => inner(run));
}

/**
 * Calls the store through `ask`, which never throws, and tells of it as Node's `tracePromise` does. That one would show
 * the answer, which is a session.
 */
export function trace<T>(call: StoreCall, ask: () => Promise<T>): Promise<T> {
  const since = performance.now();
  const ended = () => {
    call.duration = performance.now() - since;
    asyncStart.publish(call);
    asyncEnd.publish(call);
  };
  const traced = () => {
    const answer = ask().then(
      (value) => {
        call.outcome = outcomeOf(call, value);
        call.bytes ??= bytesOf(recordIn(call, value));
        ended();
        return value;
      },
      (failure: StoreError) => {
        call.error = failure;
        call.outcome = failure.code;
        error.publish(call);
        ended();
        throw failure;
      },
    );
    end.publish(call);
    return answer;
  };
  return start.runStores(call, () => {
    const { [SURROUNDING]: surrounding } = call as Surrounded;
    return surrounding === undefined ? traced() : surrounding(traced);
  });
}

/** The size of a record's text. */
export function bytesOf(record: unknown): number | undefined {
  return typeof record === 'string' ? Buffer.byteLength(record) : undefined;
}

/** The record in the answer of a method that reads one. A session may have a key of this name. */
function recordIn({ method }: StoreCall, answer: unknown): unknown {
  return outcomes[method] === ofRecord ? Object(answer).record : undefined;
}

function outcomeOf(call: StoreCall, answer: unknown): StoreOutcome {
  return outcomes[call.method]?.(answer, call) ?? done(answer, call);
}

type Outcome = (answer: unknown, call: StoreCall) => StoreOutcome;

const done: Outcome = (_answer, { operation }) => (operation === 'destroy' ? 'ended' : 'stored');
const unless =
  (refusal: StoreOutcome): Outcome =>
  (answer, call) =>
    answer === false ? refusal : done(answer, call);
const ofRecord: Outcome = (answer) => (isSession(Object(answer).record) ? 'found' : 'nothing');
const ofEnd: Outcome = (answer) => (isSession(answer) ? 'ended' : 'nothing');

/** What the answers of the methods tell. Of a method that is not here, every answer means that it has been done. */
const outcomes: { readonly [Method in StoreMethod]?: Outcome } = {
  get: (answer) => (isSession(answer) ? 'found' : 'nothing'),
  load: ofRecord,
  mark: ofRecord,
  unpack: ofRecord,
  remove: ofEnd,
  take: ofEnd,
  members: (answer) => (Object(answer).length > 0 ? 'found' : 'nothing'),
  keys: (answer) => (Object(Object(answer).keys).length > 0 ? 'found' : 'nothing'),
  create: unless('conflict'),
  enroll: unless('conflict'),
  touch: unless('gone'),
  swap: (answer, call) => {
    const { ok, gone } = Object(answer) as { ok?: unknown; gone?: unknown };
    if (answer === true || ok === true) return done(answer, call);
    return gone === true ? 'gone' : 'conflict';
  },
  connect: () => 'connected',
};

/** Markers are texts that start with `null`. */
function isSession(found: unknown): boolean {
  return found !== undefined && found !== null && !(typeof found === 'string' && found.startsWith('null'));
}
