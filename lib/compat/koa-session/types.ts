import type Koa = require('koa');

/** A record in the store, or in the cookie: the session's data, and koa-session's notes about its lifetime. */
export interface SessionRecord {
  [key: string]: unknown;
  /** When the session expires, in milliseconds since 1970. */
  _expire?: number;
  /** Lifetime of cookie and record in milliseconds. */
  _maxAge?: number;
  /** Set if the session ends with the browser. */
  _session?: true;
}

/** Milliseconds, or `'session'` for a cookie that ends with the browser. */
export type MaxAge = number | 'session';

/** The methods of a store. Each may return a value, a promise, a thunk or a generator. */
export interface ExternalStore {
  /** Returns the record under `key`; nothing if it is missing or has expired. */
  get(key: string, maxAge: MaxAge | undefined, options: { rolling: boolean; ctx: Koa.Context }): unknown;
  /**
   * Stores a record. `maxAge` is ten seconds longer than that of the cookie, so that the record outlives it. `changed`
   * tells whether the data differs from what the request has read.
   */
  set(
    key: string,
    session: SessionRecord,
    maxAge: MaxAge,
    options: { changed: boolean; rolling: boolean; ctx: Koa.Context },
  ): unknown;
  /** Removes the record under `key`; does nothing if there is none. */
  destroy(key: string, options: { ctx: Koa.Context }): unknown;
}

/** A class of stores, constructed for each request. */
export type ContextStore = new (ctx: Koa.Context) => ExternalStore;

/** How the session's key travels, if not in the cookie. */
export interface ExternalKey {
  /** Returns the key that the request carries. */
  get(ctx: Koa.Context): string | null | undefined | Promise<string | null | undefined>;
  /** Sends the key to the visitor. */
  set(ctx: Koa.Context, key: string): unknown;
}

/**
 * The options of koa-session 7. Unknown options are passed to `ctx.cookies` with the others. `null` and `undefined`
 * mean "not given".
 */
export interface CreateSessionOptions {
  /** The name of the cookie. Default: `'koa.sess'`. */
  key?: string | null | undefined;
  /**
   * Lifetime of cookie and record in milliseconds, or `'session'` for a cookie that ends with the browser. Default: one
   * day for the record; as in koa-session, the first cookie of a session then ends with the browser.
   */
  maxAge?: MaxAge | null | undefined;
  /**
   * Whether to save the session at the end of each request. Default: `true`. With `false`, only `save()`,
   * `regenerate()` and `manuallyCommit()` save.
   */
  autoCommit?: boolean | null | undefined;
  /** Whether the cookie replaces an earlier Set-Cookie of the same name. Default: `true`. */
  overwrite?: boolean | null | undefined;
  /** Whether the cookie is hidden from scripts. Default: `true`. */
  httpOnly?: boolean | null | undefined;
  /** Whether the cookie is signed with `app.keys`. Default: `true`. */
  signed?: boolean | null | undefined;
  /** Whether every request saves its session, which restarts the session's lifetime. Default: `false`. */
  rolling?: boolean | null | undefined;
  /** Whether to save a session if less than half of its lifetime is left. Default: `false`. */
  renew?: boolean | null | undefined;
  /** Whether the cookie is sent over TLS only. Default: `true` if the request came over TLS. */
  secure?: boolean | null | undefined;
  /** Whether the browser sends the cookie with requests from other sites. Default: not given. */
  sameSite?: string | boolean | null | undefined;
  /** The domain of the cookie. Default: not given, so that only the host that set the cookie receives it. */
  domain?: string | null | undefined;
  /** The path of the cookie. The session itself exists on every path. Default: `'/'`. */
  path?: string | null | undefined;
  /** Whether the browser keeps a separate cookie for each top-level site (CHIPS). Default: `false`. */
  partitioned?: boolean | null | undefined;
  /** Hints which cookies the browser evicts first. Default: not given. */
  priority?: string | null | undefined;
  /** How the session's key travels. Default: in the cookie. */
  externalKey?: ExternalKey | null | undefined;
  /** Where sessions are kept. Default: in the cookie itself, which anyone with access to it can read. */
  store?: ExternalStore | null | undefined;
  /**
   * A class of stores that is constructed for each request. Changes of parallel requests are not merged. Default: not
   * given.
   */
  ContextStore?: ContextStore | null | undefined;
  /** Encodes a session that is kept in the cookie. Default: JSON in base64. */
  encode?: ((session: SessionRecord) => string) | null | undefined;
  /** Decodes such a cookie. If it throws, there is no session. Default: decodes JSON in base64. */
  decode?: ((cookie: string) => unknown) | null | undefined;
  /** Creates keys. Default: `prefix` and a random UUID. */
  genid?: ((ctx: Koa.Context) => string | Promise<string>) | null | undefined;
  /** Prefix of the keys of the default `genid`. Default: `''`. */
  prefix?: string | null | undefined;
  /**
   * Decides whether a session may be used. A refused session stays stored, and the visitor gets a new one. Default:
   * every session is valid.
   */
  valid?: ((ctx: Koa.Context, session: SessionRecord) => unknown) | null | undefined;
  /** Called and awaited before a session is saved, and may change it. Default: not given. */
  beforeSave?: ((ctx: Koa.Context, session: Session) => unknown) | null | undefined;
  /**
   * How long to wait for an answer of the store, and for its connection, in milliseconds. Not an option of koa-session.
   * Default: 10 000.
   */
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

/** The session, as `ctx.session`: the application's data, and these members. */
export interface Session {
  // biome-ignore lint/suspicious/noExplicitAny: so applications on koa-session have it
  [key: string]: any;
  /** Whether the visitor came without a session. */
  isNew: boolean;
  /** Lifetime of cookie and record in milliseconds, or `'session'`. Setting it saves the session. */
  maxAge: MaxAge | undefined;
  /** The number of keys in the session. */
  readonly length: number;
  /** Whether the session has any keys. */
  readonly populated: boolean;
  /** The key under which the session is stored; `undefined` if it is kept in the cookie. */
  readonly externalKey: string | undefined;
  /** Saves the session now, even if it is empty. */
  save(): Promise<void>;
  save(callback: Callback): void;
  /** Continues under a new key and saves the session now. */
  regenerate(): Promise<void>;
  regenerate(callback: Callback): void;
  /** Saves the changes if `autoCommit` is off. */
  manuallyCommit(): Promise<void>;
  /** The session's data. */
  toJSON(): Record<string, unknown>;
  /** The session's data, for `util.inspect`. */
  inspect(): Record<string, unknown>;
}

/** Called with the error, if saving failed. */
export type Callback = (error?: unknown) => void;
