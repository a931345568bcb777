import type * as Jose from 'jose';
import { expected } from '../../base/expect';
import type { CarriedSession, CarryingStore } from '../../base/types';
import { type SealingKey, sealingKeys } from './keys';

export type { SealingKey };

/** Options of a CookieStore. */
export interface CookieStoreOptions {
  /**
   * Secrets of 64 random bytes each. The first seals, all open: to change keys put the new one first, and keep the old one until
   * what it sealed has ended. Not `app.keys`: one secret is for one purpose.
   */
  keys: readonly SealingKey[];
}

/**
 * Encrypts and authenticates at once (RFC 7518, 5.2.5). A key may seal any number of sessions, unlike those of AES-GCM, whose short
 * random nonces would come again; and no token opens under two keys.
 */
const HEADER = { alg: 'dir', enc: 'A256CBC-HS512' } as const;
const ONLY = { keyManagementAlgorithms: [HEADER.alg], contentEncryptionAlgorithms: [HEADER.enc] };

/** What is sealed, under the names that RFC 7519 has for it; `aud` is the cookie's name, `jti` the session's id. */
interface Claims extends Jose.JWTPayload {
  session: Record<string, unknown>;
}

/** Sessions sealed into the visitor's cookie, as encrypted JSON Web Tokens; see {@link cookieStore}. */
export class CookieStore implements CarryingStore {
  readonly sealed: boolean = true;
  readonly #keys: readonly Uint8Array[];
  readonly #jose: typeof Jose;

  /** @throws TypeError */
  constructor(options: CookieStoreOptions) {
    this.#keys = keysOf(options);
    this.#jose = requireJose();
  }

  pack({ sid, record, ttl }: CarriedSession & { ttl: number }, name: string): Promise<string> {
    const claims: Claims = { session: JSON.parse(record) };
    return new this.#jose.EncryptJWT(claims)
      .setProtectedHeader(HEADER)
      .setAudience(name)
      .setJti(sid)
      .setExpirationTime((Date.now() + ttl) / 1000)
      .encrypt(this.#keys[0] as Uint8Array);
  }

  async unpack(token: string, name: string): Promise<CarriedSession | undefined> {
    if (!isCanonical(token)) return undefined;
    for (const key of this.#keys) {
      const claims = await this.#open(token, key, name);
      if (claims !== undefined) return sessionOf(claims);
    }
    return undefined;
  }

  /** `undefined` for what this key has not sealed for this cookie. */
  async #open(token: string, key: Uint8Array, name: string): Promise<Partial<Claims> | undefined> {
    const { errors, jwtDecrypt } = this.#jose;
    try {
      const { payload } = await jwtDecrypt<Claims>(token, key, { ...ONLY, audience: name });
      return payload;
    } catch (error) {
      // Its cookie has been checked before its time: it is one of ours.
      if (error instanceof errors.JWTExpired) return error.payload;
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

/**
 * Makes a store that keeps sessions in the visitor's cookie, sealed. They cannot be ended from elsewhere, and the last write of
 * parallel requests wins: docs/cookie.md says who should use them. Needs the package `jose`.
 *
 * @throws TypeError for keys that are none.
 */
export function cookieStore(options: CookieStoreOptions): CookieStore {
  return new CookieStore(options);
}

/** Whether each part is what its bytes encode to: decoders pass over much else, and then one session would have many tokens. */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

function sessionOf({ jti, exp, session }: Partial<Claims>): CarriedSession | undefined {
  if (typeof jti !== 'string' || exp === undefined) return undefined;
  return { sid: jti, record: JSON.stringify(session ?? null), ttl: Math.round(exp * 1000) - Date.now() };
}

/** @throws TypeError */
function keysOf(options: unknown): readonly Uint8Array[] {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw expected('options', 'an object such as `{ keys: [process.env.SESSION_KEY] }`', options);
  }
  return sealingKeys((options as Partial<CookieStoreOptions>).keys);
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
