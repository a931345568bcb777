import { expectString, hasMethod } from '../../base/expect';
import { isOfLongerPrefix } from '../../base/record-keys';
import type { Answer, EnumerableStore, KeysFound, StoredRecord } from '../../base/types';
import { warnOfUnknown } from '../../base/unknown-options';
import { expectWalk, walkAll } from '../../base/walk';
import { Budget } from '../../client/budget';
import { ClientCaller } from '../../client/caller';
import { ConnectionState } from '../../client/status';
import { parseRecord } from '../../record/record';
import type { CompareAndSetClient } from './compare-and-set';
import type { Seals } from './seals';

/** Options of `reseal()`. `null` and `undefined` mean "not given". */
export interface ResealOptions {
  /** The prefix of the sessions: the option `prefix` of the middleware. Default: `'koa:sess:'`. */
  prefix?: string | null | undefined;
  /** The `cursor` of an earlier progress, from which to go on. Default: from the beginning. */
  from?: string | null | undefined;
  /** Stops the walk: `reseal()` rejects with the signal's reason. Default: none. */
  signal?: AbortSignal | null | undefined;
  /** Called after each page, for which the store has looked at about a thousand records. Default: none. */
  onProgress?: ((progress: ResealProgress) => void) | null | undefined;
}

/** What `reseal()` has done since its call. */
export interface ResealedRecords {
  /** Number of records read. One that is written meanwhile may be read, and counted, twice. */
  scanned: number;
  /** Number of records stored again: sealed with the first key or, with `writePlain`, unsealed. */
  resealed: number;
  /**
   * Number of records that cannot be opened or are not sessions, that belong to a longer prefix, or that others wrote again
   * and again. They stay. What is sealed with the first key is not opened, and counts as read only.
   */
  skipped: number;
}

/** How far `reseal()` has come. */
export interface ResealProgress extends ResealedRecords {
  /** From where to go on, also in another process: the option `from`. `undefined` at the end. */
  cursor: string | undefined;
}

type Client = CompareAndSetClient & EnumerableStore & Partial<RewritingStore>;

/** A store that can replace a record without a new ttl, which a request may be extending at the same time. */
interface RewritingStore {
  rewrite(key: string, record: string, expected: unknown): Answer<boolean>;
}

/** The result for a record: `'kept'` if it is as a write would store it, or gone. */
type Outcome = 'resealed' | 'kept' | 'skipped';

const KNOWN = ['prefix', 'from', 'signal', 'onProgress'] as const satisfies readonly (keyof ResealOptions)[];
const PREFIX = 'koa:sess:';
/** Maximum time of a call, in milliseconds. */
const TIMEOUT = 10_000;
/** How often others may write a record first. After a write it is usually sealed as it should be. */
const ATTEMPTS = 20;

/**
 * Stores each record as a write would store it today.
 *
 * @throws TypeError if the client cannot list or compare its records, or an option has the wrong type.
 */
export async function resealAll(
  client: object,
  seals: Seals,
  options?: ResealOptions | null,
): Promise<ResealedRecords> {
  expectWalk(options);
  warnOfUnknown(Object.keys(options ?? {}), { known: KNOWN, whose: 'the option of `reseal()` ' });
  const prefix: unknown = options?.prefix ?? PREFIX;
  expectString('prefix', prefix);
  expectResealable(client);
  const caller = new ClientCaller(client, new ConnectionState(0), TIMEOUT, prefix);
  const counts: ResealedRecords = { scanned: 0, resealed: 0, skipped: 0 };
  const page = (cursor: string | undefined): Promise<KeysFound> => {
    const ask = () => (cursor === undefined ? client.keys(prefix) : client.keys(prefix, cursor));
    return caller.call('get', 'keys', new Budget(TIMEOUT), ask, prefix);
  };
  const visit = async (key: string) => {
    // Their application could not open them.
    const outcome = isOfLongerPrefix(key, prefix) ? 'skipped' : await reseal(key, client, seals, caller);
    counts.scanned += 1;
    if (outcome !== 'kept') counts[outcome] += 1;
  };
  return walkAll({ page, visit, counts }, options ?? {});
}

async function reseal(key: string, client: Client, seals: Seals, caller: ClientCaller): Promise<Outcome> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const asked = performance.now();
    const stored = await caller.call('get', 'load', new Budget(TIMEOUT), () => load(client, key), key);
    if (!stored || !seals.isOutdated(stored.record)) return 'kept';
    const record = seals.opened(key, stored.record);
    if (parseRecord(record) === undefined) return 'skipped';
    const text = seals.sealed(key, record);
    const replace = () => replaced(client, key, text, stored, asked);
    const result = await caller.call<unknown>('set', 'swap', new Budget(TIMEOUT), replace, key, record, attempt);
    if (result === true || (result as { ok?: boolean } | undefined)?.ok === true) return 'resealed';
  }
  return 'skipped';
}

function load(client: Client, key: string): Answer<StoredRecord | null | undefined> {
  return client.rewrite === undefined ? client.load(key, { ttl: true }) : client.load(key);
}

/** Without `rewrite`, a request that extends the record in this moment loses the extension. */
function replaced(client: Client, key: string, text: string, { revision, ttl }: StoredRecord, asked: number) {
  if (client.rewrite !== undefined) return client.rewrite(key, text, revision);
  const left = Math.ceil(Number(ttl) - (performance.now() - asked));
  // Redis has records without an end, whose ttl is negative.
  return client.swap(key, text, Number(ttl) < 0 ? Number.MAX_SAFE_INTEGER : Math.max(1, left), revision);
}

/** @throws TypeError */
function expectResealable(client: object): asserts client is Client {
  if (hasMethod(client, 'keys') && hasMethod(client, 'swap') && hasMethod(client, 'touch')) return;
  throw new TypeError(
    "Expected `store` to list its records and to compare, for `reseal()`: use redisStore(), knexStore(), a MemoryStore, or give the store the methods of a 'compare-and-set' store and the method `keys` of an EnumerableStore",
  );
}
