import { browser } from '../http/serve';
import { type NodeProgram, startNode } from './node-program';

/** What `counting-app.js` says of itself. */
export interface Alive {
  /** Unhandled rejections. */
  rejections: number;
  /** What the Store has emitted. */
  heard: string[];
  status: string;
}

/** `counting-app.js` in a separate process. */
export interface CountingProgram {
  readonly url: string;
  readonly port: number;
  alive(): Promise<Alive>;
  /** What it has said beside its address. */
  complaints(): string;
  end(): ReturnType<NodeProgram['end']>;
}

/** @param redis options of koa-redis; @param sessions options of the session middleware */
export async function startCounting(redis: object, sessions: object = {}): Promise<CountingProgram> {
  const env = { REDIS: JSON.stringify(redis), SESSIONS: JSON.stringify(sessions) };
  const program = await startNode(['spec/helpers/programs/counting-app.js'], env);
  const [url] = await program.says(/^http:\S+$/m);
  return {
    url,
    port: Number(new URL(url).port),
    alive: async () => (await browser(url).get('/alive')).json<Alive>(),
    complaints: () => program.output.replace(`${url}\n`, ''),
    end: () => program.end(),
  };
}

/** A line of figures for the output of the specs. */
export function tell(what: string, figures: object): void {
  const told = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(Number(value))}`);
  process.stdout.write(`${what}: ${told.join(', ')}\n`);
}
