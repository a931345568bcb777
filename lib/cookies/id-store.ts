import type Koa = require('koa');

import { REFUSED, sessionLine } from '../base/debug-lines';
import { SessionError } from '../base/errors';
import type { Recent } from '../base/recent';
import type { CookieOptions, Session, SessionIdStore } from '../base/types';
import { cookieValues, mayCarrySeveral, signedValues } from './header';
import { cookiesOf, isKnown, securityOf } from './koa-cookies';
import { SessionCookie } from './session-cookie';
import { insecure, SetCookie } from './set-cookie';
import { Signatures, type Signer } from './signatures';

/** Returns the attributes of the cookie in this request. */
export type CookieOf = (ctx: Koa.Context) => Readonly<CookieOptions>;

/** Headers of a response, by lower-case name. */
export type Headers = Record<string, string | string[]>;

/** An id store with all that the engine asks for. What sends something returns the headers that it has set. */
export interface FullIdStore extends SessionIdStore {
  set(this: Koa.Context, sid: string, session: Session): Headers | Promise<Headers>;
  reset(this: Koa.Context, session?: Session): Headers | Promise<Headers>;
  /**
   * All ids with a valid signature that the request carries, in the order sent. Needed only if the first id has no
   * session.
   */
  allIds(this: Koa.Context): readonly string[];
  /** Clears the id's cookie in each of these places. */
  clear(this: Koa.Context, cookies: readonly CookieOptions[]): Headers;
  /** Whether this id of the request was signed with a key other than the first. */
  isOutdated(this: Koa.Context, sid: string): boolean;
  /** Signs this id of the request with the first key; `cookie` is the session's. */
  sign(this: Koa.Context, sid: string, cookie: SessionCookie): Headers;
  /** Called before the session is written. Throws if its cookie cannot be sent afterwards. */
  check(this: Koa.Context, cookie: CookieOptions): void;
}

/** Longest Cookie header that is remembered with its session id, in characters. */
const LONGEST_REMEMBERED = 512;

