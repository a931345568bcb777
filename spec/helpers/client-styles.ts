import type { Answer, CompareAndSetStore, SessionStore } from '../../lib/main';
import { MemoryStore } from '../../lib/main';

/** A way to answer: how a client wraps what its system gives. */
export type Style = <T>(run: () => T) => Answer<T>;

/** Every way in which clients answer. */
export const styles: Readonly<Record<string, Style>> = {
  values: (run) => run(),
  promises: async (run) => run(),
  'promises that take a while': (run) => new Promise((resolve) => setImmediate(() => resolve(run()))),
  thenables: (run) => new Thenable(run),
  thunks: (run) => (callback) => {
    setImmediate(() => callback(null, run()));
  },
  'thunks that call back at once': (run) => (callback) => callback(null, run()),
  generators: (run) => generate(run),
};

/** Other promise libraries are what this stands for. */
class Thenable<T> implements PromiseLike<T> {
  readonly #run: () => T;

  constructor(run: () => T) {
    this.#run = run;
  }

  // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
  then<A, B>(...handlers: Parameters<Promise<T>['then']>): Promise<A | B> {
    return new Promise<T>((resolve) => setImmediate(() => resolve(this.#run()))).then(...handlers) as Promise<A | B>;
  }
}

function* generate<T>(run: () => T): Generator<unknown, T, unknown> {
  yield Promise.resolve();
  return run();
}

/** A client with the three required methods. */
export function plainClient(style: Style, memory: MemoryStore = new MemoryStore()): SessionStore {
  return {
    get: (key: string) => style(() => memory.get(key)),
    set: (key, session, ttl) => style(() => memory.set(key, session, ttl)),
    destroy: (key: string) => style(() => memory.destroy(key)),
  };
}

/** A client that can compare and set. */
export function compareAndSetClient(
  style: Style,
  memory: MemoryStore = new MemoryStore(),
): SessionStore & CompareAndSetStore<number> {
  return {
    ...plainClient(style, memory),
    load: (key, options) => style(() => memory.load(key, options)),
    create: (key, record, ttl) => style(() => memory.create(key, record, ttl)),
    swap: (key, record, ttl, expected) => style(() => memory.swap(key, record, ttl, expected)),
    touch: (key, ttl) => style(() => memory.touch(key, ttl)),
  };
}

/** A client as users write it: its methods need their `this`. */
export class ClassClient implements SessionStore {
  readonly #memory: MemoryStore;

  constructor(memory: MemoryStore = new MemoryStore()) {
    this.#memory = memory;
  }

  async get(key: string) {
    return this.#memory.get(key) ?? null;
  }

  async set(key: string, session: Parameters<SessionStore['set']>[1], ttl: number) {
    this.#memory.set(key, session, ttl);
  }

  async destroy(key: string) {
    this.#memory.destroy(key);
  }
}
