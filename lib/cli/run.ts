import { expectKnown, parse, suggestion } from './arguments';
import type { Command } from './command';
import { COMMANDS } from './commands';
import { CommandError, EXIT, type Exit, usageError } from './exits';
import { commandHelp, generalHelp } from './help';
import type { Io } from './io';
import { hiding } from './secrets';
import { packageVersion } from './version';

/** Runs the command that was typed, and resolves to its exit code. */
export async function run(argv: readonly string[], given: Io): Promise<Exit> {
  const hide = hiding(given.env);
  const io: Io = { ...given, err: (text) => given.err(hide(text)) };
  try {
    return await runTyped(argv, io);
  } catch (error) {
    const { message, exit } = described(error);
    io.err(`koa-evented-session: ${message}\n`);
    return io.signal.aborted && exit === EXIT.failed ? EXIT.interrupted : exit;
  }
}

async function runTyped(argv: readonly string[], io: Io): Promise<Exit> {
  const { name, given } = parse(argv);
  if (given.version) {
    io.out(`${packageVersion()}\n`);
    return EXIT.done;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (name !== undefined && command === undefined) throw unknownCommand(name);
  if (given.help || command === undefined) {
    const help = command === undefined ? generalHelp(COMMANDS) : commandHelp(command);
    if (given.help) io.out(help);
    else io.err(help);
    return given.help ? EXIT.done : EXIT.usage;
  }
  expectKnown(command.name, given, command.options);
  return command.run(given, io);
}

function unknownCommand(name: string): CommandError {
  const names = COMMANDS.map((one: Command) => one.name);
  // It may be an address with a password.
  const shown = /^[\w-]+$/.test(name) ? ` ${name}` : '';
  return usageError(`There is no command${shown}${suggestion(name, names, '') || `: use ${names.join(', ')}`}`);
}

function described(error: unknown): { message: string; exit: Exit } {
  if (error instanceof CommandError) return error;
  // A wrong option of a store, such as a prefix.
  const { message, errors } = Object(error) as { message?: string; errors?: unknown };
  // Node collects the failures of several addresses in an error without a message.
  const [first] = Array.isArray(errors) ? (errors as Error[]) : [];
  return { message: message || first?.message || String(error), exit: EXIT.failed };
}
