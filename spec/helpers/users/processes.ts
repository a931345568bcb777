import Koa from 'koa';
import { type LightReply, lightly } from '../http/light-requests';
import { heldClient, type Scheduler, type Trouble } from '../races/scheduler';
import { gate } from '../time/gate';

import session = require('../../../lib/main');

/** What goes on in the processes; each order has another one. */
export interface Stage extends Pick<Scheduler, 'hold' | 'trace'> {
  readonly client: session.MemoryStore;
  /** Who calls the store. */
  readonly caller: string;
  trouble(): Trouble | undefined;
  /** Hears of each call that the store has carried out. */
  done(key: string, method: string, args: readonly unknown[]): void;
  failed(error: Error): void;
  heard(event: string): void;
  died(): void;
  handle(ctx: Koa.Context, sessions: session.SessionMiddleware): Promise<void>;
}

export interface Process {
  readonly sessions: session.SessionMiddleware;
  /** Opens when it dies, which it does but once. */
  readonly died: Promise<LightReply>;
  request(path: string, cookie: string): Promise<LightReply>;
}

/** In place of the status of a request whose process has died. */
export const DIED = 0;

/** Processes with a middleware each. Those that live on serve the next order too: to make them takes longer than the order. */
export class Processes {
  readonly #options: session.SessionOptions;
  readonly #isOrdered: boolean;
  readonly #all = new Map<number, Process>();
  /** To be set before anything is asked. */
  stage: Stage | undefined;

  /** @param isOrdered whether the calls of each arrive in the order in which they were sent */
  constructor(options: session.SessionOptions, isOrdered: boolean) {
    this.#options = options;
    this.#isOrdered = isOrdered;
  }

  get(n: number): Process {
    const process = this.#all.get(n) ?? this.#start(n);
    this.#all.set(n, process);
    return process;
  }

  #start(n: number): Process {
    const on = () => this.stage as Stage;
    const end = gate();
    const methods = new Proxy({} as session.MemoryStore, {
      get: (_, name) => {
        const value: unknown = Reflect.get(session.MemoryStore.prototype, name);
        return typeof value === 'function'
          ? (...args: unknown[]) => Reflect.apply(value, on().client, args)
          : undefined;
      },
    });
    const store = heldClient(
      methods,
      {
        hold: (what) => on().hold(what),
        get trace() {
          return on().trace;
        },
      },
      {
        get name() {
          return `${on().caller} (${n})`;
        },
        isOrdered: this.#isOrdered,
        done: (key, method, args) => on().done(key, method, args),
        trouble: () => on().trouble(),
        died: () => {
          this.#all.delete(n);
          on().died();
          end.open();
        },
      },
    );
    const app = new Koa();
    app.keys = ['secret'];
    app.on('error', (error: Error) => on().failed(error));
    for (const event of ['gone', 'missed', 'destroyed', 'regenerated'])
      app.on(`session:${event}`, () => on().heard(event));
    Object.defineProperty(store, 'ordersCalls', { value: this.#isOrdered });
    const sessions = session({ store, ...this.#options }) as session.SessionMiddleware;
    app.use(sessions).use((ctx) => on().handle(ctx, sessions));
    const handle = lightly(app);
    const died = end.opened.then((): LightReply => ({ status: DIED, setCookie: [] }));
    return { sessions, died, request: (path, cookie) => Promise.race([handle(path, cookie), died]) };
  }
}
