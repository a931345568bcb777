import type { IncomingMessage, ServerResponse } from 'node:http';

import type Koa = require('koa');

/**
 * Attributes of the session cookie, as the `cookies` package names them.
 *
 * `expires` and `maxAge` exclude each other: whichever was set last decides how long the cookie and the record live.
 */
export interface CookieOptions {
  /** Milliseconds until the cookie ends. Default: one day. `0` and `null`: a browser-session cookie, whose record lives one day. */
  maxAge?: number | null | undefined;
  /** When the cookie ends: a Date, or a string that `Date` reads. Default: not given. */
  expires?: Date | string | null | undefined;
  /** Default: `'/'`. The session exists below this path only; whole segments are compared. */
  path?: string | undefined;
  /** Default: not given, the host that sent it and no other. */
  domain?: string | undefined;
  /** Whether the cookie goes over TLS only. Default: what the connection is. */
  secure?: boolean | undefined;
  /**
   * Hides the cookie from scripts. Default: `true`.
   *
   * @see https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#httponly-attribute
   */
  httpOnly?: boolean | undefined;
  /**
   * Default: `'lax'`, so that another site's form cannot act in the user's name.
   *
   * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-samesite-attribute-2
   */
  sameSite?: 'strict' | 'lax' | 'none' | boolean | undefined;
  /** Whether the cookie is signed with `app.keys`, so that nobody can present an id of their own making. Default: `true`. */
  signed?: boolean | undefined;
  /** Whether an earlier Set-Cookie of the same name is replaced. Default: `true`. */
  overwrite?: boolean | undefined;
  /** Whether the cookie is kept apart for each top-level site (CHIPS). Default: `false`. */
  partitioned?: boolean | undefined;
  /** Which cookies the browser drops first. Default: not given. */
  priority?: 'low' | 'medium' | 'high' | undefined;
}

/**
 * A session: what the application keeps about one visitor, as JSON.
 *
 * Augment it to type `ctx.session`:
 * `declare module 'koa-evented-session' { interface Session { user?: User } }`
 */
export interface Session {
  /** The attributes of this session's cookie. What a handler sets here stays with the session. */
  cookie: CookieOptions;
  [key: string]: unknown;
}

/** Augment it with `{ defer: true }` where the application uses `defer`: `ctx.session` is a promise then. */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be augmented
export interface SessionTypes {}

/** What reading `ctx.session` gives: `null` once destroyed; in defer mode a promise. */
export type ContextSessionValue = (SessionTypes extends { defer: true } ? Promise<Session | null> : Session | null) &
  DeclaredElsewhere;

/** Where another package declares `ctx.session` too, as what `@types/koa-redis` depends on does, ours has to fit it. */
type DeclaredElsewhere = Koa.BaseContext extends { session: infer Value } ? Value : unknown;

/** What a client's method may answer: a value, a promise, a thunk `(callback) => void` or a generator. */
export type Answer<T> =
  | T
  | PromiseLike<T>
  | ((callback: (error: unknown, value?: T) => void) => void)
  | Generator<unknown, T, unknown>;

/**
 * What a store has to offer: three methods. Each may return a value, a promise, a thunk or a generator.
 * A rejection means that the system behind it failed.
 */
export interface SessionStore {
  /** The session stored under `key`; `null` or `undefined` where it is missing or has expired. */
  get(key: string, ...unused: never[]): unknown;
  /** Stores `session` under `key`; it ends after `ttl` milliseconds, always a positive safe integer. */
  set(key: string, session: Session, ttl: number, ...unused: never[]): unknown;
  /** Removes what is stored under `key`; removing what is missing is a no-op. */
  destroy(key: string, ...unused: never[]): unknown;
}

/** A stored record: the session's JSON text, and what tells this version of it from any other. */
export interface StoredRecord<R = unknown> {
  /** The session as JSON. */
  record: string;
  /** What tells this version of the record from any other; only the store knows what is in it. */
  revision: R;
  /** Milliseconds that the record has left; given where `load` was asked for it. */
  ttl?: number | undefined;
}

/** What came of a swap: done, the record is gone, or it is another one by now. */
export type SwapResult<R = unknown> =
  | { ok: true; revision: R }
  | { ok: false; gone: true }
  | ({ ok: false; gone?: false } & StoredRecord<R>);

/** Ability to extend a record without writing it. */
export interface TouchableStore {
  /**
   * Lets the record live `ttl` more milliseconds; `false` where there is none. Never creates one. A record whose text starts
   * with `null` marks a regenerated session: it is left alone, and the answer is `false`.
   */
  touch(key: string, ttl: number): Answer<boolean>;
}

