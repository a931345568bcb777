import type { Marker } from '../record/record';
import { isSessionId } from './id';

/** How many ids of one request a store is asked for. */
const MOST = 4;

/** The ids of one request, whose cookies of one name are several: the first that has a session counts. */
export class RequestIds {
  readonly #left: Set<string>;
  readonly #asked: Set<string>;
  #isNamed = false;

  /**
   * @param first the id that the store has been asked for already
   * @param all in the order sent
   */
  constructor(first: string, all: readonly string[]) {
    this.#asked = new Set([first]);
    const ids = all.filter((id) => id !== first && isSessionId(id));
    this.#left = new Set(ids.slice(0, MOST - 1));
  }

  /** The id to ask for now that the last one has no session; `undefined`: the visitor has none. */
  next(): string | undefined {
    if (this.#isNamed) return undefined;
    const [id] = this.#left;
    return id && this.#ask(id);
  }

  /**
   * The id to ask for now that the last one's session has been regenerated: the id that it goes on under, and no other. An older cookie may
   * have a session too, and a request that comes late must not get that.
   */
  successor(marker: Marker | undefined): string | undefined {
    this.#isNamed = true;
    return marker !== undefined && this.#left.has(marker.successor) ? this.#ask(marker.successor) : undefined;
  }

  /** Whether the store has been asked for the id that a regenerated session goes on under. */
  hasAsked(marker: Marker | undefined): boolean {
    return marker !== undefined && this.#asked.has(marker.successor);
  }

  #ask(id: string): string {
    this.#left.delete(id);
    this.#asked.add(id);
    return id;
  }
}
