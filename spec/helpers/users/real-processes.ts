import { LightJar } from '../http/light-requests';
import { type NodeProgram, startNode } from '../programs/node-program';

const PATIENCE = 30_000;

/** Several processes of `users-app.js`; one that has died is started again. */
export class RealProcesses {
  readonly #env: Record<string, string>;
  readonly #all: Promise<{ program: NodeProgram; url: string }>[];
  deaths = 0;

  constructor(number: number, env: Record<string, string>) {
    this.#env = env;
    this.#all = Array.from({ length: number }, () => this.#start());
  }

  async #start() {
    const program = await startNode(['spec/helpers/programs/users-app.js'], this.#env);
    return { program, url: String(await program.says(/^http:\S+$/m)) };
  }

  /** `undefined` if the process dies before it answers. */
  async ask(n: number, path: string, cookie: string): Promise<RealReply | undefined> {
    const { url } = await (this.#all[n] as Promise<{ url: string }>);
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      const response = await fetch(url + path, { headers: { cookie, connection: 'close' }, signal });
      const body = (await response.json()) as RealReply['body'];
      return { status: response.status, setCookie: response.headers.getSetCookie(), body };
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  /** Starts those again that have died; the others no longer mean to. */
  async revive(): Promise<void> {
    for (const n of this.#all.keys()) {
      if ((await this.ask(n, '/calm', '')) !== undefined) continue;
      this.deaths += 1;
      await (await this.#all[n])?.program.end();
      this.#all[n] = this.#start();
    }
    await Promise.all(this.#all);
  }

  async end(): Promise<void> {
    await Promise.all(this.#all.map(async (one) => (await one).program.end()));
  }
}

export interface RealAuth {
  user: string;
  /** The request that logged in. */
  login: string;
  /** When it began, by the clock of its process. */
  began: number;
}

export interface RealReply {
  status: number;
  setCookie: string[];
  body: {
    /** Who was logged in when the request began. */
    served?: RealAuth;
    /** When it called the method that ends sessions, and how many these were. */
    called?: number;
    ended?: number;
    error?: string;
  };
}

/** Each visitor's cookies. */
export class Visitors {
  readonly #jars = new Map<string, LightJar>();
  /** The ids that were sent to anybody. */
  readonly sent = new Set<string>();

  jar(name: string): LightJar {
    const jar = this.#jars.get(name) ?? new LightJar();
    this.#jars.set(name, jar);
    return jar;
  }

  take(name: string, setCookie: readonly string[]): void {
    this.jar(name).take(setCookie);
    const sid = this.jar(name).get('koa.sid');
    if (sid !== undefined) this.sent.add(sid);
  }
}
