import timers = require('node:timers/promises');

/** Milliseconds that pass when the scheduler lets time pass. */
const step = 50;
/** After this many milliseconds without a call, unfinished work counts as hanging. */
const patience = 60_000;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * Releases held calls one at a time, in an order set by its random numbers: the same numbers, the same order. Time is
 * part of the order, so timers must be jest's (`fakeAllButTurns`).
 */
export class Scheduler {
  /** What went on, in order. */
  readonly trace: string[] = [];
  /** How likely it is that time passes while calls are on their way, from 0 to 1. */
  delay = 0;
  /** Milliseconds that pass with each call, so that what comes later is later. */
  tick = 0;
  readonly #random: () => number;
  readonly #held: { what: string; go(): void }[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Resolves when it is this one's turn. */
  hold(what: string): Promise<void> {
    return new Promise((go) => this.#held.push({ what, go }));
  }

  /**
   * Releases calls until all work is done and no call is pending.
   *
   * @throws Error if some of it hangs.
   */
  async run<T>(work: readonly Promise<T>[]): Promise<T[]> {
    let open = work.length;
    const close = () => {
      open -= 1;
    };
    for (const one of work) one.then(close, close);
    for (let waited = 0; ; ) {
      // Work that needs no call continues in this turn.
      await turn();
      const isHeld = this.#held.length > 0;
      if (!isHeld && open === 0) return Promise.all(work);
      if (isHeld && this.#random() >= this.delay) {
        waited = 0;
        this.#letOneGo();
      } else {
        if (waited > patience) throw new Error(`hangs after ${this.trace.join(', ')}`);
        waited += step;
        jest.advanceTimersByTime(step);
      }
    }
  }

  #letOneGo(): void {
    const [chosen] = this.#held.splice(Math.floor(this.#random() * this.#held.length), 1);
    if (chosen === undefined) return;
    this.trace.push(chosen.what);
    if (this.tick > 0) jest.advanceTimersByTime(this.tick);
    chosen.go();
  }
}

/** Timers and the clock are jest's; turns of the event loop are real. Sleeping work continues as time passes. */
export function fakeAllButTurns(): void {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
  // Jest does not know of these. All sleep equally long, so that no order depends on chance.
  jest.spyOn(timers, 'setTimeout').mockImplementation((_ms, value) => new Promise((go) => setTimeout(go, 1, value)));
}

const nothing = new Promise<never>(() => undefined);

/** The methods by which clients are asked. */
const methods = [
  ...['get', 'set', 'destroy', 'load', 'create', 'swap', 'touch', 'remove', 'take', 'mark'],
  ...['enroll', 'members', 'dismiss', 'endedNow'],
];

/** What goes wrong with one call: it is not sent, its answer is lost, the driver sends it twice, or the process dies around it. */
export type Trouble = 'unsent' | 'unanswered' | 'twice' | 'death before' | 'death after';

/** A process that a race's requests run in. */
export interface HeldProcess {
  readonly name: string;
  /** Hears of each call that the store has carried out: its key, its method and all that it was given. */
  done(key: string, method: string, args: readonly unknown[]): void;
  /** What goes wrong with the call that is about to be sent, if anything does. */
  trouble?: () => Trouble | undefined;
  /** Whether its calls arrive in the order in which they were sent. */
  readonly isOrdered?: boolean | undefined;
  /** Hears that the process has died: nothing comes of its requests any more. */
  died?: () => void;
}

/** JSON knows no `Infinity`. */
function copy(value: unknown): unknown {
  return typeof value === 'object' ? JSON.parse(JSON.stringify(value)) : value;
}

/**
 * The client as a process sees it whose calls the scheduler holds twice: on their way to the store, and on their way back.
 * What a call hands over is what it was at that moment, like on a wire.
 */
export function heldClient<T extends object>(
  client: T,
  scheduler: Pick<Scheduler, 'hold' | 'trace'>,
  process: HeldProcess,
): T {
  const { trouble = () => undefined, died = () => undefined } = process;
  let isDead = false;
  const hold = async (what: string) => {
    await scheduler.hold(`${process.name} ${what}`);
    if (isDead) await nothing;
  };
  let last: Promise<unknown> = Promise.resolve();
  const send = (what: string) => {
    if (process.isOrdered !== true) return hold(what);
    const sent = last.then(() => hold(what));
    last = sent;
    return sent;
  };
  const die = async () => {
    isDead = true;
    died();
    await nothing;
  };
  const original = client as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  const entries = methods
    .filter((method) => original[method] !== undefined)
    .map((method) => [
      method,
      async (...args: unknown[]) => {
        const sent = args.map(copy);
        await send(method);
        const what = trouble();
        if (what !== undefined) scheduler.trace.push(what);
        if (what === 'unsent') throw new Error('the connection was lost');
        if (what === 'death before') await die();
        const carryOut = async () => {
          const answer = await original[method]?.call(client, ...sent);
          process.done(String(sent[0]), method, sent);
          return answer;
        };
        let answer = await carryOut();
        if (what === 'death after') await die();
        if (what === 'unanswered') throw new Error('the connection was lost');
        if (what === 'twice') {
          await hold(`${method} again`);
          answer = await carryOut();
        }
        await hold(`${method} answers`);
        return answer;
      },
    ]);
  return Object.fromEntries(entries) as T;
}
