/** Milliseconds that each space at the end of a record stands for. */
const MS_A_SPACE = 5;
/** Milliseconds that others stand back at most: what a writer that has died costs them, once. */
const LONGEST_PAUSE = 200;
/** Round trips that a writer needs: to be told of its mark, to write, and one to spare. */
const ROUND_TRIPS = 3;

/** How many spaces ask others to stand back for as long as a writer needs whose round trip takes `ms` milliseconds. */
export function lengthOfMark(ms: number): number {
  return Math.ceil(Math.max(1, Math.min(LONGEST_PAUSE, ROUND_TRIPS * ms)) / MS_A_SPACE);
}

/** The record's text without marks. */
export function unmarked(record: string): string {
  return record.endsWith(' ') ? record.trimEnd() : record;
}

/**
 * Milliseconds for which a record's marks ask to stand back.
 *
 * @param own how many of the spaces are one's own
 */
export function pauseAskedBy(record: string, own = 0): number {
  const spaces = record.length - unmarked(record).length - own;
  return Math.min(LONGEST_PAUSE, Math.max(0, spaces) * MS_A_SPACE);
}
