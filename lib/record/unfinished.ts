import { isRegeneratedMarker, parseRecord } from './record';
import { withoutSpaces } from './trailing-spaces';

/**
 * A record that moves to another key under the same id is there twice for a moment. Until the old key has the marker
 * that this text names, only the record under the old key counts.
 */

/** White space, which JSON ignores, stands for the marker. Writers mark records with spaces, never with the last character. */
const STAMP = /^[ \t\n\r]{32}$/;
const LAST = '\n';
/** Where a marker's random bytes are in its text. */
const [START, END] = [8, 40];

/** What identifies a marker among others. */
export function stampOf(marker: string): string {
  return marker.slice(START, END);
}

/** The text of a record that counts only beside this marker. */
export function unfinished(record: string, marker: string): string {
  return record + stampOf(marker) + LAST;
}

/** The stamp of the marker beside which the record counts; `undefined` if it counts anyway. */
export function stampIn(record: string): string | undefined {
  // Most records end where their session does.
  if (record.endsWith('}') || isRegeneratedMarker(record)) return undefined;
  const text = withoutSpaces(record);
  const stamp = text.slice(-END + START - LAST.length, -LAST.length);
  return text.endsWith(LAST) && STAMP.test(stamp) ? stamp : undefined;
}

/** Whether a record holds a session that counts. */
export function isInUse(record: string): boolean {
  return stampIn(record) === undefined && parseRecord(record) !== undefined;
}
