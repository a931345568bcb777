import type Koa = require('koa');

import { SessionError } from '../base/errors';

/** The session of one request, and what packages made for Express do with it. */
export interface CallbackSession {
  /** The session; `null` once destroyed, `undefined` before a deferred session was loaded. */
  readonly session: unknown;
  /** Goes on with an empty session under a new id. */
  regenerate(): Promise<unknown>;
  /** Writes what has changed so far. */
  save(): Promise<unknown>;
}

/** Finds the session of a request; `undefined` if another middleware has the request. */
export type CallbackSessionOf = (ctx: Koa.Context) => CallbackSession | undefined;

type Callback = (error?: unknown) => void;
type Method = (callback: Callback) => void;
type Data = Record<PropertyKey, unknown>;

/** Who is asked for the session of a request, by the prototype of the application's requests. */
const asked = new WeakMap<object, CallbackSessionOf[]>();

/** The view that a request was given last. */
const views = new WeakMap<CallbackSession, { session: object; view: object }>();

/** What stands in a session under the name of a method that its view shows in place of it. */
const hidden = new WeakMap<Method, unknown>();

/**
 * Gives the requests of an application a `session` with the methods `regenerate(callback)` and `save(callback)`. koa-passport looks
 * for `ctx.request.session` before `ctx.session`. The session itself has no methods: its names belong to the application, and
 * adding them would cost every request.
 */
export function showOnRequests(app: Koa, sessionOf: CallbackSessionOf): void {
  const { request } = app;
  const known = asked.get(request);
  if (known !== undefined) {
    known.push(sessionOf);
    return;
  }
  // A `session` of the application's, or of another package, stays.
  if ('session' in request) return;
  const all = [sessionOf];
  asked.set(request, all);
  Object.defineProperty(request, 'session', {
    configurable: true,
    enumerable: false,
    get(this: Koa.Request) {
      const owner = ownerOf(this.ctx, all);
      return owner === undefined ? this.ctx['session'] : viewOf(owner, this.ctx);
    },
    set(this: Koa.Request, value: unknown) {
      const owner = ownerOf(this.ctx, all);
      if (owner?.session) Object.defineProperty(this, 'session', { value, writable: true, configurable: true });
      else begin(this.ctx, owner, value);
    },
  });
}

function ownerOf(ctx: Koa.Context, all: CallbackSessionOf[]): CallbackSession | undefined {
  for (const sessionOf of all) {
    const owner = sessionOf(ctx);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** koa-passport 4 begins a session where it finds none. */
function begin(ctx: Koa.Context, owner: CallbackSession | undefined, value: unknown): void {
  if (owner !== undefined && owner.session === undefined) {
    throw new SessionError(
      'ERR_SESSION_DEFERRED',
      'With `defer` the session has to be loaded before Passport uses it: `await ctx.session` in a middleware in front of passport.initialize() and passport.session()',
    );
  }
  Object.assign(ctx, { session: value });
}

function viewOf(owner: CallbackSession, ctx: Koa.Context): unknown {
  const { session } = owner;
  if (typeof session !== 'object' || session === null) return session;
  const known = views.get(owner);
  if (known?.session === session) return known.view;
  const view = makeView(session as Data, owner, ctx);
  views.set(owner, { session, view });
  return view;
}

/** The session with the methods; reading and writing anything else reads and writes the session. */
function makeView(session: Data, owner: CallbackSession, ctx: Koa.Context): object {
  const methods: Record<string, Method> = {
    regenerate: (callback) => settle(owner.regenerate(), callback, ctx),
    save: (callback) => settle(owner.save(), callback, ctx),
  };
  return new Proxy(session, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name);
      const method = Object.hasOwn(methods, name) ? methods[name as string] : undefined;
      // A method of the application's own counts; other data of the name stays where it is.
      if (method === undefined || typeof own === 'function') return own;
      hidden.set(method, own);
      return method;
    },
    // `keepSessionInfo` copies what it reads from the view of the old session to that of the new one.
    set: (target, name, value) => Reflect.set(target, name, hidden.has(value) ? hidden.get(value) : value),
  });
}

/**
 * Calls back when it is done. Passport's callbacks pass an error on, so they are given what they throw themselves: the request
 * fails, and not the process.
 */
function settle(done: Promise<unknown>, callback: Callback, ctx: Koa.Context): void {
  done
    .then(() => callback())
    .catch((error: unknown) => callback(error))
    .catch((error: unknown) => ctx.app.emit('error', error, ctx));
}
