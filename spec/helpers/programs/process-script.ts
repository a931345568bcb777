import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { guardOf } from './guard';
import { root } from './node-program';

/** What a script came to in a process of its own. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The packages that a script can be tried with; this one as it was built. */
export const packages = { predecessor: 'koa-generic-session', own: join(root, 'dist', 'main.js') } as const;

/**
 * Runs a script in a process of its own, for faults that would end this one. It finds the session middleware as `session` and `args`
 * as its arguments, may use `await`, and is to end by itself: what holds a process would hold this promise.
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
