import { CommandError, EXIT } from './exits';
import type { Io } from './io';

/**
 * Asks before something is ended.
 *
 * @throws CommandError unless the answer is yes, or there is nobody to ask.
 */
export async function expectYes(io: Io, question: string, isAnswered: boolean): Promise<void> {
  if (isAnswered) return;
  if (io.ask === undefined) {
    throw new CommandError('Nothing was done: there is no terminal to ask on. Add --yes', EXIT.refused);
  }
  const answer = await io.ask(`${question} [y/N] `);
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new CommandError('Nothing was done', EXIT.refused);
}
