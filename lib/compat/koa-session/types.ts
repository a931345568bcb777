import type Koa = require('koa');

/** What stands in a store under a session's key, or in the cookie: the session's data, and what koa-session notes of its time. */
export interface SessionRecord {
  [key: string]: unknown;
  /** When the session ends, in milliseconds since 1970. */
  _expire?: number;
  /** Milliseconds that cookie and record live. */
  _maxAge?: number;
  /** The session ends with the browser. */
  _session?: true;
}

/** Milliseconds, or `'session'` for a cookie that ends with the browser. */
export type MaxAge = number | 'session';

/** What a store has to offer. Each method may answer with a value, a promise, a thunk or a generator. */
export interface ExternalStore {
  /** The record under `key`; nothing where it is missing or has expired. */
  get(key: string, maxAge: MaxAge | undefined, options: { rolling: boolean; ctx: Koa.Context }): unknown;
  /**
   * Stores a record. `maxAge` is ten seconds more than the cookie has, so that the record outlives it. `changed`: whether the data
   * differs from what the request has read.
   */
  set(
    key: string,
    session: SessionRecord,
    maxAge: MaxAge,
    options: { changed: boolean; rolling: boolean; ctx: Koa.Context },
  ): unknown;
  /** Removes the record under `key`; removing what is missing is a no-op. */
  destroy(key: string, options: { ctx: Koa.Context }): unknown;
}

/** A store that is made anew for each request. */
export type ContextStore = new (ctx: Koa.Context) => ExternalStore;

/** How the session's key travels where that is not the cookie. */
export interface ExternalKey {
  /** The key that the request carries. */
  get(ctx: Koa.Context): string | null | undefined | Promise<string | null | undefined>;
  /** Hands the key to the visitor. */
  set(ctx: Koa.Context, key: string): unknown;
}

/** The options of koa-session 7. What is no option goes to `ctx.cookies` with all others. `null` and `undefined` mean "not given". */
export interface CreateSessionOptions {
  /** The cookie's name. Default: `'koa.sess'`. */
  key?: string | null | undefined;
  /**
   * Milliseconds that cookie and record live, or `'session'` for a cookie that ends with the browser. Default: one day for the
   * record; the first cookie of a session ends with the browser then, as that of koa-session does.
   */
  maxAge?: MaxAge | null | undefined;
  /** Save at the end of each request. Default: `true`. With `false` only `save()`, `regenerate()` and `manuallyCommit()` save. */
  autoCommit?: boolean | null | undefined;
  /** Whether an earlier Set-Cookie of the same name is replaced. Default: `true`. */
  overwrite?: boolean | null | undefined;
  /** Hides the cookie from scripts. Default: `true`. */
  httpOnly?: boolean | null | undefined;
  /** Whether the cookie is signed with `app.keys`. Default: `true`. */
  signed?: boolean | null | undefined;
  /** Save each session with every request that has it, so that it starts anew to count. Default: `false`. */
  rolling?: boolean | null | undefined;
  /** Save a session once less than half of its time is left. Default: `false`. */
  renew?: boolean | null | undefined;
  /** Whether the cookie goes over TLS only. Default: what the connection is. */
  secure?: boolean | null | undefined;
  /** Default: not given. */
  sameSite?: string | boolean | null | undefined;
  /** The hosts that the cookie is sent to. Default: not given, the host that sent it. */
  domain?: string | null | undefined;
  /** The paths that the cookie is sent to; the session is there on every path. Default: `'/'`. */
  path?: string | null | undefined;
  /** Whether the cookie is kept apart for each top-level site (CHIPS). Default: `false`. */
  partitioned?: boolean | null | undefined;
  /** Which cookies the browser drops first. Default: not given. */
  priority?: string | null | undefined;
  /** How the session's key travels. Default: in the cookie. */
  externalKey?: ExternalKey | null | undefined;
  /** Where sessions are kept. Default: in the cookie itself, which anybody can read. */
  store?: ExternalStore | null | undefined;
  /** The same, as a class that is made anew for each request: changes of requests that overlap are not merged. Default: not given. */
  ContextStore?: ContextStore | null | undefined;
  /** Makes the cookie of a session that is kept there. Default: JSON as base64. */
  encode?: ((session: SessionRecord) => string) | null | undefined;
  /** Reads it. What it throws means that there is no session. Default: what reads base64 JSON. */
  decode?: ((cookie: string) => unknown) | null | undefined;
  /** Makes keys. Default: `prefix` and a random UUID. */
  genid?: ((ctx: Koa.Context) => string | Promise<string>) | null | undefined;
  /** What the keys of the default `genid` start with. Default: `''`. */
  prefix?: string | null | undefined;
  /** Whether a session may be used. One that may not stays as it is, and the visitor gets a new one. Default: every session may. */
  valid?: ((ctx: Koa.Context, session: SessionRecord) => unknown) | null | undefined;
  /** Called before a session is saved, and may change it. It is awaited. Default: not given. */
  beforeSave?: ((ctx: Koa.Context, session: Session) => unknown) | null | undefined;
  /** Not of koa-session: milliseconds to wait for an answer of the store, and for its connection. Default: 10 000. */
  timeout?: number | null | undefined;
}

type Given = { [Name in keyof CreateSessionOptions]?: NonNullable<CreateSessionOptions[Name]> | undefined };
type Complete = Required<{ [Name in keyof CreateSessionOptions]: NonNullable<CreateSessionOptions[Name]> }>;

/** The options of one request, as `ctx.sessionOptions`; `maxAge` is the session's. */
export type SessionOptions = Omit<Given, keyof Defaulted> & Defaulted;
type Defaulted = Pick<
  Complete,
  'key' | 'autoCommit' | 'overwrite' | 'httpOnly' | 'signed' | 'rolling' | 'renew' | 'encode' | 'decode'
>;

/** The session, as `ctx.session`: what the application keeps in it, and some members. */
export interface Session {
  // biome-ignore lint/suspicious/noExplicitAny: so applications on koa-session have it
  [key: string]: any;
  /** Whether the visitor came without a session. */
  isNew: boolean;
  /** Milliseconds that cookie and record live, or `'session'`. Setting it saves the session. */
  maxAge: MaxAge | undefined;
  /** How many keys the session has. */
  readonly length: number;
  /** Whether it has any. */
  readonly populated: boolean;
  /** The key that it is stored under; `undefined` where it is kept in the cookie. */
  readonly externalKey: string | undefined;
  /** Saves the session now, were it empty. */
  save(): Promise<void>;
  save(callback: Callback): void;
  /** Goes on under a new key, and saves the session now. */
  regenerate(): Promise<void>;
  regenerate(callback: Callback): void;
  /** Saves what has changed, where `autoCommit` is off. */
  manuallyCommit(): Promise<void>;
  /** The session's data. */
  toJSON(): Record<string, unknown>;
  /** The same. */
  inspect(): Record<string, unknown>;
}

/** Hears how saving went. */
export type Callback = (error?: unknown) => void;
