import type { Session } from '../base/types';
import type { Budget } from '../client/budget';
import type { Place } from '../persistence/other-names';
import type { Enroll, Loaded } from '../persistence/records';
import { parseRecord } from '../record/record';
import { enroll, entryOfMoved, type UserRules, unlist } from '../users/rules';
import type { SessionSettings } from './settings';

/** A request that has found its session under a name of the other kind. */
interface Mover {
  readonly options: SessionSettings;
  readonly budget: Budget;
  beganFor(index: string): number;
}

/** Finishes the move of another request, which has claimed the session and may have died. */
export async function finishMove({ budget, options }: Mover, place: Place): Promise<Place> {
  const { key, loaded, isUnfinished } = place;
  const { moves } = options.store;
  if (isUnfinished !== true || moves === undefined || loaded.found !== 'session') return place;
  const { data, record, revision } = loaded;
  const ttl = loaded.ttl ?? options.store.ttlOf(data as unknown as Session);
  if (record === undefined || ttl <= 0) return place;
  const version = await moves.finish(key, { record, revision }, ttl, budget);
  return { key, loaded: { ...loaded, revision: version.revision } };
}

/**
 * Moves the session to where the option `ids` says it belongs. If that is not possible now, the request uses it where it
 * is.
 */
export async function moveSession(mover: Mover, sid: string, place: Place): Promise<Place> {
  const { key: from, left, loaded } = place;
  const { store, users } = mover.options;
  if (place.mayMove !== true || store.moves === undefined || loaded.found !== 'session') return place;
  const { data, record, revision } = loaded;
  const ttl = loaded.ttl ?? store.ttlOf(data as unknown as Session);
  if (record === undefined || ttl <= 0) return place;
  const [to, isHashed] = [store.keyOf(sid), store.names.areHashed];
  const listed = new Set<string>();
  const ids = { sid, from, to, isHashed };
  const copy = left?.record === undefined ? undefined : { record: left.record, revision: left.revision };
  try {
    const list = users && enrollMoving(mover, users, from, listed);
    const moved = await store.moves.move(
      { ...ids, version: { record, revision }, ttl, left: copy, enroll: list },
      mover.budget,
    );
    if (moved === undefined) return place;
    // An entry that stays does no harm: it leads to the new key.
    for (const index of listed) await unlist(index, from, users as UserRules);
    return {
      key: to,
      loaded: { ...loaded, record: moved.record, revision: moved.revision, ...dataIn(moved.record, loaded) },
    };
  } catch {
    // Whatever has happened, the next request finds the session.
    return place;
  }
}

/** What others have written before it moved. */
function dataIn(record: string, { record: read, data }: Loaded & { found: 'session' }) {
  return { data: record === read ? data : (parseRecord(record) ?? data) };
}

/** Lists the session under its new key, in the place of the old one. */
function enrollMoving(mover: Mover, users: UserRules, from: string, listed: Set<string>): Enroll {
  return async (record, key) => {
    const entry = entryOfMoved(record, undefined, users);
    if (entry === undefined) return true;
    listed.add(entry.index);
    return enroll(entry, key, mover.beganFor(entry.index), users, from);
  };
}