/** Abilities that make a store `'compare-and-set'`: nothing written is lost, nothing destroyed comes back. */
export interface CompareAndSetStore<R = unknown> extends TouchableStore {
  /** The record under `key`, or `null`; with `{ ttl: true }` also the milliseconds it has left. */
  load(key: string, options?: { ttl?: boolean }): Answer<StoredRecord<R> | null | undefined>;
  /** Stores `record` where nothing is stored: its revision; `false` where another record is. Finding the same text counts as done. */
  create(key: string, record: string, ttl: number): Answer<R | false>;
  /** Replaces the record whose revision is `expected`; a record that equals `record` already counts as done. */
  swap(key: string, record: string, ttl: number, expected: R): Answer<SwapResult<R>>;
}

/**
 * Abilities by which a session ends without winning a race against those who write it. A `'compare-and-set'` store has all three or
 * none; without them the Store compares and swaps, a few times.
 *
 * A *marker* is a record whose text starts with `null`: a regenerated session has left it there. None of the three changes one.
 */
export interface EndingStore<R = unknown> {
  /**
   * Removes the record under `key` and answers with the text that it removed; `null` where there is none. A marker stays, and is the
   * answer. Needs no memory in the store.
   */
  remove(key: string): Answer<string | null | undefined>;
  /**
   * Puts `marker` in the place of the record under `key`, for `ttl` milliseconds, and answers with the text that it replaced; `null` where
   * there is none. Another marker stays, and is the answer. Its own marker counts as done and is the answer: a driver may send the call twice.
   */
  take(key: string, marker: string, ttl: number): Answer<string | null | undefined>;
  /**
   * Appends `length` spaces to the record under `key`, which JSON ignores, and leaves its ttl alone: the record as it is then, with its
   * new revision, or as a write right after the mark has left it. `null` where there is none, or a marker.
   */
  mark(key: string, length: number): Answer<StoredRecord<R> | null | undefined>;
}

/** A session that travels with its visitor. */
export interface CarriedSession {
  /** The session's own id: what events and `ctx.sessionId` show, since nobody is to see what the visitor carries. */
  sid: string;
  /** The session's JSON text. */
  record: string;
  /** Milliseconds that the session has left. Zero or less: it has expired. Not given: nobody knows. */
  ttl?: number | undefined;
}

/**
 * What may stand in place of a store: it keeps nothing, and turns each session into a token that travels as an id does otherwise.
 * A rejection means that the system behind it failed.
 */
export interface CarryingStore {
  /** The token of a session; `name` is the cookie's. At most 4 096 bytes together, or saving the session fails. */
  pack(session: CarriedSession & { ttl: number }, name: string): Answer<string>;
  /** The session within a token; `null` or `undefined` for what is none, were it for another cookie's name. */
  unpack(token: string, name: string): Answer<CarriedSession | null | undefined>;
  /** Whether nobody else can make a token: its cookie is not signed then, unless the options say so. Default: `false`. */
  readonly sealed?: boolean;
}

/** What the store can promise to requests that run side by side. */
export type Guarantee = 'compare-and-set' | 'last-write';

/** How long records live: a number of milliseconds, or a function of the session that returns one. */
export type Ttl = number | ((session: Session) => number | null | undefined);

/** What was being done when an error came up. */
export type ErrorType = 'get' | 'set' | 'touch' | 'destroy' | 'connect';

/** What decides when two requests changed the same key. */
export type OnConflict =
  | 'last-write'
  | 'throw'
  | ((key: string, base: unknown, mine: unknown, theirs: unknown) => unknown);

/** How the session id travels between server and visitor. The methods are called with `this` set to the context. */
export interface SessionIdStore<Ctx = Koa.Context> {
  /** The id that the request carries. */
  get(this: Ctx): string | null | undefined | Promise<string | null | undefined>;
  /** Hands the id to the visitor. */
  set(this: Ctx, sid: string, session: Session): unknown;
  /** Takes the id back. */
  reset(this: Ctx): unknown;
}

/** Options of a {@link Store}. */
export interface StoreOptions {
  /** What every key in the store starts with. Default: `'koa:sess:'`. Businesses that share a Redis have one each. */
  prefix?: string | null | undefined;
  /** Milliseconds that a record lives, a number or a function of the session. Default: as long as the session's cookie. */
  ttl?: Ttl | null | undefined;
  /** Milliseconds to wait for a store that has lost its connection. Default: 10 000. `0`: fail at once. */
  reconnectTimeout?: number | null | undefined;
  /** Milliseconds to wait for an answer of the store. Default: `reconnectTimeout`, or 10 000 where that is 0. */
  timeout?: number | null | undefined;
}

/** A Koa application, whatever its state and context are. */
export interface Application {
  /** Makes the context of a request, as Koa does it. */
  createContext(req: IncomingMessage, res: ServerResponse): object;
}

