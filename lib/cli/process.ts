import { createInterface } from 'node:readline/promises';
import { EXIT } from './exits';
import type { Io } from './io';
import { run } from './run';

/** Runs the command in this process, and ends the process with its exit code. */
export function startCommand(): void {
  const { stdout, stderr, stdin } = process;
  // The reader, such as `head`, has enough.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed));
  const interrupted = new AbortController();
  process.on('SIGINT', () => {
    if (interrupted.signal.aborted) process.exit(EXIT.interrupted);
    interrupted.abort(new Error('Interrupted'));
  });
  const isTerminal = stdin.isTTY === true && stderr.isTTY === true;
  const io: Io = {
    env: process.env,
    cwd: process.cwd(),
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    showsProgress: stderr.isTTY === true,
    hasColors: stdout.isTTY === true && !process.env['NO_COLOR'],
    ask: isTerminal ? (question) => ask(question, interrupted.signal) : undefined,
    signal: interrupted.signal,
  };
  // What a file of --config has opened would keep the process alive; pipes may still be writing.
  void run(process.argv.slice(2), io).then((code) => stdout.write('', () => process.exit(code)));
}

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Otherwise, Ctrl-C would end the question alone.
  terminal.on('SIGINT', () => process.emit('SIGINT'));
  try {
    return await terminal.question(question, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}
