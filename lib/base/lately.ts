import { steadyNow } from './steady-clock';

/** What has happened within the last so many milliseconds, whatever is done to the wall clock. */
export class Lately<T> {
  readonly #span: number;
  /** Oldest first, and until when each is remembered. */
  readonly #until = new Map<T, number>();

  constructor(span: number) {
    this.#span = span;
  }

  /** How many are held; one whose time is over counts until it is taken out. */
  get size(): number {
    return this.#until.size;
  }

  /** It has happened now, and maybe before. */
  add(what: T): void {
    this.#until.delete(what);
    this.#until.set(what, steadyNow() + this.#span);
  }

  has(what: T): boolean {
    // Most processes have nothing to look at the clock for.
    if (this.#until.size === 0) return false;
    const until = this.#until.get(what);
    return until !== undefined && until > steadyNow();
  }

  delete(what: T): void {
    this.#until.delete(what);
  }

  /** Takes out what happened longest ago, if its time is over. */
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
