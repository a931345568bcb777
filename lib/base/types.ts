import type { IncomingMessage, ServerResponse } from 'node:http';

import type Koa = require('koa');

/**
 * Attributes of the session cookie, named as in the `cookies` package.
 *
 * `expires` and `maxAge` exclude each other: the one set last decides how long the cookie and the record live.
 */
export interface CookieOptions {
  /**
   * Lifetime of the cookie in milliseconds. Default: one day. `0` and `null` make it a browser-session cookie, whose
   * record lives one day.
   */
  maxAge?: number | null | undefined;
  /** When the cookie expires: a Date, or a string that `Date` can parse. Default: not given. */
  expires?: Date | string | null | undefined;
  /** The path of the cookie. The session exists only below it; whole path segments are compared. Default: `'/'`. */
  path?: string | undefined;
  /** The domain of the cookie. Default: not given, so that only the host that set the cookie receives it. */
  domain?: string | undefined;
  /** Whether the cookie is sent over TLS only. Default: `true` if the request came over TLS. */
  secure?: boolean | undefined;
  /**
   * Whether the cookie is hidden from scripts. Default: `true`.
   *
   * @see https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#httponly-attribute
   */
  httpOnly?: boolean | undefined;
  /**
   * Whether the browser sends the cookie with requests from other sites. Default: `'lax'`, so that another site's form
   * cannot act in the user's name.
   *
   * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-samesite-attribute-2
   */
  sameSite?: 'strict' | 'lax' | 'none' | boolean | undefined;
  /** Whether the cookie is signed with `app.keys`, so that a visitor cannot choose an id. Default: `true`. */
  signed?: boolean | undefined;
  /** Whether the cookie replaces an earlier Set-Cookie of the same name. Default: `true`. */
  overwrite?: boolean | undefined;
  /** Whether the browser keeps a separate cookie for each top-level site (CHIPS). Default: `false`. */
  partitioned?: boolean | undefined;
  /** Hints which cookies the browser evicts first. Default: not given. */
  priority?: 'low' | 'medium' | 'high' | undefined;
}

/**
 * A session: the application's data about one visitor, stored as JSON.
 *
 * Augment it to type `ctx.session`:
 * `declare module 'koa-evented-session' { interface Session { user?: User } }`
 */
export interface Session {
  /** The attributes of this session's cookie. Changes that a handler makes here are kept with the session. */
  cookie: CookieOptions;
  [key: string]: unknown;
}

/** Augment it with `{ defer: true }` if the application uses `defer`: `ctx.session` is then typed as a promise. */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be augmented
export interface SessionTypes {}

/** The value of `ctx.session`: the session, or `null` once destroyed; in defer mode a promise of it. */
export type ContextSessionValue = (SessionTypes extends { defer: true } ? Promise<Session | null> : Session | null) &
  DeclaredElsewhere;

/**
 * If another package declares `ctx.session` too, as a dependency of `@types/koa-redis` does, the two types must match.
 */
type DeclaredElsewhere = Koa.BaseContext extends { session: infer Value } ? Value : unknown;

/** What a client's method may return: a value, a promise, a thunk `(callback) => void` or a generator. */
export type Answer<T> =
  | T
  | PromiseLike<T>
  | ((callback: (error: unknown, value?: T) => void) => void)
  | Generator<unknown, T, unknown>;

/**
 * The three methods that a store must have. Each may return a value, a promise, a thunk or a generator. A rejection
 * means that the system behind the store failed.
 */
export interface SessionStore {
  /** Returns the session stored under `key`; `null` or `undefined` if it is missing or has expired. */
  get(key: string, ...unused: never[]): unknown;
  /** Stores `session` under `key` for `ttl` milliseconds, always a positive safe integer. */
  set(key: string, session: Session, ttl: number, ...unused: never[]): unknown;
  /** Removes the session stored under `key`; does nothing if there is none. */
  destroy(key: string, ...unused: never[]): unknown;
}

/** A stored record: the session's JSON text and the revision of this version. */
export interface StoredRecord<R = unknown> {
  /** The session as JSON. */
  record: string;
  /** Identifies this version of the record. Only the store interprets it. */
  revision: R;
  /** Remaining lifetime of the record in milliseconds; present if `load` was asked for it. */
  ttl?: number | undefined;
}

