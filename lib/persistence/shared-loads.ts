import { withTimeout } from '../base/deadline';
import { inTurns, nextTurn } from '../base/turns';
import { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { SLOTS, slotOf } from './active-keys';
import { busy } from './write-queue';

/** How many requests load a record at the same time, each by itself, before others share an answer. */
const BY_THEMSELVES = 8;
/** How many may wait for one record. */
const MOST_WAITING = 20_000;

/** A crowd has come when so many turns bring nobody more, or after so many milliseconds. */
const QUIET_TURNS = 6;
const LONGEST_ARRIVAL = 1000;

/** How many usual round trips the answer to a crowd may take, and how many milliseconds at least, before the next load is sent beside it. */
const ROUND_TRIPS = 4;
const LEAST_PATIENCE = 50;
/** Milliseconds of an answer that came late which count as usual. */
const MOST_USUAL = 250;

interface Waiter<T> {
  budget: Budget;
  resolve(answer: T): void;
  reject(error: unknown): void;
}

type Tell<T> = (waiter: Waiter<T>) => void;

/**
 * Loads of the same record at the same time. A few are sent as they come. The rest wait for one that is sent after they came, so that none
 * misses what was stored before; they get its answer a few at a time, so that a crowd does not hold everybody else up. An answer that does
 * not come keeps only those waiting who came before its load was sent.
 */
export class SharedLoads<T> {
  readonly #caller: ClientCaller;
  /** How many loads are under way. Keys share a slot at times: then a load may go through a crowd of its own, and loses nothing. */
  readonly #underWay = new Uint32Array(SLOTS);
  readonly #crowds = new Map<string, Waiter<T>[]>();
  /** Milliseconds that answers have taken lately. */
  #usual = 0;

  constructor(caller: ClientCaller) {
    this.#caller = caller;
  }

  /** Whether a load of the record is to be shared. */
  isCrowded(key: string): boolean {
    return (this.#underWay[slotOf(key)] as number) >= BY_THEMSELVES || (this.#crowds.size > 0 && this.#crowds.has(key));
  }

  /** A request loads the record by itself. */
  begin(key: string): void {
    (this.#underWay[slotOf(key)] as number) += 1;
  }

  end(key: string): void {
    (this.#underWay[slotOf(key)] as number) -= 1;
  }

  /**
   * The answer to a load that is sent later than now.
   *
   * @throws StoreError `ERR_SESSION_STORE_BUSY` by rejection, where too many wait already.
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
      // Twice as long each time: a store that answers nobody is not to be asked ever more.
      const patience = 2 ** unanswered * Math.max(LEAST_PATIENCE, ROUND_TRIPS * this.#usual);
      const tell = await withTimeout(answer, patience, unansweredYet).catch(() => undefined);
      unanswered = tell === undefined ? unanswered + 1 : 0;
      if (tell === undefined) void answer.then((late) => inTurns(group, late));
      else await inTurns(group, tell);
    }
    this.#crowds.delete(key);
  }

  /** How the group is to be told of what its load has come to. */
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

  /** Those who come in the same moment go together: the fewer loads, the fewer versions there are to be parsed and merged. */
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
