import { NO_STAMPS, stampsOf } from '../base/stamps';
import { parseRecord } from '../record/record';

/** Whether a refused swap was applied, if the connection broke before the answer. */
export type Outcome = 'landed' | 'not landed' | 'unknown';

/**
 * @param tried the text that the swap should store
 * @param from the text that it was made from
 * @param found the text that is stored now; `undefined` if there is no session
 */
export function outcomeOf(tried: string, from: string, found: string | undefined): Outcome {
  const [mine] = stampsIn(tried).slice(-1);
  const [before] = stampsIn(from).slice(-1);
  // Without a stamp, it may safely run twice.
  if (mine === undefined || mine === before) return 'not landed';
  const stamps = stampsIn(found ?? '');
  if (stamps.includes(mine)) return 'landed';
  return before !== undefined && stamps.includes(before) ? 'not landed' : 'unknown';
}

function stampsIn(record: string): readonly string[] {
  return record.includes('"stamp') ? stampsOf(parseRecord(record)?.['cookie']) : NO_STAMPS;
}