/** The result of a swap: done, or the record is gone, or another version of it is stored. */
export type SwapResult<R = unknown> =
  | { ok: true; revision: R }
  | { ok: false; gone: true }
  | ({ ok: false; gone?: false } & StoredRecord<R>);

/** A store that can extend a record without writing it. */
export interface TouchableStore {
  /**
   * Sets the remaining lifetime of the record to `ttl` milliseconds. Returns `false` if there is no record, and never
   * creates one. A record whose text starts with `null` marks a regenerated session: leave it alone and return `false`.
   */
  touch(key: string, ttl: number): Answer<boolean>;
}

/**
 * The methods of a `'compare-and-set'` store: parallel requests lose no changes, and a destroyed session does not come
 * back.
 */
export interface CompareAndSetStore<R = unknown> extends TouchableStore {
  /** Returns the record under `key`, or `null`. With `{ ttl: true }`, also its remaining lifetime in milliseconds. */
  load(key: string, options?: { ttl?: boolean }): Answer<StoredRecord<R> | null | undefined>;
  /**
   * Stores `record` if nothing is stored under `key`, and returns its revision. Returns `false` if another record
   * exists. The same text already stored counts as success.
   */
  create(key: string, record: string, ttl: number): Answer<R | false>;
  /**
   * Replaces the record whose revision is `expected`. A stored record that already equals `record` counts as success.
   */
  swap(key: string, record: string, ttl: number, expected: R): Answer<SwapResult<R>>;
}

/**
 * Methods that end a session in one step, however often other requests write it. A `'compare-and-set'` store has all
 * three or none; without them, the Store compares and swaps, a limited number of times.
 *
 * A *marker* is a record whose text starts with `null`; a regenerated session leaves it behind. None of the three
 * methods changes a marker.
 */
export interface EndingStore<R = unknown> {
  /**
   * Removes the record under `key` and returns the removed text; `null` if there is none. A marker stays and is
   * returned. The call needs no memory in the store.
   */
  remove(key: string): Answer<string | null | undefined>;
  /**
   * Replaces the record under `key` with `marker` for `ttl` milliseconds and returns the replaced text; `null` if there
   * is none. Another marker stays and is returned. The same marker counts as success and is returned: a driver may send
   * the call twice.
   */
  take(key: string, marker: string, ttl: number): Answer<string | null | undefined>;
  /**
   * Appends `length` spaces, which JSON ignores, to the record under `key` and keeps its ttl. Returns the record with
   * its new revision, either as marked or as a write right after the mark left it. Returns `null` if there is no
   * record, or a marker.
   */
  mark(key: string, length: number): Answer<StoredRecord<R> | null | undefined>;
}

/**
 * Methods of a `'compare-and-set'` store that know which records belong to a user. A store has all four or none.
 *
 * An *index* holds the keys of a user's records, each with the time when its membership ends. Its name is a key of the
 * store that no session can have. All times are those of the system behind the store, so the clocks of processes need
 * not agree; `ttl`, `elapsed` and `keepFor` are durations in milliseconds.
 */
export interface IndexingStore {
  /**
   * Notes that the record `key` belongs to `index` for at least `ttl` milliseconds. Of a member, it only moves the end
   * later. Returns `false` and notes nothing, also of a member, if {@link IndexingStore.endedNow} was called at most
   * `elapsed` milliseconds ago. `elapsed` may be `Infinity`; a negative one is never refused. A key past its end does not
   * count as a member.
   *
   * Otherwise returns how long ago `endedNow` was called for the index, in milliseconds; `Infinity` if it was not.
   * `elapsed` leaves out how long the call takes to arrive, so the caller compares again.
   *
   * `from` is the key in whose place `key` comes: if it is a member, a new member gets its time of enrolment. It stays a
   * member itself.
   */
  enroll(index: string, key: string, ttl: number, elapsed: number, from?: string): Answer<number | false>;
  /**
   * Returns up to `limit` members, ordered by end and then by key, beginning with the first one after `after`; fewer only
   * if no more follow. Ends only move later, so a walk misses no member that was there all the time, and may see one
   * twice. Does not return members that are past their end.
   */
  members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): Answer<IndexMember[]>;
  /** Removes members: one with `end` only if it ends then, so that one that was enrolled again stays. */
  dismiss(index: string, entries: readonly { key: string; end?: number | undefined }[]): Answer<unknown>;
  /** Notes, for at least `keepFor` milliseconds, that all sessions of requests that began before now have ended. */
  endedNow(index: string, keepFor: number): Answer<unknown>;
}

