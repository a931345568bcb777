import type { Command } from './command';
import { type CliOption, COMMON, OPTIONS, type OptionName } from './options';

const INDENT = '  ';
/** Characters in a line of a terminal. */
const WIDTH = 80;

/** The help of the whole: a screen of 24 lines and 80 columns. */
export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  return lines(
    'Usage: npx koa-evented-session COMMAND [options]',
    '',
    ...commands.map(({ name, summary }) => `${INDENT}${name.padEnd(width)}${summary}`),
    '',
    ...optionLines(['url', 'config', 'prefix', ...COMMON]),
    '',
    'Passwords come from the environment: KOA_SESSION_URL is the whole address,',
    'KOA_SESSION_PASSWORD the password alone.',
    'Each command has its own help: npx koa-evented-session COMMAND --help',
  );
}

/** The help of one command: a screen, too. */
export function commandHelp({ name, about, options }: Command): string {
  return lines(
    `Usage: npx koa-evented-session ${name} [options]`,
    '',
    ...wrapped(about.join(' ')),
    '',
    ...optionLines([...options, ...COMMON]),
  );
}

function optionLines(names: readonly OptionName[]): string[] {
  const shown = names.map((name) => {
    const { value, help } = OPTIONS[name] as CliOption;
    return { usage: `--${name}${value === undefined ? '' : ` ${value}`}`, help };
  });
  const width = Math.max(...shown.map(({ usage }) => usage.length)) + 2;
  return shown.map(({ usage, help }) => `${INDENT}${usage.padEnd(width)}${help}`);
}

/** The text in lines of a terminal's width. */
function wrapped(text: string): string[] {
  return text.match(new RegExp(`.{1,${WIDTH}}(?= |$)`, 'g'))?.map((line) => line.trim()) ?? [];
}

function lines(...texts: string[]): string {
  return `${texts.join('\n')}\n`;
}
