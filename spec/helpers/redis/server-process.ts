import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { guardOf, letGo } from '../programs/guard';

const folders = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
const env = { ...process.env, PATH: [process.env['PATH'], ...folders].join(':') };

export interface RedisProcess {
  readonly pid: number;
  readonly exited: boolean;
  readonly output: string;
  signal(signal: NodeJS.Signals): void;
  gone(): Promise<void>;
}

/** The server of every spec of Redis. Another one that speaks Redis can be named, to run the specs on it. */
const defaultProgram = process.env['REDIS_SERVER'] ?? 'redis-server';

export async function spawnRedis(
  args: readonly string[],
  dir: string,
  program = defaultProgram,
): Promise<RedisProcess> {
  const child = spawn(program, args, { env, cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
    letGo(stream as Socket);
  }
  await once(child, 'spawn');
  child.unref();
  const pid = Number(child.pid);
  const guard = guardOf(pid, dir);
  const gone = once(child, 'exit').then(() => void guard.kill('SIGKILL'));
  const exited = () => child.exitCode !== null || child.signalCode !== null;

  return {
    pid,
    get exited() {
      return exited();
    },
    get output() {
      return output;
    },
    signal: (signal) => void child.kill(signal),
    gone: () => gone,
  };
}
