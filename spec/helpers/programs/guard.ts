import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

// Its stdin closes with the process that holds it, however that one dies; then it clears up.
const guardScript = 'while read -r _; do :; done; kill -9 "$1"; if [ -n "$2" ]; then rm -rf "$2"; fi';

/** Sees to it that a process does not outlive the specs, nor its folder if it has one. */
export function guardOf(pid: number, dir = ''): ChildProcess {
  const guard = spawn('sh', ['-c', guardScript, 'guard', String(pid), dir], {
    // Outlives a Ctrl-C, which reaches the whole group of the specs.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  guard.stdin?.on('error', () => undefined);
  if (guard.stdin) letGo(guard.stdin as unknown as Socket);
  return guard;
}

/** A pipe to a helper process must not keep the specs alive. */
export function letGo(pipe: Socket): void {
  pipe.unref();
}
