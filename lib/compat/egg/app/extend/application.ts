import assert from 'node:assert';
import type { ExternalStore } from '../../../koa-session/types';
import type { EggApplication, StoreClass } from '../../egg-application';

const METHODS = ['get', 'set', 'destroy'] as const;

const application: ThisType<EggApplication> & { sessionStore: unknown } = {
  /** The store of sessions; `undefined` if they are kept in the cookie. */
  get sessionStore(): unknown {
    return this.config.session.store;
  },

  /**
   * Sets the store of sessions: an object with `get`, `set` and `destroy`, or a class of such objects, constructed with
   * `app`. `null` keeps sessions in the cookie. It can be set at any time, and applies from the next request on.
   *
   * @throws AssertionError if the store lacks one of the methods.
   */
  set sessionStore(given: unknown) {
    const { config, logger } = this;
    if (config.session.store && config.env !== 'unittest') {
      logger.warn('[koa-evented-session] app.sessionStore is set already; the new store takes its place.');
    }
    config.session.store = given ? checked(given, this) : undefined;
  },
};

function checked(given: unknown, app: EggApplication): ExternalStore {
  const store = typeof given === 'function' ? new (given as StoreClass)(app) : (given as ExternalStore);
  for (const name of METHODS) assert(typeof store[name] === 'function', `store.${name} must be function`);
  for (const name of METHODS) promise(store, name, app);
  return store;
}

/** Callers of a generator method get a promise, as from other methods. */
function promise(store: ExternalStore, name: (typeof METHODS)[number], app: EggApplication): void {
  const method = store[name];
  const promising = app.toAsyncFunction(method);
  if (promising !== method) Object.assign(store, { [name]: promising });
}

export = application;
