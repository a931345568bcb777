/** How far back the time line reaches, in milliseconds. */
const SPAN = 40_000;

/** @typedef {'available' | 'pending' | 'unavailable' | 'closed'} State */
/** @typedef {{ who: string, at: number, state: State, isFirst?: boolean }} Change */
/** @typedef {{ who: string, number: number, start: number, end: number | undefined, ok: boolean }} Request */

/** The states of the store as each business saw them, and the requests at that time. */
class Timeline {
  /** @type {Change[]} */
  changes = [];
  /** @type {Request[]} */
  requests = [];
  /** Number of requests so far. @type {Record<string, number>} */
  #counts = {};

  /**
   * Records each state of a Store. Its events report a lost and a regained connection; a timer tells when requests stop waiting.
   *
   * @param {string} who
   * @param {import('koa-evented-session').Store} store
   * @param {number} reconnectTimeout milliseconds
   */
  watch(who, store, reconnectTimeout) {
    const note = () => this.#note({ who, at: Date.now(), state: store.status });
    store.on('connect', note);
    store.on('disconnect', () => {
      note();
      setTimeout(() => store.status === 'unavailable' && note(), reconnectTimeout + 10).unref();
    });
    this.changes.push({ who, at: Date.now(), state: store.status, isFirst: true });
  }

  /**
   * Follows a request to its end.
   *
   * @template T
   * @param {string} who
   * @param {() => Promise<T>} request
   * @param {(answer: T) => boolean} isOk
   */
  async follow(who, request, isOk) {
    /** @type {Request} */
    const followed = { who, number: this.#counts[who] ?? 0, start: Date.now(), end: undefined, ok: true };
    this.#counts[who] = followed.number + 1;
    this.#forget();
    this.requests.push(followed);
    try {
      const answer = await request();
      followed.ok = isOk(answer);
    } catch (error) {
      followed.ok = false;
      throw error;
    } finally {
      followed.end = Date.now();
    }
  }

  /** @param {Change} change */
  #note(change) {
    const last = this.changes.findLast(({ who }) => who === change.who);
    if (last?.state !== change.state) this.changes.push(change);
    // Enough to know each business' state at the beginning of the span.
    this.changes = this.changes.slice(-100);
  }

  #forget() {
    const begin = Date.now() - SPAN;
    this.requests = this.requests.filter(({ end }) => end === undefined || end > begin).slice(-500);
  }
}

module.exports = { SPAN, Timeline };
