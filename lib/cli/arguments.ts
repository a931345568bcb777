import { parseArgs } from 'node:util';
import { nearestOf } from '../base/unknown-options';
import { usageError } from './exits';
import { type CliOption, COMMON, type Given, OPTIONS, type OptionName } from './options';

/** What was typed: the command's name, if any, and the options. */
export interface Typed {
  name: string | undefined;
  given: Given;
}

/** What programs often take as an argument, and every user of the machine can read in the list of processes. */
const SECRET = /^(?:pass|password|passwd|pw|auth|secret|secrets|key|keys|token)$/;

/** A handle, as `list` shows it. */
const HANDLE = /^[\w-]{43}$/;

/**
 * Reads the command line; which options a command knows is checked by {@link expectKnown}.
 *
 * @throws CommandError if something is wrong with it. Its message shows no value, which may be a secret.
 */
export function parse(argv: readonly string[]): Typed {
  const options = Object.fromEntries(Object.entries(OPTIONS).map(([name, { type }]) => [name, { type }]));
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const given: Record<string, string | boolean> = {};
  const names: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') names.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.name in given) throw usageError(`${token.rawName} is given twice`);
    given[token.name] = givenValue(token);
  }
  const [name, extra] = names;
  if (extra !== undefined) throw usageError(unexpected(extra));
  return { name, given: given as Given };
}

/** @throws CommandError if the command does not know one of the options. */
export function expectKnown(command: string, given: Given, known: readonly OptionName[]): void {
  const all: readonly string[] = [...known, ...COMMON];
  const other = Object.keys(given).find((name) => !all.includes(name));
  if (other !== undefined) throw usageError(`\`${command}\` has no option --${other}${suggestion(other, all)}`);
}

/** How a message ends that says what was probably meant. */
export function suggestion(typed: string, known: readonly string[], dashes = '--'): string {
  const nearest = nearestOf(typed, known);
  return nearest === undefined ? '' : `: did you mean ${dashes}${nearest}?`;
}

function givenValue(token: {
  name: string;
  rawName: string;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
}) {
  const { name, rawName, value } = token;
  const option = (OPTIONS as Record<string, CliOption>)[name];
  if (option === undefined || !rawName.startsWith('--')) throw unknownOption(name, rawName);
  if (option.type === 'boolean') {
    if (value !== undefined) throw usageError(`${rawName} has no value`);
    return true;
  }
  if (value === undefined || value === '') {
    if (value === '' && name === 'prefix') return value;
    throw usageError(`${rawName} needs a value: ${rawName} ${option.value}`);
  }
  const mayBeOption = value.startsWith('-') && token.inlineValue !== true;
  // One in 64 begins with a dash, and people paste them.
  if (mayBeOption && !(name === 'handle' && HANDLE.test(value))) {
    throw usageError(`${rawName} needs a value: for one that begins with a dash, write ${rawName}=${option.value}`);
  }
  return value;
}

function unknownOption(name: string, rawName: string) {
  if (SECRET.test(name)) {
    return usageError(
      `${rawName} is unknown: others on this machine can read arguments. Set KOA_SESSION_PASSWORD in the environment`,
    );
  }
  return usageError(`${rawName} is unknown${suggestion(name, Object.keys(OPTIONS))}`);
}

/** It may be a url with a password. */
function unexpected(value: string): string {
  if (value.includes('://')) return 'There is an argument too many, an address: write it behind --url';
  return `There is an argument too many: ${value}`;
}
