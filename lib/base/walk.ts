import { expected, expectFunction, expectString, isGiven } from './expect';
import { nextTurn } from './turns';
import type { KeysFound } from './types';

/** Number of parallel calls. */
const AT_ONCE = 100;

/** What the caller of a walk over all records may give. */
export interface GivenWalk<Counts> {
  from?: string | null | undefined;
  signal?: AbortSignal | null | undefined;
  onProgress?: ((progress: Counts & { cursor: string | undefined }) => void) | null | undefined;
}

/** A walk over all records of a store. */
export interface Walk<Counts> {
  /** Some of the keys, and from where to go on. */
  page(cursor: string | undefined): Promise<KeysFound>;
  /** Called for each key, for many at a time. */
  visit(key: string): Promise<void>;
  /** What `visit` has counted since the beginning. */
  counts: Counts;
}

/**
 * Visits the keys of all records.
 *
 * @throws TypeError if an option has the wrong type, or the store does not know the cursor in `from`.
 */
export async function walkAll<Counts>(walk: Walk<Counts>, options: GivenWalk<Counts>): Promise<Counts> {
  const { from, signal, onProgress } = options;
  for await (const { keys, cursor } of pages(walk, from, signal)) {
    for await (const some of slices(keys, signal)) await Promise.all(some.map(walk.visit));
    onProgress?.({ ...walk.counts, cursor });
  }
  return walk.counts;
}

/** The keys of all records, in pages as the store returns them. */
export async function* pages(
  walk: Pick<Walk<unknown>, 'page'>,
  from: string | null | undefined,
  signal: AbortSignal | null | undefined,
): AsyncGenerator<KeysFound, void, undefined> {
  let cursor = from ?? undefined;
  do {
    signal?.throwIfAborted();
    const found = await pageFrom(walk, cursor, cursor === from);
    yield found;
    cursor = found.cursor;
  } while (cursor !== undefined);
}

/** As many items at a time as may be asked for in parallel. */
export async function* slices<T>(
  items: readonly T[],
  signal: AbortSignal | null | undefined,
): AsyncGenerator<readonly T[], void, undefined> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    signal?.throwIfAborted();
    yield items.slice(start, start + AT_ONCE);
    // A store in memory answers at once: others must get their turn.
    await nextTurn();
  }
}

async function pageFrom(
  walk: Pick<Walk<unknown>, 'page'>,
  cursor: string | undefined,
  isOfCaller: boolean,
): Promise<KeysFound> {
  try {
    return await walk.page(cursor);
  } catch (error) {
    if (!isOfCaller || cursor === undefined || !((error as Error).cause instanceof TypeError)) throw error;
    throw expected('from', 'the `cursor` of an earlier progress with the same store and prefix', cursor);
  }
}

/** Calls `each` for every item, with a limited number of calls at a time. */
export async function atOnce<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(each));
  }
}

/** @throws TypeError */
export function expectWalk(options: object | null | undefined): void {
  if (isGiven(options) && typeof options !== 'object') throw expected('options', 'an object', options);
  const { from, signal, onProgress } = (options ?? {}) as GivenWalk<never>;
  if (isGiven(from)) expectString('from', from);
  if (isGiven(signal) && !(signal instanceof AbortSignal)) throw expected('signal', 'an AbortSignal', signal);
  if (isGiven(onProgress)) expectFunction('onProgress', onProgress);
}
