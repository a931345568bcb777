import type { CompareAndSetStore, StoredRecord } from '../base/types';
import { Budget } from '../client/budget';
import type { ClientCaller } from '../client/caller';
import { isRegeneratedMarker } from '../record/record';
import { isInUse } from '../record/unfinished';
import { lifetimeOf, type Taken } from './records';

/** The result of a claim: `'conflict'` if the record has changed, `'unknown'` if the call failed. */
export type Claimed = Taken | 'conflict' | 'unknown';

/** Replaces the record with the marker if it has not changed. */
export async function claim(
  client: CompareAndSetStore,
  caller: ClientCaller,
  { key, marker, from }: { key: string; marker: string; from: StoredRecord },
  budget: Budget,
): Promise<Claimed> {
  const swap = () => client.swap(key, marker, lifetimeOf(marker), from.revision);
  // The other half is left for finding out whether the claim was carried out.
  const half = new Budget(budget.left / 2);
  const result = await budget.spend(caller.call('destroy', 'swap', half, swap, key, marker).catch(() => undefined));
  if (result === undefined) return 'unknown';
  if (result.ok) return 'taken';
  if (result.gone) return 'gone';
  if (isRegeneratedMarker(result.record)) return result.record === marker ? 'taken' : 'regenerated';
  return isInUse(result.record) ? 'conflict' : 'gone';
}
