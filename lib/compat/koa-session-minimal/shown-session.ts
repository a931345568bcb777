import type Koa = require('koa');

import type { ContextSession } from '../../middleware/engine';
import { type Data, fromEngine, toEngine } from './data';

const UNREAD = Symbol('nobody has read or set ctx.session');

/** What handlers see of a session. */
export interface ShownSession {
  /** Lets the session hold what the handlers have left on ctx. */
  settle(): void;
  /** Shows the session anew, since it has become another one. */
  showAnew(): void;
}

/** Shows the session's data as `ctx.session`, a property that can be deleted. */
export function showSession(ctx: Koa.Context, session: ContextSession): ShownSession {
  let shown: unknown = UNREAD;
  /** The data that handlers have been given. */
  let given: Data | undefined;
  function read(): unknown {
    if (shown !== UNREAD) {
      session.watch(settle);
      return shown;
    }
    session.wasRead();
    session.watch(settle);
    given = fromEngine(session.session ?? {});
    shown = given;
    return shown;
  }
  Object.defineProperty(ctx, 'session', {
    configurable: true,
    enumerable: true,
    get: read,
    set(value: unknown) {
      session.watch(settle);
      shown = value;
    },
  });

  // Deleted, and perhaps set again: then the property is another.
  const isOurs = () => Object.getOwnPropertyDescriptor(ctx, 'session')?.get === read;

  function settle(): void {
    if (isOurs() && shown === UNREAD) return;
    const left: unknown = ctx.session;
    // The cookie function finds an object, as the handlers of other requests do.
    if (typeof left !== 'object' || left === null) Object.assign(ctx, { session: {} });
    const data = ctx.session as object;
    if (data === given) write(session.session as Data, toEngine(data));
    // Set to nothing, or to an empty object: the session has ended, whatever other requests put into it.
    else if (isPlain(data) && Object.keys(data).length === 0) session.session = null;
    else session.session = isPlain(data) ? toEngine(data) : data;
  }

  function showAnew(): void {
    if (isOurs()) shown = UNREAD;
    else Object.assign(ctx, { session: {} });
  }

  return { settle, showAnew };
}

/** Key by key: what another request has stored meanwhile stays. */
function write(session: Data, data: Data): void {
  for (const key of Object.keys(session)) {
    if (key !== 'cookie' && !Object.hasOwn(data, key)) delete session[key];
  }
  for (const [key, value] of Object.entries(data)) {
    Object.defineProperty(session, key, { value, configurable: true, enumerable: true, writable: true });
  }
}

/** Of anything else the engine knows what to make: it takes objects that have a `toJSON`, and refuses arrays and promises. */
function isPlain(data: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(data);
  return prototype === Object.prototype || prototype === null;
}
