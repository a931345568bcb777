import { expectKnown, parse } from '../../../lib/cli/arguments';
import { COMMANDS } from '../../../lib/cli/commands';

/** Variables before the command, the command, and a program that reads what it prints. */
const LINE = /^(?:[A-Z_]+="\$[A-Z_]+" )*npx koa-evented-session ?(.*?)(?: \| (?:redis-cli -u "\$[A-Z_]+"|head -\d+))?$/;

/** Whether a documented line runs the command as it can be run. */
export function isCliCommand(line: string): boolean {
  const [, words] = LINE.exec(line) ?? [];
  if (words === undefined) return false;
  const { name, given } = parse(words.split(' ').filter((word) => word !== ''));
  const command = COMMANDS.find((one) => one.name === name);
  if (command !== undefined) expectKnown(command.name, given, command.options);
  return command !== undefined || given.help === true;
}
