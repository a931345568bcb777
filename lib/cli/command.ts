import type { Exit } from './exits';
import type { Io } from './io';
import type { Given, OptionName } from './options';

/** A command. */
export interface Command {
  readonly name: string;
  /** What it does, for the list of commands. */
  readonly summary: string;
  /** More about it, for its own help: parts of a text. */
  readonly about: readonly string[];
  readonly options: readonly OptionName[];
  /** @throws CommandError */
  run(given: Given, io: Io): Promise<Exit>;
}
