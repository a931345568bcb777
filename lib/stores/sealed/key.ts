import { createCipheriv, createDecipheriv, hash, hkdfSync } from 'node:crypto';

/** A secret that seals records: text, or bytes. It is used as it is, and not decoded. */
export type SealingSecret = string | Uint8Array;

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Characters of a key's number: 36 bits, so that two keys hardly ever share one. */
export const NUMBER_LENGTH = 6;
/** Names the purpose of what is derived from a secret, which may serve others too. */
const PURPOSE = 'koa-evented-session/sealed 1';

/**
 * Seals texts with AES-256-GCM. Each record has its own key, derived from the secret and the record's key in the store:
 * a text opens only under the key that it was sealed for, and no two records share nonces.
 *
 * The nonce is derived from the text (a synthetic initialization vector, as in RFC 5297), so the same text is always sealed to the same text. A call that
 * is sent again, by the driver or by the engine, thus finds what it has stored, without anybody remembering it. It
 * reveals only that a record has had the same text before.
 */
export class SealingKey {
  /** Tells which key has sealed a text, wherever the key stands in the list. Does not reveal the secret. */
  readonly number: string;
  readonly #root: Buffer;

  constructor(secret: SealingSecret) {
    this.#root = derived(secret, 'records');
    this.number = derived(secret, 'number').toString('base64url').slice(0, NUMBER_LENGTH);
  }

  seal(recordKey: string, text: string): string {
    const { name, key, nonceKey } = this.#keysOf(recordKey);
    const keyed = joined(nonceKey, text);
    const nonce = hash('sha256', keyed, 'buffer').subarray(0, NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(name);
    const parts = [nonce, cipher.update(keyed.subarray(nonceKey.length)), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat(parts).toString('base64url');
  }

  /** Returns `undefined` if this key has not sealed exactly this for the record. */
  open(recordKey: string, sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    const end = bytes.length - TAG_BYTES;
    if (end < NONCE_BYTES) return undefined;
    const { name, key } = this.#keysOf(recordKey);
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(name)
      .setAuthTag(bytes.subarray(end));
    try {
      const plain = decipher.update(bytes.subarray(NONCE_BYTES, end));
      decipher.final();
      return plain.toString();
    } catch {
      return undefined;
    }
  }

  /** One-step key derivation of NIST SP 800-56C: HKDF would take longer than the encryption. */
  #keysOf(recordKey: string) {
    const keyed = joined(this.#root, recordKey);
    const both = hash('sha512', keyed, 'buffer');
    return { name: keyed.subarray(KEY_BYTES), key: both.subarray(0, KEY_BYTES), nonceKey: both.subarray(KEY_BYTES) };
  }
}

/** The key, and behind it the text as UTF-8: one buffer, and no copy of the text. */
function joined(key: Buffer, text: string): Buffer {
  const buffer = Buffer.allocUnsafe(key.length + Buffer.byteLength(text));
  key.copy(buffer);
  buffer.write(text, key.length);
  return buffer;
}

function derived(secret: SealingSecret, what: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `${PURPOSE} ${what}`, KEY_BYTES));
}
