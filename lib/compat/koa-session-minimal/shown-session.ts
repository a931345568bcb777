import type Koa = require('koa');

import type { ContextSession } from '../../middleware/engine';
import { type Data, fromEngine, toEngine } from './data';

const UNREAD = Symbol('nobody has read or set ctx.session');

/** The session as handlers see it. */
export interface ShownSession {
  /** Copies what the handlers left in `ctx.session` into the session. */
  settle(): void;
  /** Shows the session that replaced the previous one. */
  showAnew(): void;
}

/** Shows the session's data as `ctx.session`, a property that can be deleted. */
export function showSession(ctx: Koa.Context, session: ContextSession): ShownSession {
  let shown: unknown = UNREAD;
  /** The data that handlers received. */
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

  // A handler may have deleted the property, and set another.
  const isOurs = () => Object.getOwnPropertyDescriptor(ctx, 'session')?.get === read;

  function settle(): void {
    if (isOurs() && shown === UNREAD) return;
    const left: unknown = ctx.session;
    // The cookie function finds an object, as handlers do.
    if (typeof left !== 'object' || left === null) Object.assign(ctx, { session: {} });
    const data = ctx.session as object;
    if (data === given) write(session.session as Data, toEngine(data));
    // `null` or an empty object ends the session, whatever other requests have added.
    else if (isPlain(data) && Object.keys(data).length === 0) session.session = null;
    else session.session = isPlain(data) ? toEngine(data) : data;
  }

  function showAnew(): void {
    if (isOurs()) shown = UNREAD;
    else Object.assign(ctx, { session: {} });
  }

  return { settle, showAnew };
}

/** Key by key, to keep what other requests have stored. */
function write(session: Data, data: Data): void {
  for (const key of Object.keys(session)) {
    if (key !== 'cookie' && !Object.hasOwn(data, key)) delete session[key];
  }
  for (const [key, value] of Object.entries(data)) {
    Object.defineProperty(session, key, { value, configurable: true, enumerable: true, writable: true });
  }
}

/** The engine handles the rest: it accepts objects with `toJSON`, and rejects arrays and promises. */
function isPlain(data: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(data);
  return prototype === Object.prototype || prototype === null;
}
