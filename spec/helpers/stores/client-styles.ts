import co from 'co';
import type {
  Answer,
  CompareAndSetStore,
  EndingStore,
  EnumerableStore,
  IndexingStore,
  Session,
  SessionStore,
} from '../../../lib/main';
import { MemoryStore } from '../../../lib/main';

/** How a client returns what its system answers. */
export type Style = <T>(run: () => T) => Answer<T>;

/** Every style in which clients answer. */
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

/** Represents other promise libraries. */
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

/** The same, and a session ends in one call. */
export function endingClient(
  style: Style,
  memory: MemoryStore = new MemoryStore(),
): SessionStore & CompareAndSetStore<number> & EndingStore<number> {
  return {
    ...compareAndSetClient(style, memory),
    remove: (key) => style(() => memory.remove(key)),
    take: (key, marker, ttl) => style(() => memory.take(key, marker, ttl)),
    mark: (key, length) => style(() => memory.mark(key, length)),
  };
}

/** The same, and it knows which sessions belong to a user, and lists all. */
export function indexingClient(
  style: Style,
  memory: MemoryStore = new MemoryStore(),
): ReturnType<typeof endingClient> & IndexingStore & EnumerableStore {
  return {
    ...endingClient(style, memory),
    enroll: (index, key, ttl, elapsed, from) => style(() => memory.enroll(index, key, ttl, elapsed, from)),
    members: (index, limit, after) => style(() => memory.members(index, limit, after)),
    dismiss: (index, entries) => style(() => memory.dismiss(index, entries)),
    endedNow: (index, keepFor) => style(() => memory.endedNow(index, keepFor)),
    keys: (prefix, cursor) => style(() => memory.keys(prefix, cursor)),
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

  async set(key: string, session: Session, ttl: number) {
    this.#memory.set(key, session, ttl);
  }

  async destroy(key: string) {
    this.#memory.destroy(key);
  }
}

/** A client of the first Koa: its methods are generator functions. */
class GeneratorClient implements SessionStore {
  readonly memory: MemoryStore;

  constructor(memory: MemoryStore) {
    this.memory = memory;
  }

  *get(key: string): Generator<unknown, Session | null, Session | undefined> {
    return (yield Promise.resolve(this.memory.get(key))) ?? null;
  }

  *set(key: string, session: Session, ttl: number): Generator<unknown, void, unknown> {
    yield [Promise.resolve(), this.inner()];
    this.memory.set(key, session, ttl);
  }

  *destroy(key: string): Generator<unknown, void, unknown> {
    yield this.inner();
    this.memory.destroy(key);
  }

  private *inner(): Generator<unknown, void, unknown> {
    yield (callback: () => void) => setImmediate(callback);
  }
}

/** A client whose methods take a callback, and return a promise without one. */
class CallbackClient {
  readonly memory: MemoryStore;

  constructor(memory: MemoryStore) {
    this.memory = memory;
  }

  get(key: string, callback?: (error: unknown, session?: Session | undefined) => void) {
    return this.answer<Session | undefined>(() => this.memory.get(key), callback);
  }

  set(key: string, session: Session, ttl: number, callback?: (error: unknown) => void) {
    return this.answer(() => this.memory.set(key, session, ttl), callback);
  }

  destroy(key: string, callback?: (error: unknown) => void) {
    return this.answer(() => this.memory.destroy(key), callback);
  }

  private answer<T>(run: () => T, callback: ((error: unknown, value?: T) => void) | undefined) {
    if (callback === undefined) return Promise.resolve().then(run);
    setImmediate(() => callback(null, run()));
    return undefined;
  }
}

/** A constructor of before there were classes, as those of koa-redis and koa-mysql-session are. */
function OldClient(this: { memory: MemoryStore }, memory: MemoryStore) {
  this.memory = memory;
}
OldClient.prototype.get = function (this: { memory: MemoryStore }, key: string) {
  return Promise.resolve(this.memory.get(key));
};
OldClient.prototype.set = function (this: { memory: MemoryStore }, key: string, session: Session, ttl: number) {
  return Promise.resolve(this.memory.set(key, session, ttl));
};
OldClient.prototype.destroy = function (this: { memory: MemoryStore }, key: string) {
  return Promise.resolve(this.memory.destroy(key));
};

/** A Map is nearly a client. */
class MapWithDestroy extends Map<string, unknown> {
  readonly memory: MemoryStore;

  constructor(memory: MemoryStore) {
    super();
    this.memory = memory;
  }

  override get(key: string): Session | undefined {
    return this.memory.get(key);
  }

  override set(key: string, session: unknown, ttl?: number) {
    this.memory.set(key, session as Session, ttl);
    return this;
  }

  destroy(key: string) {
    return this.memory.destroy(key);
  }
}

/** An object that answers whatever it is asked, like one that passes the calls on to another process. */
export function answeringAnything(client: SessionStore, names: readonly string[] = []): SessionStore {
  return new Proxy({} as SessionStore, {
    has: (_, name) => names.includes(String(name)),
    get(_, name) {
      // `await` would mistake it for a promise.
      if (name === 'then') return undefined;
      return async (...args: unknown[]) => {
        const method: unknown = Reflect.get(client, name);
        return typeof method === 'function' ? method.apply(client, args) : undefined;
      };
    },
  });
}

/** Every kind of object that a client is. */
export const kinds: Readonly<Record<string, (memory: MemoryStore) => SessionStore>> = {
  'an instance of a class with private fields': (memory) => new ClassClient(memory),
  'an instance of a class that inherits its methods': (memory) => new (class extends ClassClient {})(memory),
  'an instance of a constructor with a prototype': (memory) =>
    Reflect.construct(OldClient, [memory]) as unknown as SessionStore,
  'an instance whose methods are generator functions': (memory) => new GeneratorClient(memory),
  'an instance whose methods take a callback if they are given one': (memory) =>
    new CallbackClient(memory) as unknown as SessionStore,
  'a Map with the method that it lacks': (memory) => new MapWithDestroy(memory) as unknown as SessionStore,
  'an object of functions that co has wrapped': (memory) => {
    const client = new GeneratorClient(memory);
    return {
      get: co.wrap((key: string) => client.get(key)),
      set: co.wrap((key: string, session: Session, ttl: number) => client.set(key, session, ttl)),
      destroy: co.wrap((key: string) => client.destroy(key)),
    };
  },
  'an object without a prototype': (memory) =>
    Object.assign(
      Object.create(null) as SessionStore,
      plainClient((run) => run(), memory),
    ),
  'an object whose methods come from getters': (memory) => {
    const { get, set, destroy } = plainClient(async (run) => run(), memory);
    return Object.create({}, { get: { get: () => get }, set: { get: () => set }, destroy: { get: () => destroy } });
  },
  'a frozen object': (memory) => Object.freeze(plainClient(async (run) => run(), memory)),
  'a frozen instance of a class': (memory) => Object.freeze(new ClassClient(memory)),
  'a function with methods': (memory) =>
    Object.assign(
      () => undefined,
      plainClient(async (run) => run(), memory),
    ),
  'a Proxy around an instance, with its methods bound': (memory) =>
    new Proxy(new ClassClient(memory), {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  'a Proxy that has a function for every name, and says which are meant': (memory) =>
    answeringAnything(new ClassClient(memory), ['get', 'set', 'destroy']),
};
