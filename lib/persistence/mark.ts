import { withoutSpaces } from '../record/trailing-spaces';

/** The shortest mark: it makes writes that were sent before fail, and hardly holds up others. */
export const SHORTEST_MARK = 1;

/** Milliseconds that each space at the end of a record stands for. */
const MS_A_SPACE = 5;
/** How long other writers stand back at most, in milliseconds. A writer that dies costs them this once. */
const LONGEST_PAUSE = 200;
/** Round trips that a writer needs: to receive its marked record, to write, and one in reserve. */
const ROUND_TRIPS = 3;

/**
 * Number of spaces that make others stand back for as long as a writer needs if its round trip takes `ms` milliseconds.
 */
export function lengthOfMark(ms: number): number {
  return Math.ceil(Math.max(1, Math.min(LONGEST_PAUSE, ROUND_TRIPS * ms)) / MS_A_SPACE);
}

/** The record's text without marks. */
export function unmarked(record: string): string {
  return record.endsWith('}') ? record : record.trimEnd();
}

/**
 * How long a record's marks ask others to stand back, in milliseconds.
 *
 * @param own number of spaces that the asking writer has appended itself
 */
export function pauseAskedBy(record: string, own = 0): number {
  const spaces = record.length - withoutSpaces(record).length - own;
  return Math.min(LONGEST_PAUSE, Math.max(0, spaces) * MS_A_SPACE);
}
