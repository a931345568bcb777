import { hashedName } from '../base/hashed-names';

/** Number of hashes that are remembered: one request asks for the same one several times. */
const REMEMBERED = 1000;

/** How ids become names, under which the store keeps sessions, and keys, which begin with the prefix. */
export class Names {
  readonly prefix: string;
  /** Whether the name of a session is the hash of its id. */
  readonly areHashed: boolean;
  readonly #hashed = new Map<string, string>();

  constructor(prefix: string, areHashed: boolean) {
    this.prefix = prefix;
    this.areHashed = areHashed;
  }

  keyOf(sid: string): string {
    return this.prefix + (this.areHashed ? this.#hash(sid) : sid);
  }

  /** The name in a key. */
  nameIn(key: string): string {
    return key.slice(this.prefix.length);
  }

  /** What the sessions of a user are listed with: the hash of the id, whether or not the store hashes it. */
  handleOf(key: string): string {
    const name = this.nameIn(key);
    return this.areHashed ? name : hashedName(name);
  }

  #hash(sid: string): string {
    let name = this.#hashed.get(sid);
    if (name === undefined) {
      name = hashedName(sid);
      if (this.#hashed.size >= REMEMBERED) this.#hashed.clear();
      this.#hashed.set(sid, name);
    }
    return name;
  }
}
