import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { guardOf } from './guard';
import { root } from './node-program';

/** The result of a script in a separate process. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The packages that a script can be tried with; this one as it was built. */
export const packages = { predecessor: 'koa-generic-session', own: join(root, 'dist', 'main.js') } as const;

/**
 * Runs a script in a separate process, for faults that would end this one. The script has the session middleware as
 * `session`, its arguments as `args`, and may use `await`. It must end by itself: whatever keeps its process alive
 * delays this promise.
 */
export function runScript(middleware: keyof typeof packages, script: string, args: object = {}): Promise<Ended> {
  const source = `const session = require(${JSON.stringify(packages[middleware])});
    const args = ${JSON.stringify(args)};
    (async () => {${script}})();`;
  const child = spawn(process.execPath, ['-e', source], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const guard = guardOf(Number(child.pid));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => {
      guard.kill('SIGKILL');
      resolve({ code, signal, ...output });
    });
  });
}