/** A record that belongs to an index. */
export interface IndexMember {
  /** The key of the record. */
  key: string;
  /** When the membership ends, in milliseconds since 1970 by the store's clock. */
  end: number;
  /** Milliseconds since the first enrolment, by the store's clock. */
  enrolledAgo: number;
}

/** A store that can list its records, which `sessions.index()` needs. */
export interface EnumerableStore {
  /**
   * Returns some of the keys that start with `prefix`, perhaps none, and a `cursor` from which the next call goes on;
   * without `cursor`, these were the last. A record that is there during the whole walk is returned at least once. The
   * cursor is a text that another process can go on from, and does not lead to a session's id.
   *
   * Does not return keys that start with the prefix and the control character `\u001f`, which are not records.
   */
  keys(prefix: string, cursor?: string): Answer<KeysFound>;
}

/** A store that passes short texts between processes, which `broadcastEndings` uses. Without it, the Store looks every few seconds. */
export interface BroadcastingStore {
  /** Sends `message` to the listeners of `channel` in all processes, this one included. May be lost. */
  publish(channel: string, message: string): Answer<unknown>;
  /**
   * Calls `listener` with each message of `channel`, from some time on. Calls `began` each time when it begins to hear:
   * first, and after each break, during which messages were lost. Returns a function that ends it.
   */
  subscribe(channel: string, listener: (message: string) => void, began: () => void): () => unknown;
}

/** A store that can look at many records in one round trip, which `broadcastEndings` uses. */
export interface PeekingStore {
  /** Returns, for each key, how its record begins, four characters or more; `null` if there is none. */
  peek(keys: readonly string[]): Answer<readonly (string | null | undefined)[]>;
}

/** A method that a store may have in addition to those of a {@link SessionStore}. */
export type StoreAbility =
  | keyof CompareAndSetStore
  | keyof EndingStore
  | keyof IndexingStore
  | keyof EnumerableStore
  | keyof PeekingStore
  | keyof BroadcastingStore;

/** A store that says what it is, in traces and metrics. Of others, they show the name of the class. */
export interface StoreOfKind {
  /** A short name for the kind of store, the same in all instances: `'dynamodb'`. */
  readonly kind: string;
}

/** Some of the keys of a store. */
export interface KeysFound {
  /** The keys, with their prefix. */
  keys: readonly string[];
  /** From where to go on; `undefined` if there are no more. */
  cursor?: string | undefined;
}

/** What is in a token. */
export interface SessionInToken {
  /** The session's id, for events and `ctx.sessionId`: the token itself is a secret. */
  sid: string;
  /** The session as JSON. */
  record: string;
  /** Remaining lifetime in milliseconds. Zero or less means expired; `undefined` means unknown. */
  ttl?: number | undefined;
}

/**
 * Takes the place of a store and keeps nothing: it turns each session into a token, which the visitor has instead of the
 * id. A rejection means that the system behind it failed.
 */
export interface TokenStore {
  /**
   * Returns the token of a session; `name` is the cookie's. Name and token may have 4 096 bytes together; otherwise
   * saving the session fails.
   */
  pack(session: SessionInToken & { ttl: number }, name: string): Answer<string>;
  /**
   * Returns the session in a token; `null` or `undefined` if the token is invalid or was made for another cookie name.
   */
  unpack(token: string, name: string): Answer<SessionInToken | null | undefined>;
  /**
   * Whether only this store can make tokens. Their cookie is then not signed, unless the options ask for it. Default:
   * `false`.
   */
  readonly protectsTokens?: boolean;
}

/** What the store guarantees for parallel requests. */
export type Guarantee = 'compare-and-set' | 'last-write';

/** The lifetime of records in milliseconds, or a function of the session that returns it. */
export type Ttl = number | ((session: Session) => number | null | undefined);

/** The operation that failed. */
export type ErrorType = 'get' | 'set' | 'touch' | 'destroy' | 'connect';

