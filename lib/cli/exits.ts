/** How the command ends: its exit codes. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, interrupted: 130 } as const;

/** An exit code of the command. */
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with a message for the person who typed it, and an exit code. */
export class CommandError extends Error {
  readonly exit: Exit;

  constructor(message: string, exit: Exit = EXIT.failed) {
    super(message);
    this.name = 'CommandError';
    this.exit = exit;
  }
}

/** The command was typed wrong. */
export function usageError(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}
