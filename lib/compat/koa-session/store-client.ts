import { type Session, type SessionStore, WrappedConnection } from '../../middleware/engine';
import { dated } from './lifetime';
import { requests, type StoreRequest } from './request';
import type { ExternalStore } from './types';

/** Milliseconds that a record outlives its cookie. */
const LONGER = 10_000;

/** A client around the store that the request has; it gets what koa-session gives it. */
class StoreClient extends WrappedConnection implements SessionStore {
  /** Each record says itself when it ends. */
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

/** The client of a store: one for each, so that all requests on it know of each other. */
export function clientOf(store: object): SessionStore {
  return known(store, () => new StoreClient(store));
}

/**
 * The client of one that was made for a request. Each may stand on a database of its own, where the same key is another's; and
 * its connection is not listened to, which may be that of all others.
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
