/**
 * Remembers values by text, in two generations: an entry that is not used while the younger generation fills up is
 * forgotten.
 */
export class Recent<T> {
  readonly #least: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** @param least minimum number of values that are remembered; the maximum is twice that */
  constructor(least: number) {
    this.#least = least;
  }

  get(text: string): T | undefined {
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const old = this.#old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  set(text: string, value: T): void {
    if (this.#young.size >= this.#least) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