/** Decides which value is stored if two requests changed the same key. */
export type OnConflict =
  | 'last-write'
  | 'throw'
  | ((key: string, base: unknown, mine: unknown, theirs: unknown) => unknown);

/** How the session id travels between server and visitor. Methods are called with the context as `this`. */
export interface SessionIdStore<Ctx = Koa.Context> {
  /** Returns the id that the request carries. */
  get(this: Ctx): string | null | undefined | Promise<string | null | undefined>;
  /** Sends the id to the visitor. */
  set(this: Ctx, sid: string, session: Session): unknown;
  /** Takes the id back from the visitor. */
  reset(this: Ctx): unknown;
}

/** How the store names sessions: by their ids, or by hashes of them. */
export type SessionIds = 'plain' | 'hashed' | MovingToHashedIds | MovingToPlainIds;

/** Sessions are stored under hashed ids. */
export interface MovingToHashedIds {
  /** New sessions are stored under hashed ids. */
  hashed: true;
  /**
   * Until when a session that is not found is looked for under its plain id too, and moved. It must be at least two hours
   * and the lifetime of an unused session after the deployment.
   */
  readPlainUntil: Date;
}

/** Sessions are stored under plain ids. */
export interface MovingToPlainIds {
  /** New sessions are stored under plain ids. */
  hashed: false;
  /**
   * Until when a session that is not found is looked for under its hashed id too, and moved. It must be at least two hours
   * and the lifetime of an unused session after the deployment.
   */
  readHashedUntil: Date;
}

/** Options of a {@link Store}. */
export interface StoreOptions {
  /**
   * Prefix of every key in the store. Default: `'koa:sess:'`. Applications that share a Redis need different prefixes.
   */
  prefix?: string | null | undefined;
  /**
   * What the keys of the store contain behind the prefix: the session ids (`'plain'`), or their SHA-256 in base64url
   * (`'hashed'`), so that nobody who reads the store can use a session. With a date, sessions under names of the other kind
   * are found and moved until then; that needs a store which can compare and set. Default: `'plain'`, as in koa-generic-session.
   */
  ids?: SessionIds | null | undefined;
  /**
   * Returns the user of a session, a string or a number; `null` and `undefined` if nobody is logged in. `store.sessions()` shows it. Default: the
   * option `user` of the middleware that uses the Store.
   */
  user?: ((session: Session) => unknown) | null | undefined;
  /**
   * Whether all processes with this option are told that a session has ended: their applications emit `session:ended`, and
   * `sessions.watch()` calls its listeners. If the message is lost, only processes that watch the session are told, within
   * 20 seconds. Default: `false`.
   */
  broadcastEndings?: boolean | null | undefined;
  /**
   * Lifetime of a record in milliseconds, or a function of the session that returns it. Default: the lifetime of the
   * session's cookie.
   */
  ttl?: Ttl | null | undefined;
  /**
   * Milliseconds after which a session ends, however often it is used, or a function of the session that returns them.
   * Limits record, cookie and every extension. `0`, `null` and `undefined` mean no limit. Default: none.
   *
   * @see https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#absolute-timeout
   */
  absoluteTimeout?: Ttl | null | undefined;
  /** How long to wait for a store that has lost its connection, in milliseconds. Default: 10 000. `0` fails at once. */
  reconnectTimeout?: number | null | undefined;
  /**
   * How long to wait for an answer of the store, in milliseconds. Default: `reconnectTimeout`, or 10 000 if that is 0.
   */
  timeout?: number | null | undefined;
}

/** A Koa application, with any state and context. */
export interface Application {
  /** Creates the context of a request. */
  createContext(req: IncomingMessage, res: ServerResponse): object;
}

