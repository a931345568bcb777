import { withTimeout } from '../base/deadline';
import { expectMethods } from '../base/expect';
import { recordKeys } from '../base/record-keys';
import type { EnumerableStore, KeysFound, Session, SessionStore, TouchableStore } from '../base/types';
import { classOf } from '../client/store-kind';
import { WrappedConnection } from '../client/wrapped-connection';
import { isSessionData, type SessionData } from '../record/record';

type Callback = (error?: unknown, value?: unknown) => void;

/** The methods of an express-session store that this package calls. */
export interface ExpressStoreLike {
  /** Calls back with the session, or without a value if there is none. */
  get(sid: string, callback: Callback): unknown;
  /** Stores the session for the lifetime in its `cookie`. */
  set(sid: string, session: object, callback: Callback): unknown;
  /** Removes the session. */
  destroy(sid: string, callback: Callback): unknown;
  /** Extends an unchanged session. */
  touch?(sid: string, session: object, callback: Callback): unknown;
  /** Calls back with the ids of all sessions, as connect-redis and memorystore do. */
  ids?(callback: Callback): unknown;
  /** Calls back with all sessions: an object by session id, or a list of sessions with their `id`. */
  all?(callback: Callback): unknown;
}

/**
 * Holds this package's cookie unchanged inside the stored one, whose attributes tell the store the ttl. express-session
 * ignores it.
 */
const OWN = 'koa';

/** Milliseconds after which an unanswered call no longer blocks the next call for the same session. */
const LONGEST_TURN = 10_000;

/** The latest date that every database can store. */
const LAST_DATE = Date.UTC(9999, 11, 31);

const wrapped = new WeakMap<object, ExpressClient>();

/** Adapts a store of express-session; see {@link fromExpressStore}. */
export class ExpressClient
  extends WrappedConnection
  implements SessionStore, Partial<TouchableStore>, Partial<EnumerableStore>
{
  /** The wrapped store. */
  readonly store: ExpressStoreLike;
  /**
   * Sets the remaining lifetime of a session to `ttl` milliseconds; resolves to `false` if there is none. Present if
   * the store can `touch`.
   */
  declare readonly touch?: (key: string, ttl: number) => Promise<boolean>;
  /**
   * Returns all keys that start with `prefix`, at once. Present if the store has `ids` or `all`.
   *
   * @throws Error by rejection, if the store does not tell the ids of its sessions.
   */
  declare readonly keys?: (prefix: string) => Promise<KeysFound>;
  /** The last pending change of each session, by key: changes run one after the other. */
  readonly #turns = new Map<string, Promise<void>>();

  /** @throws TypeError if `store` is not an instance with the methods `get`, `set` and `destroy`. */
  constructor(store: ExpressStoreLike) {
    expectInstance(store);
    super(store);
    this.store = store;
    if (typeof store.touch === 'function') this.touch = (key, ttl) => this.#inTurn(key, () => this.#touch(key, ttl));
    if (typeof store.ids === 'function' || typeof store.all === 'function') this.keys = (prefix) => this.#keys(prefix);
  }

  /** The kind of the store, for traces and metrics: `express:` and the name of the store's class. */
  get kind(): `express:${string}` {
    return `express:${classOf(this.store)}`;
  }

  /** Returns the session under `key`; `undefined` if there is none. */
  async get(key: string): Promise<Session | undefined> {
    const record = await missingIsNothing(ask((callback) => this.store.get(nameOf(key), callback)));
    return sessionOf(record) as Session | undefined;
  }

  /** Stores a session for `ttl` milliseconds. */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    // A copy: handlers may change the session while the call waits for its turn.
    const record = recordOf(JSON.parse(JSON.stringify(session)) as SessionData, ttl);
    await this.#inTurn(key, () => ask((callback) => this.store.set(nameOf(key), record, callback)));
  }

  /** Removes the session under `key`. */
  async destroy(key: string): Promise<void> {
    await this.#inTurn(key, () => missingIsNothing(ask((callback) => this.store.destroy(nameOf(key), callback))));
  }

  async #keys(prefix: string): Promise<KeysFound> {
    const { store } = this;
    const ids = store.ids && (await ask((callback) => store.ids?.(callback)));
    const names = Array.isArray(ids) ? ids.map(String) : idsIn(await ask((callback) => store.all?.(callback)));
    return { keys: recordKeys(names.map(keyOf), prefix) };
  }

  /** The store's `touch` does not tell whether the session exists, and may create it. So read it first. */
  async #touch(key: string, ttl: number): Promise<boolean> {
    const session: unknown = await this.get(key);
    if (!isSessionData(session)) return false;
    const touched = ask((callback) => this.store.touch?.(nameOf(key), recordOf(session, ttl), callback));
    return (await missingIsNothing(touched.then(() => true))) ?? false;
  }

  /**
   * Some stores implement `touch` as read and write back: running beside another change, it would undo that change or
   * restore a destroyed session.
   */
  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.touch === undefined) return work();
    const before = this.#turns.get(key) ?? Promise.resolve();
    const done = before.then(work);
    const turn = before
      .then(() => withTimeout(done, LONGEST_TURN, () => new Error('no answer')))
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#turns.get(key) === turn) this.#turns.delete(key);
      });
    this.#turns.set(key, turn);
    return done;
  }
}

