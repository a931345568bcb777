import { timingSafeEqual } from 'node:crypto';
import { types } from 'node:util';

import Keygrip = require('keygrip');

/** The part of keygrip that is used here, whoever made the object in `app.keys`. */
export interface Signer {
  sign(data: string): string;
  /** Which of the keys, the newest first, made the signature; -1 for none. */
  index(data: string, signature: string): number;
}

interface Known {
  signature: string;
  index: number;
}

/** Characters of a signature: a SHA-1 in base64 without its padding, as keygrip makes it. */
const LENGTH = 27;

/** Where two signatures are compared. Bytes of its own for each that is remembered would be 150 of 340. */
const [ours, theirs] = [Buffer.alloc(LENGTH), Buffer.alloc(LENGTH)];

/** How many signatures are remembered, at least; at most twice as many. */
const REMEMBERED = 5000;

/**
 * Signs and verifies with `app.keys`, and remembers which signatures were good: saves a request three HMACs and a draw of random
 * bytes, half of what it cost (`npm run bench`). Only strings in an array can be told from others by looking at them: signatures
 * of Keygrip objects and of keys in Buffers are made anew each time.
 */
export class Signatures {
  #keys: readonly string[] = [];
  #keygrip: Signer | undefined;
  /** Two generations: what was not asked for while the younger one filled up is forgotten. */
  #young = new Map<string, Known>();
  #old = new Map<string, Known>();

  /** `undefined` where the keys are nothing that one can sign with. */
  signer(keys: unknown): Signer | undefined {
    if (!Array.isArray(keys)) return isSigner(keys) ? keys : undefined;
    // The array can be changed in place.
    if (this.#keygrip !== undefined && areSame(keys, this.#keys)) return this.#memory;
    // `every` would pass over holes.
    if (keys.length === 0 || !Array.from(keys).every(isSecret)) return undefined;
    if (!keys.every((key) => typeof key === 'string')) return new Keygrip(keys);
    this.#keys = [...keys];
    this.#keygrip = new Keygrip([...keys]);
    this.#young = new Map();
    this.#old = new Map();
    return this.#memory;
  }

  readonly #memory: Signer = {
    sign: (data) => {
      const known = this.#recall(data);
      if (known?.index === 0) return known.signature;
      const signature = (this.#keygrip as Signer).sign(data);
      this.#remember(data, signature, 0);
      return signature;
    },
    index: (data, signature) => {
      const known = this.#recall(data);
      if (known !== undefined && isEqual(known.signature, signature)) return known.index;
      const index = (this.#keygrip as Signer).index(data, signature);
      // Never a failure: strangers could fill the memory with them.
      if (index >= 0) this.#remember(data, signature, index);
      return index;
    },
  };

  #recall(data: string): Known | undefined {
    const known = this.#young.get(data);
    if (known !== undefined) return known;
    const old = this.#old.get(data);
    if (old !== undefined) this.#keep(data, old);
    return old;
  }

  #remember(data: string, signature: string, index: number): void {
    // A copy: the signature may be a part of a long header, which would stay as long as it does.
    this.#keep(data, { signature: Buffer.from(signature).toString(), index });
  }

  #keep(data: string, known: Known): void {
    if (this.#young.size >= REMEMBERED) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(data, known);
  }
}

function areSame(keys: readonly unknown[], known: readonly string[]): boolean {
  if (keys.length !== known.length) return false;
  for (let i = 0; i < known.length; i += 1) if (keys[i] !== known[i]) return false;
  return true;
}

/** In constant time, as keygrip does it; the length of a signature is no secret. A character of a header is a byte. */
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
