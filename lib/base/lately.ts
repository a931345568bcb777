import { steadyNow } from './steady-clock';

/** Remembers what happened within a number of milliseconds, unaffected by changes of the wall clock. */
export class Lately<T> {
  readonly #span: number;
  /** Until when each entry is remembered, oldest first. */
  readonly #until = new Map<T, number>();

  constructor(span: number) {
    this.#span = span;
  }

  /** The number of entries, including expired ones that have not been removed yet. */
  get size(): number {
    return this.#until.size;
  }

  /** Records that it has happened now, whether or not it happened before. */
  add(what: T): void {
    this.#until.delete(what);
    this.#until.set(what, steadyNow() + this.#span);
  }

  has(what: T): boolean {
    // Saves most processes a look at the clock.
    if (this.#until.size === 0) return false;
    const until = this.#until.get(what);
    return until !== undefined && until > steadyNow();
  }

  delete(what: T): void {
    this.#until.delete(what);
  }

  /** Removes the oldest entry and returns it, if it has expired. */
  shift(): T | undefined {
    if (this.#until.size === 0) return undefined;
    for (const [what, until] of this.#until) {
      if (until > steadyNow()) break;
      this.#until.delete(what);
      return what;
    }
    return undefined;
  }
}