/**
 * Adapts a store of express-session for the option `store`. The same store always gets the same client, so that all
 * users of the store share what it knows of pending writes.
 *
 * @throws TypeError if `store` is not an instance with the methods `get`, `set` and `destroy`.
 */
export function fromExpressStore(store: ExpressStoreLike): ExpressClient {
  const known = wrapped.get(store);
  if (known !== undefined) return known;
  const client = new ExpressClient(store);
  wrapped.set(store, client);
  return client;
}

/**
 * Resolves with the store's first callback. Only a rejection of its promise counts: an async store may fail without
 * calling back, and may resolve before it calls back.
 */
function ask(call: (callback: Callback) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const returned = call((error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
    if (typeof (returned as PromiseLike<unknown> | null | undefined)?.then === 'function') {
      (returned as PromiseLike<unknown>).then(undefined, reject);
    }
  });
}

/** File-based stores report a missing session as an error. */
async function missingIsNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { code?: unknown } | null | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The session as the store gets it: its cookie states the lifetime in every form that stores look for. */
function recordOf(session: SessionData, ttl: number): SessionData {
  const { cookie } = session;
  const now = Date.now();
  const expires = new Date(Math.min(now + ttl, LAST_DATE));
  const maxAge = expires.getTime() - now;
  return {
    ...session,
    cookie: { ...(cookie as object | undefined), originalMaxAge: maxAge, maxAge, expires, [OWN]: cookie ?? null },
  };
}

/** The session as stored, by this package or by express-session. */
function sessionOf(record: unknown): unknown {
  if (!isSessionData(record)) return record || undefined;
  const session = { ...record };
  delete session['__lastAccess']; // added by session-file-store
  const { cookie } = session;
  if (!isSessionData(cookie)) return session;
  if (!(OWN in cookie)) session['cookie'] = asOurs(cookie);
  else if (cookie[OWN] === null) delete session['cookie'];
  else session['cookie'] = cookie[OWN];
  return session;
}

/**
 * Converts express-session's cookie. Its `expires` moves with each request, and only the store knows the remaining
 * lifetime.
 */
function asOurs(cookie: SessionData): SessionData {
  if (!('originalMaxAge' in cookie)) return cookie;
  const { originalMaxAge: maxAge, expires: _, ...attributes } = cookie;
  return { ...attributes, maxAge };
}

/**
 * Encodes the key so that it cannot be used as a path. express-session signs every id, so its stores never had to
 * handle an id that a visitor chose.
 */
function nameOf(key: string): string {
  return key.replace(/[%/\\]/g, encodeURIComponent);
}

/** The key in a name; of a name that is not encoded like this, the name, which then leads nowhere. */
function keyOf(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/**
 * The ids of all sessions.
 *
 * @throws Error if they are not among what the store has called back with.
 */
function idsIn(all: unknown): string[] {
  if (isSessionData(all)) return Object.keys(all);
  const ids = Array.isArray(all) ? all.map((session: unknown) => Object(session).id as unknown) : [undefined];
  if (ids.every((id): id is string => typeof id === 'string')) return ids;
  throw new Error('the method `all` of the store does not tell the ids of its sessions: use a store with `ids`');
}

/** @throws TypeError if it is not an instance of a store. */
function expectInstance(store: unknown): void {
  if (typeof store !== 'function') {
    expectMethods('store', store, ['get', 'set', 'destroy']);
    return;
  }
  const { name, prototype } = store as { name: string; prototype?: Partial<ExpressStoreLike> };
  const isClass = typeof prototype?.get === 'function';
  throw new TypeError(
    isClass
      ? `Expected \`store\` to be an instance, got the class ${name}: create one with \`new ${name}(options)\``
      : 'Expected `store` to be an instance of a store for express-session, got a function: ' +
          'pass it express-session and create an instance of the class it returns, `new (factory(session))(options)`',
  );
}