/** Options of the middleware. `null` and `undefined` mean "not given" for every option except `cookie.maxAge`. */
export interface SessionOptions<User = unknown> extends StoreOptions {
  /** The name of the cookie. Default: `'koa.sid'`. */
  key?: string | null | undefined;
  /**
   * Where sessions are kept: a client with `get`, `set` and `destroy`, or a {@link Store}. With a {@link
   * TokenStore}, each session is kept in its visitor's token. Default: a new MemoryStore.
   */
  store?: SessionStore | TokenStore | null | undefined;
  /**
   * Attributes of the cookie, or a function of the context that returns them. Default: the defaults of {@link
   * CookieOptions}.
   */
  cookie?: CookieOptions | ((ctx: Koa.Context) => CookieOptions) | null | undefined;
  /** Whether to load the session only when a handler asks for it with `await ctx.session`. Default: `false`. */
  defer?: boolean | null | undefined;
  /**
   * Whether every request extends the record and the cookie of its session; in defer mode, every request that loads the
   * session. Default: `false`.
   */
  rolling?: boolean | null | undefined;
  /**
   * Extends record and cookie as `rolling` does, but only if less than this fraction of the ttl is left; `true` means
   * 0.5. Default: `false`.
   */
  renew?: boolean | number | null | undefined;
  /** Whether to store sessions that have no data. Default: `false`. */
  allowEmpty?: boolean | null | undefined;
  /**
   * Whether to save the session at the end of each request. Default: `true`. With `false`, only `ctx.saveSession()`
   * saves.
   */
  autoCommit?: boolean | null | undefined;
  /** Creates a session id. Called as `genSid.call(ctx, 24)`. Default: `uid2` with 24 characters (144 bits). */
  genSid?: ((this: Koa.Context, length: number) => string | Promise<string>) | null | undefined;
  /**
   * Called with every failure of the store. If it throws, the request fails with that error; if it returns, the request
   * continues with an empty session that is not persisted. Default: a function that throws the error it is given.
   */
  errorHandler?: ((error: Error, type: ErrorType, ctx: Koa.Context) => unknown) | null | undefined;
  /** Decides whether a stored session may be used; an invalid one is destroyed. Default: every session is valid. */
  valid?: ((ctx: Koa.Context, session: Session) => boolean | Promise<boolean>) | null | undefined;
  /**
   * Called once before a changed session is written, and may change it; within `update`, called each time its function
   * runs. Default: not given.
   */
  beforeSave?: ((ctx: Koa.Context, session: Session) => unknown) | null | undefined;
  /** How the session id travels. Default: in a cookie. */
  sessionIdStore?: SessionIdStore | null | undefined;
  /** Decides which value is stored if two requests changed the same key of a session. Default: `'last-write'`. */
  onConflict?: OnConflict | null | undefined;
  /**
   * Gives a session a new id, with its data, once its id is `after` milliseconds old. Default: ids are kept.
   *
   * @see https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#renewal-timeout
   */
  renewId?: RenewId | null | undefined;
  /**
   * Returns the user of a session, a string or a number; `null` and `undefined` if nobody is logged in. The store then
   * lists each user's sessions for `sessions.of(user)`. Needs `redisStore()`, `knexStore()`, a MemoryStore, or another
   * store with the methods of an {@link EndingStore} and an {@link IndexingStore}. Default: not given.
   */
  user?: ((session: Session) => User) | null | undefined;
  /**
   * Describes the visitor's device. Called once, when a session becomes a user's; the result, at most 4096 bytes of
   * JSON, is stored with the session, and `sessions.of(user).list()` shows it. Default: not given.
   */
  device?: ((ctx: Koa.Context) => unknown) | null | undefined;
  /**
   * How many sessions a user may have at the same time. Above it, a login ends the user's oldest session, or fails with
   * `ERR_SESSION_LIMIT` if `exceeded` is `'refuse'`. Default: no limit.
   */
  maxPerUser?: number | MaxPerUser | null | undefined;
  /**
   * The application that uses the middleware. `read(req)` needs it for the keys that sign cookies. Default: the
   * application of the first request.
   */
  app?: Application | null | undefined;
}

/** When sessions get a new id because of the old one's age. */
export interface RenewId {
  /** Age of an id in milliseconds at which the next request that reads the session renews it. */
  after: number;
  /**
   * Milliseconds for which requests with the old id still work on the session, and are sent the new one. At most an
   * hour. Default: 30 000.
   */
  grace?: number | undefined;
}

/** How many sessions a user may have, and what happens to a login above it. */
export interface MaxPerUser {
  /** Number of sessions, at least 1. */
  limit: number;
  /** `'end-oldest'` ends the session that began first; `'refuse'` fails the login. Default: `'end-oldest'`. */
  exceeded?: 'end-oldest' | 'refuse' | undefined;
}

/** Whether this request has changed or destroyed its session. */
export type SessionStatus = 'unmodified' | 'modified' | 'destroyed';

