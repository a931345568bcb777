import type { StoredRecord, SwapResult } from '../middleware/engine';
import { expectThat, shown } from './expectations';
import { HOUR, type Trial } from './trial';

export const LATE = 'a late request must not bring back what has ended';
export const OVERWRITE = 'a request must not overwrite what it has not seen';
export const RETRY = 'after a lost reply the call is repeated, and must not count as a conflict';

/** The texts of several writers. */
export function manyTexts(): string[] {
  return Array.from({ length: 20 }, (_, n) => `{"a":${n}}`);
}

/** Creates a record and returns its revision; fails if it was not created. */
export async function created(trial: Trial, sid: string, record: string, ttl: number = HOUR): Promise<unknown> {
  const revision = await trial.create(sid, record, ttl);
  expectThat(revision !== false, '`create` to return a revision', revision, 'nothing is stored under the key');
  return revision;
}

/** Loads a record; fails if it is missing. */
export async function loaded(trial: Trial, sid: string): Promise<StoredRecord> {
  const found = await trial.load(sid);
  const isFound = typeof found?.record === 'string' && 'revision' in found;
  expectThat(isFound, '`load` to return `{ record, revision }`', found, 'the record is there');
  return found as StoredRecord;
}

/** Swaps a record and returns the new revision; fails if the swap was refused. */
export async function swapped(
  trial: Trial,
  sid: string,
  record: string,
  from: unknown,
  { ttl = HOUR, source = 'the current revision' }: { ttl?: number; source?: string } = {},
): Promise<unknown> {
  const result = await trial.swap(sid, record, from, ttl);
  const what = `a swap from ${source} to return \`{ ok: true, revision }\``;
  expectThat(result?.ok === true, what, result, 'no other request has written');
  return result.revision;
}

/** Fails unless this text is stored. */
export async function expectStored(trial: Trial, sid: string, record: string | undefined, why: string): Promise<void> {
  const got = (await trial.load(sid))?.record;
  expectThat(got === record, `\`load\` to return the record ${shown(record)}`, got, why);
}

/** Returns the revision that a refused swap shows. */
export function expectRefused(result: SwapResult, record: string, why: string): unknown {
  const holds = result?.ok === false && result.gone !== true && result.record === record && 'revision' in result;
  expectThat(holds, `a swap to be refused with \`{ ok: false, record: ${shown(record)}, revision }\``, result, why);
  return result.revision;
}

/** Fails unless the swap found no record. */
export function expectGone(result: SwapResult): void {
  const holds = result?.ok === false && result.gone === true;
  expectThat(holds, 'a swap of a missing record to return `{ ok: false, gone: true }`', result, LATE);
}
