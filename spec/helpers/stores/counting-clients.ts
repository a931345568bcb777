import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { KeepAlive, type RawReply } from '../http/kept-connection';
import { until } from '../time/until';

export interface CountingFigures {
  /** Requests answered with 200 and with anything else. */
  answered: number;
  refused: number;
  /** Requests without an answer within the patience. */
  hung: number;
  /** Milliseconds until the slowest answer. */
  slowest: number;
  /** Answers that took a visitor's cookie back, and those that gave an id to who had another. */
  cookiesCleared: number;
  cookiesReplaced: number;
  /** Counts that were acknowledged, and those of them that the session did not know of later. */
  acknowledged: number;
  lost: number;
}

interface Client {
  readonly connection: KeepAlive;
  cookies: Map<string, string>;
  /** The last count that the application has acknowledged. */
  known: number;
  lastSuccess: number;
}

interface Load {
  clients: number;
  /** Milliseconds that a client waits for an answer before it calls the request hung. */
  patience: number;
  /** Milliseconds that a client rests between two requests. */
  rest: number;
}

/**
 * Visitors of `counting-app.js`, each on a separate connection, who count in their sessions and remember their last
 * count.
 */
export class CountingClients {
  readonly figures: CountingFigures = {
    answered: 0,
    refused: 0,
    hung: 0,
    slowest: 0,
    cookiesCleared: 0,
    cookiesReplaced: 0,
    acknowledged: 0,
    lost: 0,
  };
  readonly #clients: Client[];
  readonly #load: Load;
  #runs: Promise<void>[] = [];
  #running = true;
  #asking = 0;

  constructor(port: number, load: Load) {
    this.#load = load;
    this.#clients = Array.from({ length: load.clients }, () => ({
      connection: new KeepAlive(port),
      cookies: new Map(),
      known: 0,
      lastSuccess: 0,
    }));
  }

  /** Resolves once each client has a session. */
  async start(): Promise<void> {
    const began = performance.now();
    this.#runs = this.#clients.map((client, n) => this.#run(client, (n / this.#load.clients) * this.#load.rest));
    await this.everyoneSucceeds(began);
  }

  /** Resolves after so many counts have been acknowledged, while more requests are pending. */
  busy(counts: number): Promise<void> {
    return this.#until(() => this.figures.acknowledged >= counts && this.#asking > 1);
  }

  /** Resolves once each client has had a success after the given moment. */
  everyoneSucceeds(since: number): Promise<void> {
    return this.#until(() => this.#clients.every(({ lastSuccess }) => lastSuccess > since));
  }

  /** Milliseconds from the given moment to the first success after it. */
  async firstSuccess(since: number): Promise<number> {
    const first = () => Math.min(...this.#clients.map(({ lastSuccess }) => lastSuccess).filter((at) => at > since));
    await this.#until(() => Number.isFinite(first()));
    return first() - since;
  }

  /** Ends the load, then has every client look how far its session says that it came. */
  async stop(): Promise<CountingFigures> {
    this.#running = false;
    await Promise.all(this.#runs);
    await Promise.all(this.#clients.map((client) => this.#look(client)));
    return this.figures;
  }

  close(): void {
    this.#running = false;
    for (const { connection } of this.#clients) connection.close();
  }

  /** Waits no longer than the load lasts, so that a failed spec does not continue to wait. */
  #until(holds: () => boolean): Promise<void> {
    return until(() => !this.#running || holds());
  }

  async #run(client: Client, delay: number): Promise<void> {
    await pause(delay);
    while (this.#running) {
      const reply = await this.#ask(client, '/count');
      if (reply?.status === 200) this.#acknowledge(client, Number(reply.body));
      else if (reply) this.figures.refused += 1;
      await pause(this.#load.rest);
    }
  }

  #acknowledge(client: Client, count: number): void {
    this.figures.answered += 1;
    this.figures.acknowledged += 1;
    this.figures.lost += Math.max(0, client.known + 1 - count);
    client.known = count;
    client.lastSuccess = performance.now();
  }

  async #look(client: Client): Promise<void> {
    const reply = await this.#ask(client, '/see');
    const stored = reply?.status === 200 ? Number(reply.body) : 0;
    this.figures.lost += Math.max(0, client.known - stored);
  }

  /** The reply; `undefined` if none comes in time. */
  async #ask(client: Client, path: string): Promise<RawReply | undefined> {
    const cookie = [...client.cookies].map((pair) => pair.join('=')).join('; ');
    const began = performance.now();
    this.#asking += 1;
    const reply = await this.#patiently(
      client.connection.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${cookie && `Cookie: ${cookie}\r\n`}\r\n`),
    );
    this.#asking -= 1;
    if (reply === undefined) {
      this.figures.hung += 1;
      // The next request uses another connection, on which no late answer can be mistaken for its own.
      client.connection.close();
      return undefined;
    }
    this.figures.slowest = Math.max(this.figures.slowest, performance.now() - began);
    this.#takeCookies(client, reply.head);
    return reply;
  }

  async #patiently(reply: Promise<RawReply>): Promise<RawReply | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      // One more turn: if this process itself was late, the answer may be there already.
      timer = setTimeout(() => void turn().then(() => resolve(undefined)), this.#load.patience);
    });
    // A server that hangs up does not answer either.
    return Promise.race([reply.catch(() => undefined), late]).finally(() => clearTimeout(timer));
  }

  #takeCookies({ cookies }: Client, head: string): void {
    for (const [, name = '', value = ''] of head.matchAll(/^set-cookie: ([^=]+)=([^;\r]*)/gim)) {
      const had = cookies.get(name);
      if (name === 'koa.sid' && value === '') this.figures.cookiesCleared += 1;
      else if (name === 'koa.sid' && had !== undefined && had !== value) this.figures.cookiesReplaced += 1;
      cookies.set(name, value);
    }
  }
}
