import type { IncomingMessage } from 'node:http';

import type Koa = require('koa');

import type {
  ContextSessionValue,
  EndReason,
  Session,
  SessionHandler,
  SessionOptions,
  SessionWatch,
} from '../base/types';
import { matchesPath } from '../cookies/session-cookie';
import type { Store } from '../persistence/store';
import { ContextSession } from '../session/context-session';
import { readSession } from '../session/read-session';
import type { IndexedSessions, IndexOptions } from '../users/indexing';
import { showOnRequests } from './callback-session';
import { emitEndings, watchSession } from './heard-endings';
import { resolveOptions } from './options';
import { announceTakers, takerOf, warnOfTaken } from './request-takers';
import { sessionRunner } from './runner';
import { indexSessions, sessionsOf, type UserSessions } from './sessions-of';

/** What the middleware adds to Koa's `ctx`. Outside the cookie's path, every member is `undefined`. */
export interface SessionContext {
  /**
   * The visitor's session; in defer mode a promise of it. Assign an object to replace it, or `null` to destroy it.
   *
   * @throws SessionError `ERR_SESSION_VALUE` if the assigned value cannot be a session.
   */
  get session(): ContextSessionValue;
  set session(value: object | null | undefined);
  /**
   * The session id. It can be set until the session is stored.
   *
   * @throws SessionError `ERR_SESSION_ID` if the assigned value is not a valid id, or the session already has one.
   */
  sessionId: string;
  /** The Store that keeps the session. */
  sessionStore: Store;
  /**
   * `true` saves the session even if it has not changed, `false` does not save it, `null` saves it if it has changed.
   * Default: `null`.
   */
  sessionSave: boolean | null;
  /** The operations on the session. */
  sessionHandler: SessionHandler;
  /**
   * Saves the session now.
   *
   * @throws {@link StoreError} if the store fails, does not answer or is not connected.
   *
   * @throws SessionError if the session or its cookie cannot be written; `code` says why.
   */
  saveSession(): Promise<void>;
  /**
   * Continues under a new session id, with an empty session, or with the same data if `keepData` is set. It takes
   * effect when the session is saved: the new record is stored first, then the old one is retired. If something fails
   * before that, the old session stays valid.
   *
   * @throws SessionError `ERR_SESSION_HEADERS_SENT` if the response headers have been sent, so the new id cannot reach
   *   the visitor.
   */
  regenerateSession(options?: { keepData?: boolean }): Promise<void>;
}

declare module 'koa' {
  interface ExtendableContext extends SessionContext {
    // If another package's types declare `session` too, this declaration wins.
    get session(): ContextSessionValue;
    set session(value: object | null | undefined);
  }
}

