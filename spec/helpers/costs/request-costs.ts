import crypto = require('node:crypto');

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionStore } from '../../../lib/main';

/** What one request costs, in counts: the same on every machine. */
export interface Cost {
  /** Calls of the client, by name. */
  store: string;
  /** Sessions that were parsed, and those that were serialised. */
  parsed: number;
  serialised: number;
  /** What else went through JSON. */
  otherJson: number;
  hmacs: number;
  /** Without those in HMACs. */
  digests: number;
  randomDraws: number;
  /** Timers that are left, beside those from before. */
  timers: number;
}

const CLIENT_CALLS = ['load', 'create', 'swap', 'touch', 'remove', 'take', 'mark', 'get', 'set', 'destroy'] as const;

/** Counts operations in this process, until `stop()`. */
export class CostMeter {
  readonly #spies: Record<'parse' | 'stringify' | 'hmacs' | 'digests' | 'randomDraws', jest.SpyInstance[]>;
  readonly #isSession: (value: unknown) => boolean;
  readonly #timers: Timers;
  #calls: string[] = [];
  #callSpies: jest.SpyInstance[] = [];

  /** @param isSession distinguishes sessions and their texts from everything else that passes through JSON */
  constructor(isSession: (value: unknown) => boolean) {
    this.#isSession = isSession;
    this.#timers = new Timers();
    // Node has it behind a getter, which cannot be spied on in the same way each time.
    const { pseudoRandomBytes: value } = crypto;
    Object.defineProperty(crypto, 'pseudoRandomBytes', { value, writable: true, configurable: true });
    this.#spies = {
      parse: [jest.spyOn(JSON, 'parse')],
      stringify: [jest.spyOn(JSON, 'stringify')],
      hmacs: [jest.spyOn(crypto, 'createHmac')],
      digests: [jest.spyOn(crypto, 'hash'), jest.spyOn(crypto, 'createHash')],
      randomDraws: [
        jest.spyOn(crypto, 'randomBytes'),
        jest.spyOn(crypto, 'randomInt'),
        jest.spyOn(crypto, 'randomUUID'),
        jest.spyOn(crypto, 'randomFill'),
        jest.spyOn(crypto, 'randomFillSync'),
        jest.spyOn(crypto, 'pseudoRandomBytes'),
        jest.spyOn(Math, 'random'),
      ],
    };
  }

  /** Counts the calls of this client too. */
  watch(client: SessionStore): void {
    for (const name of CLIENT_CALLS) {
      const method: unknown = Reflect.get(client, name);
      if (typeof method !== 'function') continue;
      const spy = jest.spyOn(client as unknown as Record<string, () => unknown>, name);
      spy.mockImplementation((...args: unknown[]) => {
        this.#calls.push(name);
        return Reflect.apply(method, client, args);
      });
      this.#callSpies.push(spy);
    }
  }

  /** What `work` costs, with what it leaves for the turns after it. */
  async measure(work: () => Promise<unknown>): Promise<Cost> {
    const timers = this.#timers.pending;
    this.#calls = [];
    for (const spy of Object.values(this.#spies).flat()) spy.mockClear();
    await work();
    await nextTurn();
    const { parse, stringify, hmacs, digests, randomDraws } = this.#spies;
    const [parsed, serialised] = [this.#sessions(parse), this.#sessions(stringify)];
    return {
      store: this.#calls.join(' '),
      parsed,
      serialised,
      otherJson: callsOf([...parse, ...stringify]).length - parsed - serialised,
      hmacs: callsOf(hmacs).length,
      digests: callsOf(digests).length,
      randomDraws: callsOf(randomDraws).length,
      timers: this.#timers.pending - timers,
    };
  }

  #sessions(spies: jest.SpyInstance[]): number {
    return callsOf(spies).filter(([value]) => this.#isSession(value)).length;
  }

  stop(): void {
    for (const spy of [...Object.values(this.#spies).flat(), ...this.#callSpies]) spy.mockRestore();
    this.#timers.stop();
  }
}

function callsOf(spies: jest.SpyInstance[]): unknown[][] {
  return spies.flatMap(({ mock }) => mock.calls as unknown[][]);
}

/** Which timers wait, whether or not they hold the process. */
class Timers {
  readonly #waiting = new Set<unknown>();
  readonly #spies: jest.SpyInstance[];

  constructor() {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    const start = ((run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        run(...args);
      }, ms);
      this.#waiting.add(timer);
      return timer;
    }) as typeof setTimeout;
    const repeat = ((run: () => void, ms?: number, ...args: []) => {
      const timer = setInterval(run, ms, ...args);
      this.#waiting.add(timer);
      return timer;
    }) as typeof setInterval;
    const end = (clear: (timer: NodeJS.Timeout | undefined) => void) => (timer: unknown) => {
      this.#waiting.delete(timer);
      clear(timer as NodeJS.Timeout | undefined);
    };
    this.#spies = [
      jest.spyOn(globalThis, 'setTimeout').mockImplementation(start),
      jest.spyOn(globalThis, 'clearTimeout').mockImplementation(end(clearTimeout)),
      jest.spyOn(globalThis, 'setInterval').mockImplementation(repeat),
      jest.spyOn(globalThis, 'clearInterval').mockImplementation(end(clearInterval)),
    ];
  }

  get pending(): number {
    return this.#waiting.size;
  }

  stop(): void {
    for (const spy of this.#spies) spy.mockRestore();
  }
}
