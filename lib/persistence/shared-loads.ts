import { withTimeout } from '../base/deadline';
import { inTurns, nextTurn } from '../base/turns';
import { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { busy } from './write-queue';

/** Number of counters that the keys share. */
const SLOTS = 1024;

/** Number of parallel loads of a record before further requests share one. */
const BY_THEMSELVES = 8;
/** Maximum number of requests that wait for one record. */
const MOST_WAITING = 20_000;

/** A crowd is complete if no request joins for this many turns, or after this many milliseconds. */
const QUIET_TURNS = 6;
const LONGEST_ARRIVAL = 1000;

/**
 * How long to wait for an answer before the next load is sent: this many usual round trips, and at least this
 * many milliseconds.
 */
const ROUND_TRIPS = 4;
const LEAST_PATIENCE = 50;
/** Maximum time of a late answer that counts as usual, in milliseconds. */
const MOST_USUAL = 250;

interface Waiter<T> {
  budget: Budget;
  resolve(answer: T): void;
  reject(error: unknown): void;
}

type Tell<T> = (waiter: Waiter<T>) => void;

/**
 * Lets parallel loads of one record share an answer. The first few are sent at once. The rest wait for a load sent
 * after they arrived, so that they miss no earlier write. They get its answer a few at a time, so that a crowd does not
 * delay other requests. A load without an answer delays only those who arrived before it was sent.
 */
export class SharedLoads<T> {
  readonly #caller: ClientCaller;
  /** Number of pending loads. Keys may share a slot: a load then joins a crowd needlessly, without harm. */
  readonly #underWay = new Uint32Array(SLOTS);
  readonly #crowds = new Map<string, Waiter<T>[]>();
  /** Recent duration of answers, in milliseconds. */
  #usual = 0;

  constructor(caller: ClientCaller) {
    this.#caller = caller;
  }

  /** Whether loads of the record should be shared. */
  isCrowded(key: string): boolean {
    return (this.#underWay[slotOf(key)] as number) >= BY_THEMSELVES || (this.#crowds.size > 0 && this.#crowds.has(key));
  }

  /** A request loads the record separately. */
  begin(key: string): void {
    (this.#underWay[slotOf(key)] as number) += 1;
  }

  end(key: string): void {
    (this.#underWay[slotOf(key)] as number) -= 1;
  }

  /**
   * Resolves to the answer of a load that is sent after this call.
   *
   * @throws StoreError `ERR_SESSION_STORE_BUSY` by rejection, if too many requests are waiting already.
   */
  share(key: string, budget: Budget, load: (budget: Budget) => Promise<T>): Promise<T> {
    let crowd = this.#crowds.get(key);
    if (crowd === undefined) {
      crowd = [];
      this.#crowds.set(key, crowd);
      void this.#serve(key, crowd, load);
    }
    if (crowd.length >= MOST_WAITING) return Promise.reject(busy('get'));
    const waiting = crowd;
    const { left } = budget;
    const answer = new Promise<T>((resolve, reject) => {
      waiting.push({ budget, resolve, reject });
    });
    return budget.spendAtMost(left, answer, () => this.#caller.late('get', left));
  }

  async #serve(key: string, crowd: Waiter<T>[], load: (budget: Budget) => Promise<T>): Promise<void> {
    await this.#complete(crowd);
    for (let unanswered = 0; crowd.length > 0; ) {
      const group = crowd.splice(0);
      const answer = this.#answer(group, load);
      // Doubles each time, so that a store that does not answer gets fewer and fewer calls.
      const patience = 2 ** unanswered * Math.max(LEAST_PATIENCE, ROUND_TRIPS * this.#usual);
      const tell = await withTimeout(answer, patience, unansweredYet).catch(() => undefined);
      unanswered = tell === undefined ? unanswered + 1 : 0;
      if (tell === undefined) void answer.then((late) => inTurns(group, late));
      else await inTurns(group, tell);
    }
    this.#crowds.delete(key);
  }

  /** Loads the record, and resolves to the function that tells each waiter the result. */
  #answer(group: readonly Waiter<T>[], load: (budget: Budget) => Promise<T>): Promise<Tell<T>> {
    const budget = new Budget(group.reduce((most, { budget: { left } }) => Math.max(most, left), 0));
    const began = performance.now();
    return load(budget).then(
      (answer) => {
        this.#usual = (this.#usual + Math.min(performance.now() - began, MOST_USUAL)) / 2;
        return (waiter) => waiter.resolve(answer);
      },
      (error: unknown) => (waiter) => waiter.reject(error),
    );
  }

  /** Waits for requests of the same moment: fewer loads mean fewer versions to parse and merge. */
  async #complete(crowd: readonly unknown[]): Promise<void> {
    const end = performance.now() + LONGEST_ARRIVAL;
    for (let seen = -1; crowd.length > seen && performance.now() < end; ) {
      seen = crowd.length;
      for (let turn = 0; turn < QUIET_TURNS; turn += 1) await nextTurn();
    }
  }
}

function unansweredYet(): Error {
  return new Error('no answer yet');
}

/** The end of a session id is random. Keys with the same end share a slot, and are still told apart. */
function slotOf(key: string): number {
  const { length } = key;
  const last = key.charCodeAt(length - 1) + 31 * key.charCodeAt(length - 2) + 961 * key.charCodeAt(length - 3);
  return (last | 0) % SLOTS;
}