/** Options of the middleware. `null` and `undefined` mean "not given" everywhere, `cookie.maxAge` aside. */
export interface SessionOptions extends StoreOptions {
  /** The cookie's name. Default: `'koa.sid'`. */
  key?: string | null | undefined;
  /**
   * Where sessions are kept: a client with `get`, `set` and `destroy`, or a {@link Store}; a {@link CarryingStore} leaves them with the
   * visitors. Default: a new MemoryStore.
   */
  store?: SessionStore | CarryingStore | null | undefined;
  /** Attributes of the cookie, or a function of the context that returns them. Default: those of {@link CookieOptions}. */
  cookie?: CookieOptions | ((ctx: Koa.Context) => CookieOptions) | null | undefined;
  /** Load the session only when a handler asks: `await ctx.session`. Default: `false`. */
  defer?: boolean | null | undefined;
  /** Extend record and cookie with every request of the session, touched or not; in defer mode with those that load it. Default: `false`. */
  rolling?: boolean | null | undefined;
  /** The same, with the first such request that finds less than this fraction of the ttl left; `true` means 0.5. Default: `false`. */
  renew?: boolean | number | null | undefined;
  /** Store sessions without any data too. Default: `false`. */
  allowEmpty?: boolean | null | undefined;
  /** Save at the end of each request. Default: `true`. With `false` only `ctx.saveSession()` saves. */
  autoCommit?: boolean | null | undefined;
  /** Makes session ids. Default: `uid2`, 24 characters (144 bits). Called as `genSid.call(ctx, 24)`. */
  genSid?: ((this: Koa.Context, length: number) => string | Promise<string>) | null | undefined;
  /**
   * Hears every failure of the store. What it throws, the request fails with; where it returns, the request goes on with an
   * empty session that is not persisted. Default: throws the error that it was given.
   */
  errorHandler?: ((error: Error, type: ErrorType, ctx: Koa.Context) => unknown) | null | undefined;
  /** Whether a stored session may be used; one that may not is destroyed. Default: every session is valid. */
  valid?: ((ctx: Koa.Context, session: Session) => boolean | Promise<boolean>) | null | undefined;
  /** Called once before a changed session is written, and may change it; within `update` as often as its function. Default: not given. */
  beforeSave?: ((ctx: Koa.Context, session: Session) => unknown) | null | undefined;
  /** How the session id travels. Default: a cookie. */
  sessionIdStore?: SessionIdStore | null | undefined;
  /** What decides when two requests changed the same key of a session. Default: `'last-write'`. */
  onConflict?: OnConflict | null | undefined;
  /**
   * The application that uses the middleware, for `read(req)` of the middleware: it holds the keys that cookies are signed with.
   * Default: the one that the first request comes from.
   */
  app?: Application | null | undefined;
}

/** Where the session of this request stands. */
export type SessionStatus = 'unmodified' | 'modified' | 'destroyed';

/** The session of one request, as `ctx.sessionHandler`. */
export interface SessionHandler {
  /** The session id; made on first use for a new session. `undefined` before a deferred session was loaded, and where there is none. */
  readonly id: string | undefined;
  /** Whether no record is stored for this session yet. */
  readonly isNew: boolean;
  /** Whether there is anything to save: `unmodified`, `modified` or `destroyed`. */
  readonly status: SessionStatus;
  /**
   * Moves the session's data under a new id, when the session is saved. Call it when the user's privileges change.
   *
   * @throws SessionError `ERR_SESSION_HEADERS_SENT` where the id could not reach the visitor any more.
   */
  regenerateId(): Promise<void>;
  /**
   * Writes what has changed so far.
   *
   * @throws {@link StoreError} where the store fails, does not answer or is not connected.
   * @throws SessionError where the session or its cookie cannot be written; `code` says why.
   */
  save(): Promise<void>;
  /**
   * Removes the record and the cookie at once.
   *
   * @throws {@link StoreError} where the store fails, does not answer or is not connected; the cookie is removed all the same.
   */
  destroy(): Promise<void>;
  /**
   * Extends record and cookie at once; `false` where the record is gone.
   *
   * @throws {@link StoreError} where the store fails, does not answer or is not connected.
   */
  touch(): Promise<boolean>;
  /**
   * Reads the record again; changes not saved yet are dropped.
   *
   * @throws {@link StoreError} where the store fails, does not answer or is not connected.
   */
  reload(): Promise<Session | null>;
  /**
   * Changes the stored session as one step: `fn` sees what is stored plus this request's own changes, and runs again where
   * another request came first, so it must have no side effects.
   *
   * @throws SessionError `ERR_SESSION_GONE` where the session was destroyed meanwhile.
   */
  update<T>(fn: (session: Session) => T | Promise<T>): Promise<T>;
}

/** What the `session:…` events of the application carry. */
export interface SessionEvent {
  /** The request that it happened in. */
  ctx: Koa.Context;
  /** The session id; `undefined` where the visitor carries the session itself, and it cannot be read. */
  key: string | undefined;
  /** The session, where there is one. */
  value: unknown;
}
