import type { Io } from './io';
import { Progress } from './progress';

/** How far a walk has come. */
interface Come {
  scanned: number;
  cursor: string | undefined;
}

/** The options of a walk that can go on where another one was interrupted. */
interface WalkOptions {
  from: string | undefined;
  signal: AbortSignal;
  onProgress(come: Come): void;
}

/** Runs a walk with a progress bar. If it fails or is interrupted, says how to go on. */
export async function walk<T>(
  io: Io,
  from: string | undefined,
  start: (options: WalkOptions) => Promise<T>,
): Promise<T> {
  const progress = new Progress(io, 'records');
  let last = from;
  try {
    return await start({
      from,
      signal: io.signal,
      onProgress: ({ scanned, cursor }) => {
        last = cursor;
        progress.done(scanned);
      },
    });
  } catch (error) {
    progress.clear();
    if (last !== undefined) io.err(`Go on with the same options and --from='${last}'\n`);
    throw error;
  } finally {
    progress.clear();
  }
}
