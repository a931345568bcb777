import { expectMethods } from '../base/expect';
import type { Session, SessionStore } from '../base/types';
import { WrappedConnection } from '../client/wrapped-connection';
import { isSessionData, type SessionData } from '../record/record';

/**
 * The methods of a koa-session store that this package calls. It does not pass `ctx` in the options, as koa-session
 * does.
 */
export interface KoaSessionStoreLike {
  /** Returns the session under `key`, if there is one. */
  get(key: string, maxAge: undefined, options: { rolling: boolean }): unknown;
  /** Stores the session for `maxAge` milliseconds. */
  set(key: string, session: SessionData, maxAge: number, options: { changed: boolean; rolling: boolean }): unknown;
  /** Removes the session. */
  destroy(key: string, options: object): unknown;
}

const wrapped = new WeakMap<object, KoaSessionClient>();

/** Adapts a store of koa-session; see {@link fromKoaSessionStore}. */
export class KoaSessionClient extends WrappedConnection implements SessionStore {
  /** The wrapped store. */
  readonly store: KoaSessionStoreLike;

  /** @throws TypeError if `store` has no `get`, `set` and `destroy`. */
  constructor(store: KoaSessionStoreLike) {
    expectMethods('store', store, ['get', 'set', 'destroy']);
    super(store);
    this.store = store;
  }

  /** The kind of the store, for traces and metrics. */
  get kind(): 'koa-session-store' {
    return 'koa-session-store';
  }

  /**
   * Returns the session under `key`; `undefined` if there is none. Checks `_expire`, since stores leave that to
   * koa-session.
   */
  async get(key: string): Promise<Session | undefined> {
    const record: unknown = await this.store.get(key, undefined, { rolling: false });
    if (!isSessionData(record)) return (record ?? undefined) as Session | undefined;
    const { _expire: end, _maxAge, _session, ...session } = record;
    return typeof end === 'number' && end <= Date.now() ? undefined : (copyOf(session) as Session);
  }

  /** Stores a session for `ttl` milliseconds. */
  async set(key: string, session: Session, ttl: number): Promise<void> {
    const record = { ...copyOf(session), _expire: Date.now() + ttl, _maxAge: ttl };
    await this.store.set(key, record, ttl, { changed: true, rolling: false });
  }

  /** Removes the session under `key`. */
  async destroy(key: string): Promise<void> {
    await this.store.destroy(key, {});
  }
}

/**
 * Adapts a store of koa-session for the option `store`. The two packages can read each other's records. The same store
 * always gets the same client, so that all users of the store share what it knows of pending writes.
 *
 * @throws TypeError if `store` has no `get`, `set` and `destroy`.
 */
export function fromKoaSessionStore(store: KoaSessionStoreLike): KoaSessionClient {
  const known = wrapped.get(store);
  if (known !== undefined) return known;
  const client = new KoaSessionClient(store);
  wrapped.set(store, client);
  return client;
}

/** In-memory stores keep and return the same object that they are given. */
function copyOf(session: object): SessionData {
  return JSON.parse(JSON.stringify(session)) as SessionData;
}