/** Carries the session id in a cookie, signed unless the options say otherwise. */
export function cookieIdStore(key: string, cookieOf: CookieOf): FullIdStore {
  const signatureKey = `${key}.sig`;
  /** Ids of a request that were signed with an older key. */
  const outdated = new WeakMap<Koa.Context, Set<string>>();
  const signatures = new Signatures();
  const setCookies = new SetCookie();

  return {
    get() {
      const signer = cookieOf(this).signed ? signerOf(this) : undefined;
      const ids = isKnown(this) ? signatures.idsFor(signer) : undefined;
      return ids?.get(this.req.headers.cookie ?? '') ?? verified(this, signer, ids);
    },

    allIds() {
      return idsOf(this);
    },

    set(sid, session) {
      const { cookie } = session;
      const shared = cookie instanceof SessionCookie ? cookie.shared : undefined;
      const attributes = shared ?? attributesOf(this, session);
      // Sign first: without keys, nothing may be sent.
      const signature = attributes.signed ? signerOf(this).sign(`${key}=${sid}`) : undefined;
      return send(this, sid, signature, attributes, shared !== undefined);
    },

    reset(session?: Session) {
      const attributes = { ...attributesOf(this, session), maxAge: undefined, expires: new Date(0) };
      return send(this, null, attributes.signed ? null : undefined, attributes, false);
    },

    clear(cookies) {
      // `overwrite` would remove what was already set under this name.
      const expired = { overwrite: false, maxAge: undefined, expires: new Date(0) };
      const lines = cookies.flatMap((cookie) => {
        const signature = cookie.signed ? null : undefined;
        return setCookies.send(this, [key, null], [signatureKey, signature], { ...cookie, ...expired }, false);
      });
      return { 'set-cookie': lines };
    },

    check({ secure }) {
      if (secure === true && !securityOf(this)) throw insecure(key);
    },

    isOutdated(sid) {
      if (outdated.get(this)?.has(sid) !== true) return false;
      // Another signature of this id may already have been renewed, for a cookie in another place.
      const renewed = signerOf(this).sign(`${key}=${sid}`);
      return !cookieValues(this.req.headers.cookie ?? '', signatureKey).includes(renewed);
    },

    sign(sid, cookie) {
      const signature = signerOf(this).sign(`${key}=${sid}`);
      const sent = [signatureKey, signature] as const;
      return { 'set-cookie': setCookies.send(this, sent, [signatureKey, undefined], cookie.attributes(), false) };
    },
  } as FullIdStore;

  /**
   * Reads and verifies the cookie. Reads it unsigned from `cookies`, which would clear a cookie with an invalid
   * signature: while new keys are rolled out, that would log users out.
   *
   * @param ids where a verified id is remembered
   */
  function verified(ctx: Koa.Context, signer: Signer | undefined, ids: Recent<string> | undefined): string | undefined {
    const cookies = cookiesOf(ctx);
    const sid = cookies.get(key, { signed: false });
    if (sid === undefined || (sid && !signer)) return sid;
    const signature = signer && cookies.get(signatureKey, { signed: false });
    if (sid && signature && isSigned(ctx, signer, sid, signature)) {
      const { cookie = '' } = ctx.req.headers;
      if (cookie.length <= LONGEST_REMEMBERED && !outdated.has(ctx)) ids?.set(cookie, sid);
      return sid;
    }
    const another = idsOf(ctx)[0];
    if (another === undefined && sid) sessionLine(REFUSED);
    return another;
  }

  /** Whether one of the keys made the signature. */
  function isSigned(ctx: Koa.Context, signer: Signer, sid: string, signature: string): boolean {
    const index = signer.index(`${key}=${sid}`, signature);
    if (index > 0) outdated.set(ctx, (outdated.get(ctx) ?? new Set()).add(sid));
    return index >= 0;
  }

  function idsOf(ctx: Koa.Context): readonly string[] {
    const header = ctx.req.headers.cookie ?? '';
    if (!mayCarrySeveral(header, key) && !mayCarrySeveral(header, signatureKey)) return [];
    if (!cookieOf(ctx).signed) return cookieValues(header, key).filter((sid) => sid !== '');
    const signer = signerOf(ctx);
    return signedValues(header, key, (sid, signature) => (isSigned(ctx, signer, sid, signature) ? sid : undefined));
  }

  function send(
    ctx: Koa.Context,
    sid: string | null,
    signature: string | null | undefined,
    attributes: Readonly<CookieOptions>,
    isShared: boolean,
  ): Headers {
    return { 'set-cookie': setCookies.send(ctx, [key, sid], [signatureKey, signature], attributes, isShared) };
  }

  /** @throws SessionError `ERR_SESSION_KEYS` if there is no key, or a key is empty and anyone could sign. */
  function signerOf(ctx: Koa.Context) {
    const signer = signatures.signer(ctx.app.keys);
    if (signer !== undefined) return signer;
    throw new SessionError(
      'ERR_SESSION_KEYS',
      `The session cookie is signed, but \`app.keys\` is ${wrongKeys(ctx.app.keys)}. Set it to an array of secrets before the first ` +
        'request, `app.keys = [process.env.SESSION_SECRET]`, or set `cookie: { signed: false }` if ids need no protection.',
    );
  }

  function attributesOf(ctx: Koa.Context, session: Session | undefined): CookieOptions {
    const cookie = session?.cookie;
    return cookie instanceof SessionCookie ? cookie.attributes() : { ...cookieOf(ctx), ...cookie };
  }
}

/** Describes the keys without revealing a secret. */
function wrongKeys(keys: unknown): string {
  if (keys === undefined || keys === null) return 'not set';
  if (!Array.isArray(keys)) return `${typeof keys === 'object' ? 'an' : 'a'} ${typeof keys}`;
  if (keys.length === 0) return 'empty';
  return 'an array with a key that is missing or empty';
}
