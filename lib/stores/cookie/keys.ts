import { types } from 'node:util';
import { kindOf } from '../../base/kind-of';

/** 64 random bytes: raw, or as text in base64, base64url or hexadecimal. */
export type TokenKey = string | Uint8Array;

const BYTES = 64;
const HEX = /^[\da-f]{128}$/i;
const BASE64 = /^[a-z\d+/_-]{86}(?:==)?$/i;

const EXPECTATION = `${BYTES} random bytes, as base64, base64url, hexadecimal or a Uint8Array`;
const HOW = `Make one with \`node -p "require('crypto').randomBytes(${BYTES}).toString('base64url')"\``;

/**
 * Copies the keys as bytes, so that later changes by the caller have no effect.
 *
 * @throws TypeError if a key is invalid; the message does not show it.
 */
export function tokenKeys(keys: unknown): readonly Uint8Array[] {
  if (!Array.isArray(keys)) throw new TypeError(`Expected \`keys\` to be an array of keys, got ${kindOf(keys)}`);
  if (keys.length === 0) throw new TypeError(`Expected \`keys\` to have at least one key, got an empty array. ${HOW}`);
  // Unlike `map`, does not skip holes.
  return Array.from(keys, (key: unknown, index) => {
    const bytes = bytesOf(key);
    if (bytes?.length === BYTES) return bytes;
    throw new TypeError(`Expected \`keys[${index}]\` to be ${EXPECTATION}, got ${kindOf(key)}. ${HOW}`);
  });
}

function bytesOf(key: unknown): Uint8Array | undefined {
  if (types.isUint8Array(key)) return Uint8Array.from(key);
  if (typeof key !== 'string') return undefined;
  if (HEX.test(key)) return Buffer.from(key, 'hex');
  // Node decodes both alphabets.
  return BASE64.test(key) ? Buffer.from(key, 'base64') : undefined;
}
