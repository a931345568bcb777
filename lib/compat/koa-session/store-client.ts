import { type Session, type SessionStore, WrappedConnection } from '../../middleware/engine';
import { dated } from './lifetime';
import { requests, type StoreRequest } from './request';
import type { ExternalStore } from './types';

/** How long a record outlives its cookie, in milliseconds. */
const LONGER = 10_000;

/** Calls the store of the current request, with koa-session's arguments. */
class StoreClient extends WrappedConnection implements SessionStore {
  /** Every record notes its own end. */
  readonly notesEnd = true;

  get(key: string): unknown {
    const { ctx, options, store } = current();
    return store.get(key, options.maxAge, { ctx, rolling: options.rolling === true });
  }

  set(key: string, session: Session): unknown {
    const { ctx, options, store, unchanged } = current();
    const changed = unchanged === undefined || unchanged !== JSON.stringify(session);
    const record = dated(session);
    const maxAge = record._session === true ? 'session' : (record._maxAge as number) + LONGER;
    return store.set(key, record, maxAge, { changed, ctx, rolling: options.rolling === true });
  }

  destroy(key: string): unknown {
    const { ctx, store } = current();
    return store.destroy(key, { ctx });
  }
}

const clients = new WeakMap<object, StoreClient>();

/** The client of a store. All requests on a store share it, to know of each other's writes. */
export function clientOf(store: object): SessionStore {
  return known(store, () => new StoreClient(store));
}

/**
 * The client of a store that was made for one request. It shares nothing, since such stores may use separate databases
 * with equal keys. It does not listen for the connection, which other requests may share.
 */
export function clientOfRequest(store: object): SessionStore {
  return known(store, () => new StoreClient({}));
}

function known(store: object, make: () => StoreClient): StoreClient {
  const client = clients.get(store) ?? make();
  clients.set(store, client);
  return client;
}

function current(): StoreRequest & { store: ExternalStore } {
  return requests.getStore() as StoreRequest & { store: ExternalStore };
}
