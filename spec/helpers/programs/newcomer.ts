import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CookieJar } from 'tough-cookie';
import type { Exchange } from '../docs/markdown';
import type { Change, Step } from '../docs/steps';
import { browser } from '../http/serve';
import { linkAsNpm } from '../package/linked';
import { type NodeProgram, startNode } from './node-program';

const run = promisify(execFile);
/** The programs of pages listen on port 3000, of which a machine has one. */
const freePort = join(__dirname, 'free-port.js');

export interface Circumstances {
  /**
   * The path of the packed tarball, which npm installs, with all else from its registry; or no registry and no npm, but links to
   * what specs have installed.
   */
  readonly packages: string | 'of the specs';
  /** Private servers, by the variables that a page exports, as in `{ REDIS_URL: 'redis://…' }`. */
  readonly addresses?: Record<string, string>;
  /** The path of another Node, for the lines that start a program. */
  readonly node?: string;
}

/** Does what a page says in an empty folder, in one terminal, and nothing else. */
export class Newcomer {
  readonly #folder: string;
  readonly #circumstances: Circumstances;
  readonly #env: Record<string, string>;
  /** The line that has started a program, and the program. */
  #line = '';
  #program: NodeProgram | undefined;
  readonly #jar = new CookieJar();

  constructor(folder: string, circumstances: Circumstances) {
    this.#folder = folder;
    this.#circumstances = circumstances;
    const { PATH = '', HOME = '' } = process.env;
    this.#env = {
      PATH: [dirname(process.execPath), PATH].join(delimiter),
      HOME,
      // What npm has in its cache is not asked for again.
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
    };
  }

  /** Takes the steps one after the other. A program that a line starts goes on until the next one starts. */
  async follow(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.does === 'enter') await this.enter(step.line);
      else if (step.does === 'change') await this.#change(step.changes);
      else await this.save(step.file, step.block.code, step.does === 'add' ? 'a' : 'w');
    }
  }

  /** Writes a file, or with the flag `'a'` adds to it. */
  async save(file: string, text: string, flag: 'a' | 'w' = 'w'): Promise<void> {
    await mkdir(dirname(join(this.#folder, file)), { recursive: true });
    await writeFile(join(this.#folder, file), text, { flag });
  }

  /** Enters a line in the terminal, and waits until it has done its work or serves. */
  async enter(line: string): Promise<void> {
    const { packages, addresses = {} } = this.#circumstances;
    const [, name = ''] = /^export (\w+)=/.exec(line) ?? [];
    if (name in addresses) this.#env[name] = String(addresses[name]);
    else if (name) this.#env[name] = await this.#shell(`${line}; printf %s "$${name}"`);
    else if (line.startsWith('node ')) await this.#start(line);
    else if (packages === 'of the specs' && line.startsWith('npm ')) await linkAsNpm(this.#folder, line);
    else await this.#shell(line.replace(/^(npm install(?: .*)?) koa-evented-session(?= |$)/, `$1 ${packages}`));
  }

  /** Ends the program with Ctrl+C and starts it again, with the same line. */
  restart(): Promise<void> {
    return this.#start(this.#line);
  }

  /** What a browser shows for each request: the status and the text. */
  async visit(exchanges: readonly Pick<Exchange, 'method' | 'path'>[]): Promise<string[]> {
    const [url] = (await this.#program?.says(/^http:\S+$/m)) ?? [];
    const visitor = browser(String(url), this.#jar);
    const seen: string[] = [];
    for (const { method, path } of exchanges) {
      const { status, text } = await visitor.request(method, path);
      seen.push(`${status} ${text}`);
    }
    return seen;
  }

  async end(): Promise<void> {
    await this.#program?.end('SIGINT');
  }

  /** Of the application, which is `app.js`, replaces the one line that contains each text. */
  async #change(changes: readonly Change[]): Promise<void> {
    let lines = (await readFile(join(this.#folder, 'app.js'), 'utf8')).split('\n');
    for (const { was, now } of changes) {
      if (lines.filter((line) => line.includes(was)).length !== 1)
        throw new Error(`app.js has no single line "${was}"`);
      lines = lines.map((line) => (line.includes(was) ? now : line));
    }
    await this.save('app.js', lines.join('\n'));
  }

  async #start(line: string): Promise<void> {
    await this.end();
    const [, ...args] = line.split(' ');
    const { node = process.execPath } = this.#circumstances;
    this.#line = line;
    this.#program = await startNode(['--require', freePort, ...args], this.#env, { folder: this.#folder, node });
    await this.#program.says(/^http:\S+$/m);
  }

  async #shell(line: string): Promise<string> {
    try {
      return (await run('sh', ['-ec', line], { cwd: this.#folder, env: this.#env, maxBuffer: 1e8 })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${line} failed\n${stdout}${stderr}`, { cause: error });
    }
  }
}
