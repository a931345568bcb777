import { expectMethods } from '../base/expect';
import type { Session, SessionStore } from '../base/types';
import { WrappedConnection } from '../client/wrapped-connection';
import { isSessionData, type SessionData } from '../record/record';

/** A store of koa-session, as far as it is used here. `ctx`, which koa-session gives along, is not given. */
export interface KoaSessionStoreLike {
  /** The session under `key`, or nothing. */
  get(key: string, maxAge: undefined, options: { rolling: boolean }): unknown;
  /** Stores the session for `maxAge` milliseconds. */
  set(key: string, session: SessionData, maxAge: number, options: { changed: boolean; rolling: boolean }): unknown;
  /** Removes the session. */
  destroy(key: string, options: object): unknown;
}

const wrapped = new WeakMap<object, KoaSessionClient>();

/** A client around a store of koa-session; see {@link fromKoaSessionStore}. */
export class KoaSessionClient extends WrappedConnection implements SessionStore {
  /** The store as it was given. */
  readonly store: KoaSessionStoreLike;

  /** @throws TypeError where `store` has no `get`, `set` and `destroy`. */
  constructor(store: KoaSessionStoreLike) {
    expectMethods('store', store, ['get', 'set', 'destroy']);
    super(store);
    this.store = store;
  }

  /** The session under `key`; `undefined` where there is none. Stores leave it to koa-session to look at `_expire`. */
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
 * Makes a store of koa-session a client for the option `store`; either reads the other's records. A store that is given again
 * gets the same client, so that all who share it know of each other's writes.
 *
 * @throws TypeError where `store` has no `get`, `set` and `destroy`.
 */
export function fromKoaSessionStore(store: KoaSessionStoreLike): KoaSessionClient {
  const known = wrapped.get(store);
  if (known !== undefined) return known;
  const client = new KoaSessionClient(store);
  wrapped.set(store, client);
  return client;
}

/** Stores in memory keep and hand out the very object that they are given. */
function copyOf(session: object): SessionData {
  return JSON.parse(JSON.stringify(session)) as SessionData;
}