/** The session of one request, available as `ctx.sessionHandler`. */
export interface SessionHandler {
  /**
   * The session id. A new session gets its id on first use. `undefined` before a deferred session is loaded, and if
   * there is no session.
   */
  readonly id: string | undefined;
  /** Whether no record of this session is stored yet. */
  readonly isNew: boolean;
  /**
   * When the session began: a new id with the same data does not change it. `undefined` for a session that has not been
   * stored, and unless `user`, `absoluteTimeout`, `renewId` or `broadcastEndings` is given.
   */
  readonly createdAt: Date | undefined;
  /** Whether this request has changed or destroyed the session: `unmodified`, `modified` or `destroyed`. */
  readonly status: SessionStatus;
  /**
   * Moves the session's data to a new id when the session is saved. Call it when the user's privileges change.
   *
   * @throws SessionError `ERR_SESSION_HEADERS_SENT` if the response headers have been sent, so the new id cannot reach
   *   the visitor.
   */
  regenerateId(): Promise<void>;
  /**
   * Saves the changes made so far.
   *
   * @throws {@link StoreError} if the store fails, does not answer or is not connected.
   *
   * @throws SessionError if the session or its cookie cannot be written; `code` says why.
   */
  save(): Promise<void>;
  /**
   * Removes the record and the cookie immediately.
   *
   * @throws {@link StoreError} if the store fails, does not answer or is not connected; the cookie is removed
   *   nevertheless.
   */
  destroy(): Promise<void>;
  /**
   * Extends the record and the cookie immediately. Resolves to `false` if the record is gone.
   *
   * @throws {@link StoreError} if the store fails, does not answer or is not connected.
   */
  touch(): Promise<boolean>;
  /**
   * Reads the record again and discards unsaved changes.
   *
   * @throws {@link StoreError} if the store fails, does not answer or is not connected.
   */
  reload(): Promise<Session | null>;
  /**
   * Changes the stored session in one step. `fn` receives the stored session with this request's own changes. It runs
   * again if another request wrote first, so it must have no side effects.
   *
   * @throws SessionError `ERR_SESSION_GONE` if the session was destroyed before the change was stored.
   */
  update<T>(fn: (session: Session) => T | Promise<T>): Promise<T>;
}

/** The payload of the application's `session:…` events. */
export interface SessionEvent {
  /** The context of the request. */
  ctx: Koa.Context;
  /** The session id; `undefined` if the visitor carries the session itself and it cannot be read. */
  key: string | undefined;
  /** The session, if there is one. */
  value: unknown;
}

/**
 * Why a session has ended. `logout`: one of its own requests ended it, with `ctx.session = null` or `destroy()`. `invalid`: the option `valid` refused it. `user`: it was ended through `sessions.of(user)`. `limit`: a
 * login of the same user exceeded `maxPerUser`. `regenerated`: it was replaced by one without its data. `expired`: a
 * request found that it had expired. `operator`: `store.clear()` ended it. `gone`: its record is not there any more, since it has expired or the message of its end was lost.
 */
export type EndReason = 'logout' | 'invalid' | 'user' | 'limit' | 'regenerated' | 'expired' | 'operator' | 'gone';

/** The payload of `session:ended`: a session that has ended outside its own requests, or in another process. */
export interface SessionEndedEvent {
  /** The session ended outside its own requests. */
  ctx: undefined;
  /**
   * The session id if `sessions.of(user)` or `maxPerUser` has ended the session in this process. Otherwise, and with
   * `ids: 'hashed'`, from which no id can be told, the `handle` of the session.
   */
  key: string;
  /** The session as it was stored last, if `sessions.of(user)` or `maxPerUser` has ended it in this process. */
  value: Session | undefined;
  /** `'user'`: through `sessions.of(user)`. `'limit'`: a login of the same user exceeded `maxPerUser`. The others need `broadcastEndings`. */
  reason: EndReason;
}

/** Watches a session until it is stopped. */
export interface SessionWatch {
  /** The handle of the session, as `sessions.of(user)` lists it. */
  readonly handle: string;
  /** Ends the watch: the listener is not called any more. */
  stop(): void;
  /** Calls `stop()`, for `using`. */
  [Symbol.dispose](): void;
}
