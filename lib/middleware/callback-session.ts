import type Koa = require('koa');

import { SessionError } from '../base/errors';

/** The session of one request, with what packages written for Express call on it. */
export interface CallbackSession {
  /** The session; `null` once destroyed, `undefined` before a deferred session is loaded. */
  readonly session: unknown;
  /** Continues with an empty session under a new id. */
  regenerate(): Promise<unknown>;
  /** Saves the changes made so far. */
  save(): Promise<unknown>;
}

/** Returns the session of a request; `undefined` if another middleware has the request. */
export type CallbackSessionOf = (ctx: Koa.Context) => CallbackSession | undefined;

type Callback = (error?: unknown) => void;
type Method = (callback: Callback) => void;
type Data = Record<PropertyKey, unknown>;

/** Functions that find the session of a request, by the prototype of the application's requests. */
const asked = new WeakMap<object, CallbackSessionOf[]>();

/** The latest view of each session. */
const views = new WeakMap<CallbackSession, { session: object; view: object }>();

/** Values in a session that its view hides behind a method of the same name. */
const hidden = new WeakMap<Method, unknown>();

/**
 * Gives the requests of an application a `session` with the methods `regenerate(callback)` and `save(callback)`:
 * koa-passport looks for `ctx.request.session` before `ctx.session`. The session itself gets no methods, since its keys
 * belong to the application and adding methods would cost every request.
 */
export function showOnRequests(app: Koa, sessionOf: CallbackSessionOf): void {
  const { request } = app;
  const known = asked.get(request);
  if (known !== undefined) {
    known.push(sessionOf);
    return;
  }
  // The application or another package has defined its own `session`: keep it.
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

/** koa-passport 4 assigns a session if it finds none. */
function begin(ctx: Koa.Context, owner: CallbackSession | undefined, value: unknown): void {
  if (owner !== undefined && owner.session === undefined) {
    throw new SessionError(
      'ERR_SESSION_DEFERRED',
      'With `defer`, load the session before Passport uses it: `await ctx.session` in a middleware before passport.initialize() and passport.session()',
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

/** The session with the two methods. All other reads and writes go to the session. */
function makeView(session: Data, owner: CallbackSession, ctx: Koa.Context): object {
  const methods: Record<string, Method> = {
    regenerate: (callback) => settle(owner.regenerate(), callback, ctx),
    save: (callback) => settle(owner.save(), callback, ctx),
  };
  return new Proxy(session, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name);
      const method = Object.hasOwn(methods, name) ? methods[name as string] : undefined;
      // A method that the application has set wins; other data under the name is kept.
      if (method === undefined || typeof own === 'function') return own;
      hidden.set(method, own);
      return method;
    },
    // `keepSessionInfo` copies everything it reads from the old session's view to the new one.
    set: (target, name, value) => Reflect.set(target, name, hidden.has(value) ? hidden.get(value) : value),
  });
}

/**
 * Calls back when `done` settles. An error that the callback throws goes to the callback again, since Passport's
 * callbacks pass errors on: the request fails instead of the process.
 */
function settle(done: Promise<unknown>, callback: Callback, ctx: Koa.Context): void {
  done
    .then(() => callback())
    .catch((error: unknown) => callback(error))
    .catch((error: unknown) => ctx.app.emit('error', error, ctx));
}
