import { timingSafeEqual } from 'node:crypto';
import { types } from 'node:util';

import Keygrip = require('keygrip');

import { Recent } from '../base/recent';
import { checkSecret } from '../base/secret-strength';

/** The methods of keygrip that this package calls. The object in `app.keys` may have another origin. */
export interface Signer {
  sign(data: string): string;
  /** Index of the key that made the signature, newest key first; -1 for none. */
  index(data: string, signature: string): number;
}

interface Known {
  signature: string;
  index: number;
}

/** Length of a signature in characters: SHA-1 in base64 without padding, as keygrip creates it. */
const LENGTH = 27;

/** Shared buffers for comparing two signatures. A buffer per remembered signature would nearly double its memory. */
const [ours, theirs] = [Buffer.alloc(LENGTH), Buffer.alloc(LENGTH)];

/** Minimum number of remembered signatures; the maximum is twice that. */
const REMEMBERED = 5000;

/**
 * Signs and verifies with `app.keys`, and remembers valid signatures, which saves HMACs and random bytes in every
 * request. Only an array of strings can be compared with the previous one: signatures of Keygrip objects and of keys in
 * Buffers are computed every time.
 */
export class Signatures {
  #keys: readonly string[] = [];
  #keygrip: Signer | undefined;
  readonly #known = new Recent<Known>(REMEMBERED);
  readonly #ids = new Recent<string>(REMEMBERED);

  /** Returns `undefined` if the keys cannot sign. */
  signer(keys: unknown): Signer | undefined {
    if (!Array.isArray(keys)) return isSigner(keys) ? keys : undefined;
    // The array may have been changed in place.
    if (this.#keygrip !== undefined && areSame(keys, this.#keys)) return this.#memory;
    // Unlike `every`, does not skip holes.
    if (keys.length === 0 || !Array.from(keys).every(isSecret)) return undefined;
    if (!keys.every((key) => typeof key === 'string')) {
      if (!looked.has(keys)) looked.add(look(keys));
      return new Keygrip(keys);
    }
    look(keys);
    this.#keys = [...keys];
    this.#keygrip = new Keygrip([...keys]);
    this.#known.clear();
    this.#ids.clear();
    return this.#memory;
  }

  /**
   * Where to remember the session ids of Cookie headers that this signer has verified with the first key. A guessed
   * signature gains nothing by timing: a header is compared only if its hash, seeded at random, is that of a known one.
   */
  idsFor(signer: Signer | undefined): Recent<string> | undefined {
    return signer === this.#memory ? this.#ids : undefined;
  }

  readonly #memory: Signer = {
    sign: (data) => {
      const known = this.#known.get(data);
      if (known?.index === 0) return known.signature;
      const signature = (this.#keygrip as Signer).sign(data);
      this.#remember(data, signature, 0);
      return signature;
    },
    index: (data, signature) => {
      const known = this.#known.get(data);
      if (known !== undefined && isEqual(known.signature, signature)) return known.index;
      const index = (this.#keygrip as Signer).index(data, signature);
      // Never failures: strangers could fill the memory with them.
      if (index >= 0) this.#remember(data, signature, index);
      return index;
    },
  };

  #remember(data: string, signature: string, index: number): void {
    // A copy: a substring of a long header would keep the whole header in memory.
    this.#known.set(data, { signature: Buffer.from(signature).toString(), index });
  }
}

/** Lists of keys in Buffers whose secrets have been looked at. */
const looked = new WeakSet<object>();

/** Warns of weak secrets. Those in a Keygrip cannot be read. */
function look<T extends readonly (string | Uint8Array)[]>(keys: T): T {
  for (const key of keys) checkSecret(key, '`app.keys`');
  return keys;
}

function areSame(keys: readonly unknown[], known: readonly string[]): boolean {
  if (keys.length !== known.length) return false;
  for (let i = 0; i < known.length; i += 1) if (keys[i] !== known[i]) return false;
  return true;
}

/**
 * Compares in constant time, as keygrip does. The length of a signature is not secret. Each character of a header is
 * one byte.
 */
function isEqual(signature: string, presented: string): boolean {
  if (presented.length !== LENGTH || signature.length !== LENGTH) return false;
  ours.write(signature, 'latin1');
  theirs.write(presented, 'latin1');
  return timingSafeEqual(theirs, ours);
}

function isSecret(key: unknown): boolean {
  return (typeof key === 'string' || types.isUint8Array(key)) && key.length > 0;
}

function isSigner(keys: unknown): keys is Signer {
  return typeof (keys as Partial<Signer> | null | undefined)?.index === 'function';
}
