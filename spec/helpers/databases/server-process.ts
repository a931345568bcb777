import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { findProgram } from '../../../scripts/find-program';
import { guardOf, letGo } from '../programs/guard';

export interface ServerProcess {
  readonly pid: number;
  readonly exited: boolean;
  /** The last of what it has said, on stdout and stderr. */
  readonly output: string;
  signal(signal: NodeJS.Signals): void;
  gone(): Promise<void>;
}

/** Starts a program in a separate folder. Neither outlives the specs. */
export async function spawnServer(
  program: string,
  args: readonly string[],
  dir: string,
  owner: Pick<SpawnOptions, 'uid' | 'gid'> = {},
): Promise<ServerProcess> {
  const child = spawn(findProgram(program) ?? program, args, {
    ...owner,
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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

  return {
    pid,
    get exited() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    get output() {
      return output;
    },
    signal: (signal) => void child.kill(signal),
    gone: () => {
      // Whoever waits for it must not be ended first for having nothing else to do.
      child.ref();
      return gone;
    },
  };
}
