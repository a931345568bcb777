import { hasMethod } from '../../base/expect';
import { notesOf } from '../../base/notes';
import type { CompareAndSetStore, Session, StoredRecord } from '../../base/types';
import { atOnce } from '../../base/walk';
import type { Store } from '../../middleware/engine';
import { indexOf } from '../../persistence/user-index';
import { userNamed } from '../../persistence/whose';
import { parseRecord } from '../../record/record';

/** Number of records that are looked at: more would take minutes in a large store. */
const MOST = 10_000;

/** Returns the user of a session. */
export type UserOf = (session: Session) => unknown;

/** A record that was looked at. */
export interface Sighted {
  key: string;
  bytes: number;
  /** Whether it never expires. */
  isImmortal: boolean;
  /** The name of the index that should list it. */
  index: string | undefined;
}

/** The first records of a store. */
export interface Sample {
  records: Sighted[];
  /** Whether there are more. */
  isPart: boolean;
}

/** Reads the first records of a store; `undefined` if it cannot list them. */
export async function takeSample(
  store: Store,
  user: UserOf | undefined,
  signal: AbortSignal,
): Promise<Sample | undefined> {
  const { walk, client } = store;
  if (walk === undefined || !hasMethod(client, 'load')) return undefined;
  // A key may come twice.
  const found = new Map<string, Sighted>();
  let cursor: string | undefined;
  do {
    signal.throwIfAborted();
    const page = await walk.keys(cursor, store.newBudget());
    await atOnce(page.keys.slice(0, MOST - found.size), async (key) => {
      const sighted = await sight(client as unknown as CompareAndSetStore, key, user);
      if (sighted !== undefined) found.set(key, sighted);
    });
    cursor = page.cursor;
  } while (cursor !== undefined && found.size < MOST);
  return { records: [...found.values()], isPart: cursor !== undefined };
}

async function sight(client: CompareAndSetStore, key: string, user: UserOf | undefined): Promise<Sighted | undefined> {
  const stored = await (client.load(key, { ttl: true }) as Promise<StoredRecord | null>);
  if (!stored) return undefined;
  const { record, ttl } = stored;
  // Redis tells a record without an end by a negative ttl.
  return { key, bytes: Buffer.byteLength(record), isImmortal: Number(ttl) < 0, index: indexFor(record, user) };
}

/** The records that should be in an index and are not. */
export async function unlistedIn(store: Store, { records }: Sample): Promise<string[]> {
  const byIndex = new Map<string, string[]>();
  for (const { key, index } of records) {
    if (index !== undefined) byIndex.set(index, [...(byIndex.get(index) ?? []), key]);
  }
  const unlisted: string[] = [];
  for (const [index, keys] of byIndex) {
    const listed = await membersOf(store, index);
    for (const key of keys.filter((one) => !listed.has(one))) {
      // It may have ended since.
      if (await (store.client as unknown as CompareAndSetStore).load(key)) unlisted.push(key);
    }
  }
  return unlisted;
}

async function membersOf(store: Store, index: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const page of store.index?.members(index, () => store.newBudget()) ?? []) {
    for (const { key } of page) keys.add(key);
  }
  return keys;
}

function indexFor(record: string, user: UserOf | undefined): string | undefined {
  const session = parseRecord(record) as Session | undefined;
  if (session === undefined) return undefined;
  if (user === undefined) return notesOf(Object(session.cookie))?.index;
  try {
    const name = userNamed(user(session));
    return name === undefined ? undefined : indexOf(name);
  } catch {
    return undefined;
  }
}
