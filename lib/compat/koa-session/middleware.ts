import type Koa = require('koa');

import {
  announceTakers,
  type SessionSettings,
  sessionRunner,
  type Taker,
  takerOf,
  warnOfTaken,
} from '../../middleware/engine';
import { engineOptions } from './engine';
import { LiveOptions } from './live-options';
import { type Options, resolveArguments } from './options';
import { RequestSession } from './request-session';
import type { CreateSessionOptions } from './types';

const REQUEST = Symbol('koa-evented-session koa-session');

type SessionContext = Koa.Context & { [REQUEST]?: RequestSession };

announceTakers((ctx) => (ctx as SessionContext)[REQUEST]?.taker);

/** Creates the session of a request. */
type NewSession = (ctx: Koa.Context) => RequestSession;

/** An application, with any state and context. */
export interface Application {
  /** The prototype of contexts, which gets `session` and `sessionOptions`. */
  readonly context: object;
  /** Adds a middleware. */
  use(middleware: never): unknown;
}

/**
 * Creates the session middleware: `app.use(session(options, app))` or `app.use(session(app))`.
 *
 * @throws TypeError if an option is invalid or the application is missing.
 */
export function createSession(options: CreateSessionOptions | null | undefined, app: Application): Koa.Middleware;
export function createSession(app: Application, options?: CreateSessionOptions | null): Koa.Middleware;
export function createSession(first: unknown, second?: unknown): Koa.Middleware {
  const { app, given } = resolveArguments(first, second);
  const { newSession, taker } = sessionsOf(given);
  installAccessors(app.context, newSession);
  return sessionRunner((ctx) => {
    if (isTaken(ctx)) {
      warnOfTaken(ctx, taker, 'Use one of them.');
      return undefined;
    }
    if (!(REQUEST in ctx.app.context)) installAccessors(ctx.app.context, newSession);
    const request = requestOf(ctx, newSession);
    request.taker = taker;
    return request;
  });
}

/** Whether another session middleware ran first, or `ctx.session` belongs to another package. */
function isTaken(ctx: Koa.Context): boolean {
  return takerOf(ctx) !== undefined || Object.hasOwn(ctx, 'session');
}

function sessionsOf(given: CreateSessionOptions): { newSession: NewSession; taker: Taker } {
  const live = new LiveOptions(given);
  /** Settings by what keeps the sessions. Those whose key does not travel in the cookie are separate. */
  const inCookie = new WeakMap<object, SessionSettings>();
  const outsideCookie = new WeakMap<object, SessionSettings>();
  const nowhere = {};
  engineOf(live.current);

  function engineOf(options: Options): SessionSettings {
    const backing = options.ContextStore ?? options.store;
    const engines = options.externalKey === undefined ? inCookie : outsideCookie;
    const known = engines.get(backing ?? nowhere);
    if (known !== undefined) return known;
    const engine = engineOptions(backing, live, (ctx) => requestOf(ctx, newSession));
    engines.set(backing ?? nowhere, engine);
    return engine;
  }

  function newSession(ctx: Koa.Context): RequestSession {
    const options = live.current;
    return new RequestSession(ctx, { ...options }, engineOf(options));
  }

  return { newSession, taker: live };
}

function requestOf(ctx: Koa.Context, newSession: NewSession): RequestSession {
  const holder = ctx as SessionContext;
  const known = holder[REQUEST];
  if (known !== undefined) return known;
  holder[REQUEST] = newSession(ctx);
  return holder[REQUEST];
}

/** Handlers may read `ctx.session` before the middleware runs, or without it. */
function installAccessors(context: object, newSession: NewSession): void {
  if (REQUEST in context) return;
  Object.defineProperties(context, {
    [REQUEST]: { value: undefined, writable: true, configurable: true },
    session: {
      configurable: true,
      get(this: SessionContext) {
        const request = requestOf(this, newSession);
        request.wasRead();
        return request.session;
      },
      set(this: SessionContext, value: unknown) {
        requestOf(this, newSession).session = value;
      },
    },
    sessionOptions: {
      configurable: true,
      get(this: SessionContext) {
        return requestOf(this, newSession).options;
      },
    },
  });
}
