import assert from 'node:assert';
import type { ExternalStore } from '../../../koa-session/types';
import type { EggApplication, StoreClass } from '../../egg-application';

const METHODS = ['get', 'set', 'destroy'] as const;

const application: ThisType<EggApplication> & { sessionStore: unknown } = {
  /** Where sessions are kept; `undefined` where that is the cookie. */
  get sessionStore(): unknown {
    return this.config.session.store;
  },

  /**
   * Keeps sessions in a store: an object with `get`, `set` and `destroy`, or a class of such objects that is constructed with
   * `app`. `null` keeps them in the cookie. It may be set at any time, and counts from the next request on.
   *
   * @throws AssertionError for a store without one of the methods.
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

/** Whoever calls a method that is a generator function gets a promise, as of any other. */
function promise(store: ExternalStore, name: (typeof METHODS)[number], app: EggApplication): void {
  const method = store[name];
  const promising = app.toAsyncFunction(method);
  if (promising !== method) Object.assign(store, { [name]: promising });
}

export = application;
