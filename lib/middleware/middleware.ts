import type { IncomingMessage } from 'node:http';

import type Koa = require('koa');

import type { ContextSessionValue, Session, SessionHandler, SessionOptions } from '../base/types';
import { matchesPath } from '../cookies/session-cookie';
import type { Store } from '../persistence/store';
import { ContextSession } from '../session/context-session';
import { readSession } from '../session/read-session';
import { showOnRequests } from './callback-session';
import { resolveOptions } from './options';
import { announceTakers, takerOf, warnOfTaken } from './request-takers';
import { sessionRunner } from './runner';

/** What the middleware adds to Koa's `ctx`. Outside the cookie's path all of it is `undefined`. */
export interface SessionContext {
  /**
   * The visitor's session; in defer mode a promise of it. Set it to an object to replace it, to `null` to destroy it.
   *
   * @throws SessionError `ERR_SESSION_VALUE` where it is set to what cannot be a session.
   */
  get session(): ContextSessionValue;
  set session(value: object | null | undefined);
  /**
   * The session id. It can be set before the session is stored.
   *
   * @throws SessionError `ERR_SESSION_ID` where it is set to what cannot be an id, or the session has one already.
   */
  sessionId: string;
  /** The Store behind the session. */
  sessionStore: Store;
  /** `true` saves even what has not changed, `false` saves nothing, `null` leaves it to the changes. Default: `null`. */
  sessionSave: boolean | null;
  /** The session's own operations. */
  sessionHandler: SessionHandler;
  /**
   * Writes the session now.
   *
   * @throws {@link StoreError} where the store fails, does not answer or is not connected.
   * @throws SessionError where the session or its cookie cannot be written; `code` says why.
   */
  saveSession(): Promise<void>;
  /**
   * Continues under a new session id: with an empty session, or with `keepData` with the same. It takes effect when the session is
   * saved: the new record is stored, then the old one goes out of use. If something fails before that, the old session goes on.
   *
   * @throws SessionError `ERR_SESSION_HEADERS_SENT` where the id could not reach the visitor any more.
   */
  regenerateSession(options?: { keepData?: boolean }): Promise<void>;
}

declare module 'koa' {
  interface ExtendableContext extends SessionContext {
    // Of two that declare it, another package's types and these, it is this one that counts.
    get session(): ContextSessionValue;
    set session(value: object | null | undefined);
  }
}

