/** What a command needs of the process that it runs in. */
export interface Io {
  /** The environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's project: packages and files are found from here. */
  readonly cwd: string;
  /** Writes results, for people or programs. */
  out(text: string): void;
  /** Writes messages. */
  err(text: string): void;
  /** Whether messages reach a terminal: only then a progress bar makes sense. */
  readonly showsProgress: boolean;
  /** Whether results reach a terminal that shows colours. */
  readonly hasColors: boolean;
  /** Asks the person at the terminal; `undefined` if there is none. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
