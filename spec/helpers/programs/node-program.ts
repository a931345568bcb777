import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { guardOf } from './guard';

export const root = join(__dirname, '../../..');
const patience = 60_000;

/** A process of node's, as a user would start it, with what it says. */
export interface NodeProgram {
  readonly pid: number;
  /** What it has said so far, on stdout and stderr. */
  readonly output: string;
  /**
   * Resolves once the output, from its character `from` on, matches; rejects with the output if the program ends
   * before.
   */
  says(pattern: RegExp, from?: number): Promise<RegExpMatchArray>;
  /** Sends the signal and resolves to the exit code, or to the signal if that ended the process. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Starts node, this one or another, in the project's folder or another. Nothing of the specs' own environment reaches it but the paths. */
export async function startNode(
  args: readonly string[],
  env: Record<string, string> = {},
  { folder = root, node = process.execPath } = {},
): Promise<NodeProgram> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(node, args, {
    cwd: folder,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'spawn');
  const pid = Number(child.pid);
  const guard = guardOf(pid);
  // `close` comes after the last of the output.
  const closed = once(child, 'close').then(() => void guard.kill('SIGKILL'));

  return {
    pid,
    get output() {
      return output;
    },
    says: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => look('within its time'), patience);
        const hear = () => look();
        const look = (ended?: string) => {
          const found = output.slice(from).match(pattern);
          if (!found && !ended) return;
          clearTimeout(timer);
          for (const stream of [child.stdout, child.stderr]) stream.off('data', hear);
          if (found) resolve(found);
          else reject(new Error(`${args.join(' ')} did not say ${pattern} ${ended}:\n${output}`));
        };
        for (const stream of [child.stdout, child.stderr]) stream.on('data', hear);
        void closed.then(() => look('before it ended'));
        look();
      }),
    end: async (signal = 'SIGKILL') => {
      if (!hasEnded(child)) child.kill(signal);
      await closed;
      return child.exitCode ?? child.signalCode;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
