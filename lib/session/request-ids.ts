import { isSuccessor, type Marker } from '../record/marker';
import { isSessionId } from './id';

/** Maximum number of ids of one request that are looked up in the store. */
const MOST = 4;

/** The ids of a request with several cookies of one name. The first id with a session counts. */
export class RequestIds {
  readonly #left: Set<string>;
  readonly #asked: Set<string>;
  #isNamed = false;

  /**
   * @param first the id that was already looked up
   * @param all all ids, in the order sent
   */
  constructor(first: string, all: readonly string[]) {
    this.#asked = new Set([first]);
    const ids = all.filter((id) => id !== first && isSessionId(id));
    this.#left = new Set(ids.slice(0, MOST - 1));
  }

  /** The next id to look up, since the last one has no session; `undefined` if the visitor has none. */
  next(): string | undefined {
    if (this.#isNamed) return undefined;
    const [id] = this.#left;
    return id && this.#ask(id);
  }

  /**
   * The id to look up after the last one's session was regenerated: that of the successor, and no other. An older
   * cookie may have a session too, but a late request must not get it.
   */
  successor(marker: Marker | undefined): string | undefined {
    this.#isNamed = true;
    const named = marker && [...this.#left].find((id) => isSuccessor(id, marker));
    return named && this.#ask(named);
  }

  /** Whether the successor of a regenerated session was already looked up. */
  hasAsked(marker: Marker | undefined): boolean {
    return marker !== undefined && [...this.#asked].some((id) => isSuccessor(id, marker));
  }

  #ask(id: string): string {
    this.#left.delete(id);
    this.#asked.add(id);
    return id;
  }
}
