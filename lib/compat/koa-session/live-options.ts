import { type Options, resolveOptions } from './options';
import type { CreateSessionOptions } from './types';

/** The current options: applications and test tools change them in place. */
export class LiveOptions {
  readonly #given: Readonly<Record<string, unknown>>;
  #seen: Readonly<Record<string, unknown>>;
  #options: Options;

  /** @throws TypeError for an option of the wrong type. */
  constructor(given: CreateSessionOptions) {
    this.#given = given as Readonly<Record<string, unknown>>;
    this.#seen = { ...given };
    this.#options = resolveOptions(given);
  }

  /** The name of the cookie. */
  get key(): string {
    return this.#options.key;
  }

  /** @throws TypeError for an option that was changed to the wrong type. */
  get current(): Options {
    if (!this.#hasChanged()) return this.#options;
    const seen = { ...this.#given };
    this.#options = resolveOptions(seen);
    this.#seen = seen;
    return this.#options;
  }

  #hasChanged(): boolean {
    for (const name in this.#given) if (this.#given[name] !== this.#seen[name]) return true;
    for (const name in this.#seen) if (!(name in this.#given)) return true;
    return false;
  }
}
