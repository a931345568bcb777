import { withDeadline } from '../base/deadline';
import { expectMethods } from '../base/expect';
import type { Session, SessionStore, TouchableStore } from '../base/types';
import { WrappedConnection } from '../client/wrapped-connection';
import { isSessionData, type SessionData } from '../record/record';

type Callback = (error?: unknown, value?: unknown) => void;

/** A store of express-session, as far as it is used here. */
export interface ExpressStoreLike {
  /** Calls back with the session, or with nothing where there is none. */
  get(sid: string, callback: Callback): unknown;
  /** Stores the session for as long as its `cookie` says. */
  set(sid: string, session: object, callback: Callback): unknown;
  /** Removes the session. */
  destroy(sid: string, callback: Callback): unknown;
  /** Extends a session that nobody changed. */
  touch?(sid: string, session: object, callback: Callback): unknown;
}

/** Where a stored cookie keeps ours as it is, since the attributes around it tell the store's ttl; express-session ignores it. */
const OWN = 'koa';

/** Milliseconds after which a call that got no answer holds up no other one of the same session. */
const LONGEST_TURN = 10_000;

/** The last date that every database can hold. */
const LAST_DATE = Date.UTC(9999, 11, 31);

const wrapped = new WeakMap<object, ExpressClient>();

/** A client around a store of express-session; see {@link fromExpressStore}. */
export class ExpressClient extends WrappedConnection implements SessionStore, Partial<TouchableStore> {
  /** The store as it was given. */
  readonly store: ExpressStoreLike;
  /** Lets a session live `ttl` more milliseconds; `false` where there is none. There for stores that have it. */
  declare readonly touch?: (key: string, ttl: number) => Promise<boolean>;
  /** The calls that change a session, by its key: each waits for the one before. */
  readonly #turns = new Map<string, Promise<void>>();

  /** @throws TypeError where `store` is no instance with the methods `get`, `set` and `destroy`. */
  constructor(store: ExpressStoreLike) {
    expectInstance(store);
    super(store);
    this.store = store;
    if (typeof store.touch === 'function') this.touch = (key, ttl) => this.#inTurn(key, () => this.#touch(key, ttl));
  }

  /** The session under `key`; `undefined` where there is none. */
  async get(key: string): Promise<Session | undefined> {
    const record = await missingIsNothing(ask((callback) => this.store.get(nameOf(key), callback)));
    return sessionOf(record) as Session | undefined;
  }

  /** Stores a session for `ttl` milliseconds. */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    // Handlers may go on to change it while it waits for its turn.
    const record = recordOf(JSON.parse(JSON.stringify(session)) as SessionData, ttl);
    await this.#inTurn(key, () => ask((callback) => this.store.set(nameOf(key), record, callback)));
  }

  /** Removes the session under `key`. */
  async destroy(key: string): Promise<void> {
    await this.#inTurn(key, () => missingIsNothing(ask((callback) => this.store.destroy(nameOf(key), callback))));
  }

  /** A store's own touch tells nothing, and may create what is missing: so we look first. */
  async #touch(key: string, ttl: number): Promise<boolean> {
    const session: unknown = await this.get(key);
    if (!isSessionData(session)) return false;
    const touched = ask((callback) => this.store.touch?.(nameOf(key), recordOf(session, ttl), callback));
    return (await missingIsNothing(touched.then(() => true))) ?? false;
  }

  /**
   * Stores exist whose touch reads a record and writes it back: a session that was changed meanwhile would be as before, and one
   * that was destroyed would be back.
   */
  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.touch === undefined) return work();
    const before = this.#turns.get(key) ?? Promise.resolve();
    const done = before.then(work);
    const turn = before
      .then(() => withDeadline(done, LONGEST_TURN, () => new Error('no answer')))
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
 * Makes a store of express-session a client for the option `store`. A store that is given again gets the same client, so that
 * all who share it know of each other's writes.
 *
 * @throws TypeError where `store` is no instance with the methods `get`, `set` and `destroy`.
 */
export function fromExpressStore(store: ExpressStoreLike): ExpressClient {
  const known = wrapped.get(store);
  if (known !== undefined) return known;
  const client = new ExpressClient(store);
  wrapped.set(store, client);
  return client;
}

/** What a store calls back with first. One that is async may fail without calling back, and may resolve before it does. */
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

/** Stores on files say so that there is nothing. */
async function missingIsNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { code?: unknown } | null | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What the store is given: the session with a cookie that says how long it is to live, in each way that stores ask for. */
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

/** The session as it was stored, by us or by express-session. */
function sessionOf(record: unknown): unknown {
  if (!isSessionData(record)) return record || undefined;
  const session = { ...record };
  delete session['__lastAccess']; // session-file-store's
  const { cookie } = session;
  if (!isSessionData(cookie)) return session;
  if (!(OWN in cookie)) session['cookie'] = asOurs(cookie);
  else if (cookie[OWN] === null) delete session['cookie'];
  else session['cookie'] = cookie[OWN];
  return session;
}

/** A cookie of express-session's: its `expires` moves on with each request, and what it has left is the store's to know. */
function asOurs(cookie: SessionData): SessionData {
  if (!('originalMaxAge' in cookie)) return cookie;
  const { originalMaxAge: maxAge, expires: _, ...attributes } = cookie;
  return { ...attributes, maxAge };
}

/** The key as a name that is no path: express-session signs every id, so that its stores have never met one of a stranger's. */
function nameOf(key: string): string {
  return key.replace(/[%/\\]/g, encodeURIComponent);
}

/** @throws TypeError */
function expectInstance(store: unknown): void {
  if (typeof store !== 'function') {
    expectMethods('store', store, ['get', 'set', 'destroy']);
    return;
  }
  const { name, prototype } = store as { name: string; prototype?: Partial<ExpressStoreLike> };
  const isClass = typeof prototype?.get === 'function';
  throw new TypeError(
    isClass
      ? `Expected \`store\` to be an instance, got the class ${name}: make one with \`new ${name}(options)\``
      : 'Expected `store` to be an instance of a store for express-session, got a function: ' +
          'give it express-session, and make an instance of the class that it returns, `new (factory(session))(options)`',
  );
}
