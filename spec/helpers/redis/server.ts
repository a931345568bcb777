import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type RedisProcess, spawnRedis } from './server-process';
import { askRedis } from './wire';

export interface RedisOptions {
  /** Keeps what is written across `restart()` and `kill('SIGKILL')`. */
  appendonly?: boolean;
  /** More arguments for redis-server, such as `['--requirepass', 'x']`. */
  args?: readonly string[];
  /** Default: that of `REDIS_SERVER`, or redis-server. */
  program?: string | undefined;
  /** Lines of a configuration file, for settings without an argument. The server may write to it. */
  config?: readonly string[];
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly dir: string;
  /** Changes with every `restart()`. */
  readonly pid: number;
  /** Sends one command, as in `command('SET a b')`, and resolves with the reply. */
  command(line: string): Promise<string>;
  info(section?: string): Promise<Record<string, string>>;
  /** Resolves once the process is gone, or at once for signals that do not end it (SIGSTOP, SIGCONT). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process if it still runs, and starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const attempts = 5;
const patience = 10_000;
const configFile = 'redis.conf';

/** A private redis-server on a free port; it ends with `stop()` and never outlives the specs. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'spec-redis-'));
  if (options.config) await writeFile(join(dir, configFile), options.config.join('\n'));
  let { port, redis } = await startOnFreePort(dir, options);

  const end = async (signal: NodeJS.Signals) => {
    if (redis.exited) return;
    // A suspended process would not act on anything but SIGKILL.
    redis.signal('SIGCONT');
    redis.signal(signal);
    await redis.gone();
  };

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    dir,
    get pid() {
      return redis.pid;
    },
    command: (line) => askRedis(port, line),
    info: async (section = 'default') => fields(await askRedis(port, `INFO ${section}`)),
    async kill(signal = 'SIGKILL') {
      redis.signal(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await redis.gone();
    },
    async restart() {
      await end('SIGTERM');
      redis = await startOn(port, dir, options);
    },
    async stop() {
      await end('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startOnFreePort(dir: string, options: RedisOptions): Promise<{ port: number; redis: RedisProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { port, redis: await startOn(port, dir, options) };
    } catch (error) {
      // Someone may have taken the port since it was found free.
      if (attempt === attempts || !String(error).includes('already in use')) {
        await rm(dir, { recursive: true, force: true });
        throw error;
      }
    }
  }
}

async function startOn(port: number, dir: string, { appendonly = false, args = [], config, program }: RedisOptions) {
  const settings = {
    port,
    dir,
    bind: '127.0.0.1',
    save: '',
    appendonly: appendonly ? 'yes' : 'no',
    appendfsync: 'always',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const redis = await spawnRedis([...(config ? [configFile] : []), ...flags, ...args], dir, program);
  await ready(redis, port);
  return redis;
}

async function ready(redis: RedisProcess, port: number): Promise<void> {
  const deadline = Date.now() + patience;
  while (!redis.exited) {
    if (await answers(redis.pid, port)) return;
    if (Date.now() > deadline) redis.signal('SIGKILL');
    await pause(10);
  }
  throw new Error(`redis-server did not start:\n${redis.output}`);
}

/** Whether it is this very process that answers, not another one on its port. */
async function answers(pid: number, port: number): Promise<boolean> {
  const reply = await askRedis(port, 'PING').catch((error: Error) => error.message);
  if (reply.startsWith('NOAUTH')) return true;
  if (reply !== 'PONG') return false;
  return fields(await askRedis(port, 'INFO server'))['process_id'] === String(pid);
}

function fields(info: string): Record<string, string> {
  return Object.fromEntries([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
