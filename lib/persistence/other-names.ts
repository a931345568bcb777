import type { Budget } from '../client/budget';
import type { Marker } from '../record/marker';
import type { CompareAndSetRecords } from './compare-and-set-records';
import type { Names } from './names';
import type { Loaded, Version } from './records';

/** Where the session of an id is, and what was found there. */
export interface Place {
  key: string;
  loaded: Loaded;
  /** The unfinished copy that a move has left under the key where the session belongs. */
  left?: Version | undefined;
  /** Whether the session may move to where it belongs. */
  mayMove?: boolean;
  /** Whether it has, and the record still counts only beside the marker. */
  isUnfinished?: boolean;
}

const NOTHING: Loaded = { found: 'nothing' };

/**
 * Sessions under names of the other kind, while an application moves to hashed ids or back. What is not found under the
 * name that the options ask for is looked for under the other one.
 *
 * A session that has just moved from here to there stays there for this request: a process with other options has moved
 * it.
 */
export class OtherNames {
  readonly #records: CompareAndSetRecords;
  readonly #names: Names;
  readonly #until: number;

  /** @param until how long sessions are looked for, in milliseconds since 1970 */
  constructor(records: CompareAndSetRecords, names: Names, until: number) {
    this.#records = records;
    this.#names = names;
    this.#until = until;
  }

  /** @param loading what is under the key that the options ask for */
  async find(sid: string, loading: Promise<Loaded>, budget: Budget): Promise<Place> {
    const names = this.#names;
    const key = names.keyOf(sid);
    const first = await loading;
    const place = { key, loaded: first };
    // Of names that could be both, only the hash counts.
    if (names.isAmbiguous(sid)) return names.areHashed ? place : this.#only(names.otherKeyOf(sid), budget);
    const isCopy = first.found === 'session' && first.stamp !== undefined;
    const hasLeft = leadsTo(first, names.nameIn(names.otherKeyOf(sid)));
    if (!isCopy && !hasLeft && (first.found !== 'nothing' || Date.now() >= this.#until)) return place;
    return this.#findOther(sid, place, hasLeft, budget);
  }

  async #only(key: string, budget: Budget): Promise<Place> {
    return { key, loaded: await this.#records.load(key, budget, true) };
  }

  async #findOther(sid: string, place: Place, hasLeft: boolean, budget: Budget): Promise<Place> {
    const { key, loaded: first } = place;
    const other = this.#names.otherKeyOf(sid);
    const second = await this.#records.load(other, budget, true);
    if (second.found === 'session') {
      if (!isComplete(second, hasLeft ? markerOf(first) : undefined)) return { key, loaded: NOTHING };
      const left = first.found === 'session' ? first : undefined;
      return { key: other, ...complete(second), left, mayMove: !hasLeft };
    }
    if (leadsTo(second, this.#names.nameIn(key))) return this.#findMoved(key, second, budget);
    return second.found === 'nothing' ? { key, loaded: NOTHING } : { key: other, loaded: second };
  }

  /** @param second what led to the key */
  async #findMoved(key: string, second: Loaded, budget: Budget): Promise<Place> {
    const marker = markerOf(second);
    // Its copy has been found, or it moved between the two looks.
    const again = await this.#records.load(key, budget, true);
    if (again.found === 'session')
      return { key, ...(isComplete(again, marker) ? complete(again) : { loaded: NOTHING }) };
    return { key, loaded: again.found === 'regenerated' && again.marker?.isMove === true ? NOTHING : again };
  }
}

function markerOf(loaded: Loaded): Marker | undefined {
  return loaded.found === 'regenerated' ? loaded.marker : undefined;
}

/** Whether the session has moved to this name. */
function leadsTo(loaded: Loaded, name: string): boolean {
  return markerOf(loaded)?.successor === name;
}

function isComplete({ stamp }: { stamp?: string | undefined }, marker: Marker | undefined): boolean {
  return stamp === undefined || stamp === marker?.stamp;
}

function complete(loaded: Loaded & { found: 'session' }): Pick<Place, 'loaded' | 'isUnfinished'> {
  return loaded.stamp === undefined ? { loaded } : { loaded: { ...loaded, stamp: undefined }, isUnfinished: true };
}
