import type Koa = require('koa');

import {
  announceTakers,
  type CookieOptions,
  MemoryStore,
  resolveOptions,
  type Session,
  type SessionOptions,
  type SessionSettings,
  type SessionStore,
  sessionRunner,
  showOnRequests,
  takerOf,
  warnOfTaken,
} from '../../middleware/engine';
import { bareClient } from './bare-client';
import { type CookieOf, completed, cookieIds } from './cookie';
import type { CookieAttributes, Middleware, Options } from './options';
import { RequestSession } from './request-session';

const SESSION = Symbol('koa-evented-session koa-session-minimal');

type OwnContext = Koa.Context & { [SESSION]?: RequestSession };

announceTakers((ctx) => (ctx as OwnContext)[SESSION]?.options);

/** Creates the middleware from koa-session-minimal's options. */
export function createMinimalSession(given?: Options | null): Middleware {
  const options = engineOptions(given ?? {});
  const close = options.store.acquire();
  const session = sessionRunner((ctx) => {
    if (isTaken(ctx)) {
      warnOfTaken(ctx, options, 'Use one of them.');
      return undefined;
    }
    if (!(SESSION in ctx.app.context)) install(ctx.app);
    const requestSession = new RequestSession(ctx, options);
    (ctx as OwnContext)[SESSION] = requestSession;
    return requestSession;
  });
  return Object.assign(session as Koa.Middleware, { close });
}

function install(app: Koa): void {
  Object.defineProperty(app.context, SESSION, { value: undefined, writable: true, configurable: true });
  showOnRequests(app, (ctx) => (ctx as OwnContext)[SESSION]);
}

/** Whether another session middleware has the request. koa-session-minimal too replaces a plain value. */
function isTaken(ctx: Koa.Context): boolean {
  return takerOf(ctx) !== undefined || Object.getOwnPropertyDescriptor(ctx, 'session')?.get !== undefined;
}

function engineOptions({ key, store, cookie }: Options): SessionSettings {
  const name = key || 'koa:sess';
  const given = {
    key: name,
    prefix: `${name}:`,
    store: bareClient((store || new MemoryStore()) as SessionStore),
    ...(typeof cookie === 'function' ? dynamicCookie(name, cookie) : staticCookie(name, cookie || {})),
  };
  return resolveOptions(given, { sendsCookie: true, endsEmptied: true });
}

/** The engine needs the attributes only for the record's lifetime and to check them. */
function staticCookie(key: string, given: CookieAttributes): SessionOptions {
  if (typeof given !== 'object') return { cookie: given };
  const cookie = completed(given);
  const { path: _, expires: __, maxAge, ...rest } = cookie;
  // An attribute that is off cannot be wrong.
  const on = Object.entries(rest).filter(([, value]) => value);
  const checked = { ...Object.fromEntries(on), maxAge, signed: false };
  return { cookie: checked as CookieOptions, sessionIdStore: cookieIds(key, () => cookie) };
}

/** Calls the function when the session is saved, after the handlers, and once for record and cookie. */
function dynamicCookie(key: string, given: (ctx: Koa.Context) => CookieAttributes | null | undefined): SessionOptions {
  const saved = new WeakMap<Koa.Context, CookieAttributes>();
  const cookieOf: CookieOf = (ctx) => saved.get(ctx) ?? completed(given(ctx));
  return {
    // Without attributes, a name such as `__Host-sid` cannot be checked yet.
    cookie: { maxAge: 0, secure: true },
    sessionIdStore: cookieIds(key, cookieOf),
    beforeSave(ctx: Koa.Context, session: Session) {
      const cookie = completed(given(ctx));
      saved.set(ctx, cookie);
      session.cookie.maxAge = cookie.maxAge;
    },
  };
}