/** The middleware, with the Store behind it. */
export interface SessionMiddleware extends Koa.Middleware {
  /** Where sessions are kept; emits `connect` and `disconnect`. */
  readonly store: Store;
  /**
   * The session of a request that no Koa middleware answers, such as the one that opens a WebSocket: a frozen copy, or `null`
   * where the middleware would give a new session. Nothing is written, extended or sent, and no event is emitted. Give the
   * option `app`, so that this works before the first request has come through the middleware. It also rejects with whatever
   * `valid`, the `sessionIdStore` or a `cookie` function throws, as it is.
   *
   * @throws {@link StoreError} by rejection, where the store fails, gives no answer in time or is away; `errorHandler` is not asked.
   * @throws SessionError `ERR_SESSION_APP` by rejection, where the application is not known yet; `ERR_SESSION_KEYS` without `app.keys`;
   *   `ERR_SESSION_SERIALIZE` where a client or `valid` put into the session what JSON cannot hold.
   * @throws TypeError by rejection, for what is no request of Node's, such as a Fetch `Request`.
   */
  read(req: IncomingMessage): Promise<Readonly<Session> | null>;
  /** Stops listening to the store, and fails the requests that wait for it. The client is yours to end. */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const STATE = Symbol('koa-evented-session');

type CarryingContext = Koa.Context & { [STATE]?: ContextSession };

announceTakers((ctx) => (ctx as CarryingContext)[STATE]?.options);

const ADVICE = 'Use one of them, or give each another `key` and another `cookie.path`.';

/**
 * Makes the session middleware: `app.use(session({ store: redisStore() }))`.
 *
 * @throws TypeError for options that cannot be right.
 */
export function createSession(given?: SessionOptions | null): SessionMiddleware {
  const options = resolveOptions(given);
  const { store } = options;
  store.acquire();
  let { app } = options;
  let closed = false;

  const session = sessionRunner((ctx) => {
    app ??= ctx.app;
    if (isTaken(ctx)) {
      warnOfTaken(ctx, options, ADVICE, isItsPath);
      return undefined;
    }
    if (!isItsPath(ctx)) return undefined;
    if (!(STATE in ctx.app.context)) installAccessors(ctx.app);
    const contextSession = new ContextSession(ctx, options, takePresetId(ctx));
    (ctx as CarryingContext)[STATE] = contextSession;
    return contextSession;
  });

  function read(req: IncomingMessage): Promise<Readonly<Session> | null> {
    return readSession(req, app, options);
  }

  function isItsPath(ctx: Koa.Context): boolean {
    return matchesPath(ctx.originalUrl, options.cookieOf(ctx).path);
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await store.release();
  }

  return Object.assign(session as Koa.Middleware, { store, read, close, [Symbol.asyncDispose]: close });
}

/** By another session middleware, of ours or not: the first one has the request. Its accessors are not asked: that could load its session. */
function isTaken(ctx: Koa.Context): boolean {
  if (takerOf(ctx) !== undefined) return true;
  const own = Object.getOwnPropertyDescriptor(ctx, 'session');
  if (own !== undefined) return own.get !== undefined || Boolean(own.value);
  return !(STATE in ctx.app.context) && 'session' in ctx.app.context;
}

/** An earlier middleware may have set the id, as a property of its own. */
function takePresetId(ctx: Koa.Context): string | undefined {
  const preset = Object.getOwnPropertyDescriptor(ctx, 'sessionId')?.value as string | undefined;
  if (preset !== undefined) Reflect.deleteProperty(ctx, 'sessionId');
  return preset || undefined;
}

/** Once for each application: defining properties is too dear to be done in each request. */
function installAccessors(app: Koa): void {
  const { context } = app;
  accessor(context, 'session', {
    get: (session) => {
      session.wasRead();
      return session.options.defer ? session.deferred : session.session;
    },
    set: (session, value) => {
      session.session = value;
    },
  });
  accessor(context, 'sessionId', {
    get: (session) => {
      session.wasRead();
      return session.id;
    },
    set: (session, value) => {
      session.id = value;
    },
  });
  accessor(context, 'sessionSave', {
    get: (session) => session.saving,
    set: (session, value) => {
      session.saving = value as boolean | null;
    },
  });
  accessor(context, 'sessionStore', { get: (session) => session.options.store });
  accessor(context, 'sessionHandler', {
    get: (session) => {
      session.wasRead();
      return session;
    },
  });
  accessor(context, 'saveSession', { get: (session) => () => session.save() });
  accessor(context, 'regenerateSession', {
    get: (session) => (how?: { keepData?: boolean }) => session.regenerate(how?.keepData === true),
  });
  Object.defineProperty(context, STATE, { value: undefined, writable: true, configurable: true });
  showOnRequests(app, (ctx) => (ctx as CarryingContext)[STATE]);
}

/** Without a session of ours the names are anybody's: they read as undefined, and can be set. */
function accessor(
  context: object,
  name: string,
  on: { get(session: ContextSession): unknown; set?(session: ContextSession, value: unknown): void },
): void {
  Object.defineProperty(context, name, {
    configurable: true,
    enumerable: false,
    get(this: CarryingContext) {
      const state = this[STATE];
      return state === undefined ? undefined : on.get(state);
    },
    set(this: CarryingContext, value: unknown) {
      const state = this[STATE];
      if (state !== undefined && on.set !== undefined) on.set(state, value);
      else Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
    },
  });
}