/** The middleware, with its Store. `User` is what the option `user` returns. */
export interface SessionMiddleware<User = unknown> extends Koa.Middleware {
  /** Where sessions are kept. Emits `connect` and `disconnect`. */
  readonly store: Store;
  /**
   * Reads the session of a request that no Koa middleware answers, such as a WebSocket handshake. Resolves to a frozen
   * copy, or to `null` if the middleware would start a new session. Nothing is written, extended or sent, and no event
   * is emitted. Set the option `app` if you call it before the first request has passed the middleware. Errors thrown
   * by `valid`, the `sessionIdStore` or a `cookie` function reject the promise unchanged.
   *
   * @throws {@link StoreError} by rejection, if the store fails, does not answer in time or is not connected;
   *   `errorHandler` is not called.
   *
   * @throws SessionError by rejection: `ERR_SESSION_APP` if the application is not known yet; `ERR_SESSION_KEYS`
   *   without `app.keys`; `ERR_SESSION_SERIALIZE` if a client or `valid` added a value that JSON cannot hold.
   *
   * @throws TypeError by rejection, if `req` is not a Node request, such as a Fetch `Request`.
   */
  read(req: IncomingMessage): Promise<Readonly<Session> | null>;
  /**
   * Calls `listener` once the session of this request has ended, in any process, with the reason: usually within a
   * moment, within 20 seconds if the message was lost, and within three seconds on a store that cannot pass messages.
   * Resolves to what stops it, or to `null` if the request has no session. A session that gets a new id with its data
   * goes on. If the listener throws or rejects, the application emits `error`.
   *
   * @throws TypeError by rejection, without the option `broadcastEndings`, or if an argument has the wrong type. Otherwise
   *   as `read` does.
   */
  watch(req: IncomingMessage, listener: (reason: EndReason) => void): Promise<SessionWatch | null>;
  /**
   * The sessions of a user, to list and to end them. Works without a running application too, for scripts.
   *
   * @throws TypeError without the option `user`, or if `user` is not a string or a number.
   */
  of(user: NonNullable<User>): UserSessions;
  /**
   * Makes `of(user)` know all sessions that are stored, also those that were stored before the option `user` was given
   * and have not been written since, and those whose index was lost. Reads every record once, beside traffic and in
   * bounded memory; each call to the store has a separate time limit. Counts an earlier "end all" as older than all
   * sessions that it finds, and does not apply `maxPerUser`.
   *
   * @throws {@link StoreError} by rejection, if the store fails, does not answer in time or is not connected. The last
   *   progress tells from where to go on.
   *
   * @throws TypeError by rejection, without the option `user`, if the store has no method `keys`, or if an option has
   *   the wrong type.
   */
  index(options?: IndexOptions | null): Promise<IndexedSessions>;
  /**
   * Stops listening to the store and fails the requests that wait for it. Does not close the client; close it yourself.
   */
  close(): Promise<void>;
  /** Calls `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const STATE = Symbol('koa-evented-session');

type OwnContext = Koa.Context & { [STATE]?: ContextSession };

announceTakers((ctx) => (ctx as OwnContext)[STATE]?.options);

const ADVICE = 'Use one of them, or give each a different `key` and `cookie.path`.';

/**
 * Creates the session middleware: `app.use(session({ store: redisStore() }))`.
 *
 * @throws TypeError if an option is invalid.
 */
export function createSession<User>(given?: SessionOptions<User> | null): SessionMiddleware<User> {
  const options = resolveOptions(given);
  const { store } = options;
  const release = store.acquire();
  let { app } = options;
  let isClosed = false;
  // A process that only ends sessions, such as a script, has no application and needs no connection that listens.
  let stopHearing = app && emitEndings(store.endings, app);
  const close = () => {
    isClosed = true;
    stopHearing?.();
    return release();
  };

  const session = sessionRunner((ctx) => {
    if (app === undefined) {
      app = ctx.app;
      if (!isClosed) stopHearing = emitEndings(store.endings, app);
    }
    if (isTaken(ctx)) {
      warnOfTaken(ctx, options, ADVICE, isItsPath);
      return undefined;
    }
    if (!isItsPath(ctx)) return undefined;
    if (!(STATE in ctx.app.context)) installAccessors(ctx.app);
    const contextSession = new ContextSession(ctx, options, takePresetId(ctx));
    (ctx as OwnContext)[STATE] = contextSession;
    return contextSession;
  });

  function read(req: IncomingMessage): Promise<Readonly<Session> | null> {
    return readSession(req, app, options);
  }

  const watch = (req: IncomingMessage, listener: (reason: EndReason) => void) =>
    watchSession(req, listener, app, options);

  function isItsPath(ctx: Koa.Context): boolean {
    return matchesPath(ctx.originalUrl, options.cookieOf(ctx).path);
  }

  const of = (user: unknown) =>
    sessionsOf(
      user,
      options,
      (ctx) => (ctx as OwnContext)[STATE],
      () => app,
    );

  const index = (given?: IndexOptions | null) => indexSessions(options, given);

  return Object.assign(session as Koa.Middleware, {
    store,
    read,
    watch,
    of,
    index,
    close,
    [Symbol.asyncDispose]: close,
  });
}

/**
 * Whether a session middleware, of this package or another, already handles the request; the first one wins. Does not
 * read `ctx.session`, which could load that session.
 */
function isTaken(ctx: Koa.Context): boolean {
  if (takerOf(ctx) !== undefined) return true;
  const own = Object.getOwnPropertyDescriptor(ctx, 'session');
  if (own !== undefined) return own.get !== undefined || Boolean(own.value);
  return !(STATE in ctx.app.context) && 'session' in ctx.app.context;
}

/** An earlier middleware may have set `sessionId` as a property of the context. */
function takePresetId(ctx: Koa.Context): string | undefined {
  const preset = Object.getOwnPropertyDescriptor(ctx, 'sessionId')?.value as string | undefined;
  if (preset !== undefined) Reflect.deleteProperty(ctx, 'sessionId');
  return preset || undefined;
}

/** Defined once per application: doing it per request costs too much. */
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
  showOnRequests(app, (ctx) => (ctx as OwnContext)[STATE]);
}

/** For a request without a session of this middleware, the property reads as `undefined` and can be set freely. */
function accessor(
  context: object,
  name: string,
  on: { get(session: ContextSession): unknown; set?(session: ContextSession, value: unknown): void },
): void {
  Object.defineProperty(context, name, {
    configurable: true,
    enumerable: false,
    get(this: OwnContext) {
      const state = this[STATE];
      return state === undefined ? undefined : on.get(state);
    },
    set(this: OwnContext, value: unknown) {
      const state = this[STATE];
      if (state !== undefined && on.set !== undefined) on.set(state, value);
      else Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
    },
  });
}
