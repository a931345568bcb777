import { hashedName, looksHashed } from '../base/hashed-names';
import { isOfLongerPrefix } from '../base/record-keys';
import { remembering } from '../base/remembering';

/** Number of hashes that are remembered: one request asks for the same one several times. */
const REMEMBERED = 1000;

/** How ids become names, under which the store keeps sessions, and keys, which begin with the prefix. */
export class Names {
  readonly prefix: string;
  /** Whether the name of a session is the hash of its id. */
  readonly areHashed: boolean;
  /** Whether the store has names of the other kind as well. */
  readonly areMixed: boolean;
  readonly #hashedKeyOf: (sid: string) => string;

  constructor(prefix: string, areHashed: boolean, areMixed: boolean) {
    this.prefix = prefix;
    this.areHashed = areHashed;
    this.areMixed = areMixed;
    this.#hashedKeyOf = remembering((sid) => prefix + hashedName(sid), REMEMBERED);
  }

  /** The key of a session. */
  keyOf(sid: string): string {
    return this.areHashed ? this.#hashedKeyOf(sid) : this.prefix + sid;
  }

  /** The key of the other kind, where a session may be that was stored before. */
  otherKeyOf(sid: string): string {
    return this.areHashed ? this.prefix + sid : this.#hashedKeyOf(sid);
  }

  /** All keys that a session may have: first the one where it is if it has not moved. */
  keysOf(sid: string): string[] {
    return this.areMixed ? [this.otherKeyOf(sid), this.keyOf(sid)] : [this.keyOf(sid)];
  }

  /** The name in a key. */
  nameIn(key: string): string {
    return key.slice(this.prefix.length);
  }

  /** Whether a key with the prefix is that of a session here, and not of a longer prefix. */
  owns(key: string): boolean {
    return this.areHashed && !this.areMixed ? looksHashed(this.nameIn(key)) : !isOfLongerPrefix(key, this.prefix);
  }

  /** What the sessions of a user are listed with: the hash of the id, whether or not the store hashes it. */
  handleOf(key: string): string {
    const name = this.nameIn(key);
    const isHashed = this.areMixed ? looksHashed(name) : this.areHashed;
    return isHashed ? name : hashedName(name);
  }

  /**
   * Whether the id could be the name of another session. If the store has both kinds, nothing is looked up under it as
   * it is: who has read the store could present it.
   */
  isAmbiguous(sid: string): boolean {
    return this.areMixed && looksHashed(sid);
  }
}
