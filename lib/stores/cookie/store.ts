import type * as Jose from 'jose';
import { expected } from '../../base/expect';
import type { SessionInToken, TokenStore } from '../../base/types';
import { type TokenKey, tokenKeys } from './keys';

export type { TokenKey };

/** Options of a CookieStore. */
export interface CookieStoreOptions {
  /**
   * Secrets of 64 random bytes each. The first one seals sessions, all of them open sessions. To rotate keys, put the
   * new key first and keep the old one until the sessions it sealed have expired. Do not reuse `app.keys`: a secret
   * serves one purpose only.
   */
  keys: readonly TokenKey[];
}

/**
 * Authenticated encryption (RFC 7518, section 5.2.5). A key may seal any number of sessions, whereas the short random
 * nonces of AES-GCM would eventually repeat; and no token opens under two keys.
 */
const HEADER = { alg: 'dir', enc: 'A256CBC-HS512' } as const;
const ONLY = { keyManagementAlgorithms: [HEADER.alg], contentEncryptionAlgorithms: [HEADER.enc] };

/** The sealed content, with the claim names of RFC 7519: `aud` is the cookie's name, `jti` the session's id. */
interface Claims extends Jose.JWTPayload {
  session: Record<string, unknown>;
}

/** Keeps sessions in the visitor's cookie, as encrypted JSON Web Tokens; see {@link cookieStore}. */
export class CookieStore implements TokenStore {
  readonly protectsTokens: boolean = true;
  readonly #keys: readonly Uint8Array[];
  readonly #jose: typeof Jose;

  /** @throws TypeError if a key is invalid. */
  constructor(options: CookieStoreOptions) {
    this.#keys = keysOf(options);
    this.#jose = requireJose();
  }

  /** The kind of the store, for traces and metrics. */
  get kind(): 'cookie' {
    return 'cookie';
  }

  pack({ sid, record, ttl }: SessionInToken & { ttl: number }, name: string): Promise<string> {
    const claims: Claims = { session: JSON.parse(record) };
    return new this.#jose.EncryptJWT(claims)
      .setProtectedHeader(HEADER)
      .setAudience(name)
      .setJti(sid)
      .setExpirationTime((Date.now() + ttl) / 1000)
      .encrypt(this.#keys[0] as Uint8Array);
  }

  async unpack(token: string, name: string): Promise<SessionInToken | undefined> {
    if (!isCanonical(token)) return undefined;
    for (const key of this.#keys) {
      const claims = await this.#open(token, key, name);
      if (claims !== undefined) return sessionOf(claims);
    }
    return undefined;
  }

  /** Returns `undefined` if this key has not sealed the token for this cookie. */
  async #open(token: string, key: Uint8Array, name: string): Promise<Partial<Claims> | undefined> {
    const { errors, jwtDecrypt } = this.#jose;
    try {
      const { payload } = await jwtDecrypt<Claims>(token, key, { ...ONLY, audience: name });
      return payload;
    } catch (error) {
      // The audience is checked before the expiry, so the token is valid apart from its age.
      if (error instanceof errors.JWTExpired) return error.payload;
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

/**
 * Creates a store that keeps sessions sealed in the visitor's cookie. Such sessions cannot be ended from elsewhere, and
 * of parallel requests the last write wins; docs/cookie.md says when to use them. Needs the package `jose`.
 *
 * @throws TypeError if a key is invalid.
 */
export function cookieStore(options: CookieStoreOptions): CookieStore {
  return new CookieStore(options);
}

/**
 * Whether each part is the canonical encoding of its bytes. Decoders accept other encodings, which would give one
 * session many tokens.
 */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

function sessionOf({ jti, exp, session }: Partial<Claims>): SessionInToken | undefined {
  if (typeof jti !== 'string' || exp === undefined) return undefined;
  return { sid: jti, record: JSON.stringify(session ?? null), ttl: Math.round(exp * 1000) - Date.now() };
}

/** @throws TypeError if a key is invalid. */
function keysOf(options: unknown): readonly Uint8Array[] {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw expected('options', 'an object such as `{ keys: [process.env.SESSION_KEY] }`', options);
  }
  return tokenKeys((options as Partial<CookieStoreOptions>).keys);
}

function requireJose(): typeof Jose {
  try {
    return require('jose') as typeof Jose;
  } catch (cause) {
    const isTooNew = (cause as NodeJS.ErrnoException).code === 'ERR_REQUIRE_ESM';
    throw new TypeError(
      isTooNew
        ? 'cookieStore() needs jose 5 on this version of Node.js: run `npm install jose@5`.'
        : 'cookieStore() needs jose to seal sessions: run `npm install jose`.',
      { cause },
    );
  }
}
