import type Koa from 'koa';
import { SessionError } from './errors';
import { SessionCookie } from './session-cookie';
import { Signatures } from './signatures';
import { ONE_DAY } from './ttl';
import type { CookieOptions, Session, SessionIdStore } from './types';

/** Attributes that belong to the cookie in this request. */
export type CookieOf = (ctx: Koa.Context) => Readonly<CookieOptions>;

/** An id store with hooks for the engine. */
export interface CookieIdStore extends SessionIdStore {
  /** Whether the request's id was signed with an older key than the first. */
  isOutdated(this: Koa.Context): boolean;
  /** Signs the request's id with the first key; `cookie` is the session's. */
  sign(this: Koa.Context, cookie: SessionCookie): void;
  /** The session is about to be written: throws where its cookie could not be sent then. */
  check(this: Koa.Context, cookie: CookieOptions): void;
}

/** Carries the session id in a cookie, signed unless the options say otherwise. */
export function cookieIdStore(key: string, cookieOf: CookieOf): CookieIdStore {
  const signatureKey = `${key}.sig`;
  /** Requests whose signature was made with an older key. */
  const outdated = new WeakSet<Koa.Context>();
  const signatures = new Signatures();

  return {
    /**
     * Reads and verifies the cookie. `cookies` is asked for it unsigned: verifying, it would clear a signature that fails,
     * and a deployment that rolls out new keys would log users out.
     */
    get() {
      const signed = cookieOf(this).signed;
      const signer = signed ? signerOf(this) : undefined;
      const sid = this.cookies.get(key, { signed: false });
      if (!sid || !signer) return sid;
      const signature = this.cookies.get(signatureKey, { signed: false });
      if (!signature) return undefined;
      const index = signer.index(`${key}=${sid}`, signature);
      if (index < 0) return undefined;
      if (index > 0) outdated.add(this);
      return sid;
    },

    set(sid, session) {
      const cookie = attributesOf(this, session);
      // Signed first: without keys nothing is sent.
      const signature = cookie.signed ? signerOf(this).sign(`${key}=${sid}`) : undefined;
      send(this, key, sid, cookie);
      if (signature !== undefined) send(this, signatureKey, signature, cookie);
      forbidSharing(this);
    },

    reset(session?: Session) {
      const cookie = { ...attributesOf(this, session), maxAge: undefined, expires: new Date(0) };
      send(this, key, null, cookie);
      if (cookie.signed) send(this, signatureKey, null, cookie);
      forbidSharing(this);
    },

    check({ secure }) {
      if (secure === true && !isSecure(this)) throw insecure(key);
    },

    isOutdated() {
      return outdated.has(this);
    },

    sign(cookie) {
      const sid = this.cookies.get(key, { signed: false });
      send(this, signatureKey, signerOf(this).sign(`${key}=${sid}`), cookie.attributes());
      forbidSharing(this);
    },
  } as CookieIdStore;

  /** @throws SessionError `ERR_SESSION_KEYS` where nothing is there to sign with, or where anybody could. */
  function signerOf(ctx: Koa.Context) {
    const signer = signatures.signer(ctx.app.keys);
    if (signer !== undefined) return signer;
    throw new SessionError(
      'ERR_SESSION_KEYS',
      `The session cookie is signed, but \`app.keys\` is ${wrongKeys(ctx.app.keys)}. Set it to an array of secrets before the first ` +
        'request, `app.keys = [process.env.SESSION_SECRET]`, or give `cookie: { signed: false }` if ids need no protection.',
    );
  }

  function attributesOf(ctx: Koa.Context, session: Session | undefined): CookieOptions {
    const cookie = session?.cookie;
    return cookie instanceof SessionCookie ? cookie.attributes() : { ...cookieOf(ctx), ...cookie };
  }
}

/** No browser keeps a cookie for longer (RFC 6265bis, 5.5), and much longer than that is no date any more. */
const LONGEST_MAX_AGE = 400 * ONE_DAY;

/** Signatures are cookies of their own here: `cookies` would make each anew. */
function send(ctx: Koa.Context, name: string, value: string | null, cookie: CookieOptions): void {
  const { maxAge } = cookie;
  const attributes = { ...cookie, signed: false };
  if (maxAge) attributes.maxAge = Math.min(maxAge, LONGEST_MAX_AGE);
  try {
    // The types of `cookies` know neither null nor the Date that a string has become.
    ctx.cookies.set(name, value, attributes as Parameters<typeof ctx.cookies.set>[2]);
  } catch (cause) {
    throw cookie.secure === true && !isSecure(ctx) ? insecure(name, cause) : cookieError(name, cause);
  }
}

/** What `cookies` goes by; applications set it where they know better. */
function isSecure(ctx: Koa.Context): boolean {
  return (ctx.cookies as { secure?: boolean }).secure ?? ctx.secure;
}

/** In words that give no secret away. */
function wrongKeys(keys: unknown): string {
  if (keys === undefined || keys === null) return 'not set';
  if (!Array.isArray(keys)) return `${typeof keys === 'object' ? 'an' : 'a'} ${typeof keys}`;
  if (keys.length === 0) return 'empty';
  return 'an array with a key that is missing or empty, as an environment variable is that nobody has set';
}

function forbidSharing(ctx: Koa.Context): void {
  // A shared cache must not hand one visitor's cookie to another (RFC 9111, 7.3; OWASP, "Web Content Caching").
  ctx.vary('Cookie');
  if (!ctx.response.get('Cache-Control')) ctx.set('Cache-Control', 'no-cache="set-cookie"');
}

function cookieError(name: string, cause: unknown): SessionError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SessionError('ERR_SESSION_COOKIE', `Cannot set the session cookie \`${name}\`: ${reason}`, { cause });
}

function insecure(name: string, cause?: unknown): SessionError {
  return new SessionError(
    'ERR_SESSION_COOKIE',
    `Cannot set the session cookie \`${name}\`: it has \`secure: true\`, but this request came over plain HTTP. ` +
      'Serve it over TLS; behind a proxy that ends TLS set `app.proxy = true`; for development give `secure: false`.',
    cause === undefined ? undefined : { cause },
  );
}
