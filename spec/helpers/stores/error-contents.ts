import { inspect } from 'node:util';
import type { SessionStore } from '../../../lib/main';
import { Store, StoreError, type StoreOptions } from '../../../lib/main';

/** A session whose id and data would be noticed anywhere. */
export const SID = 'Sid-of-ann_0123456789abc';
export const SESSION = { user: 'ann-of-cleves', note: 'likes "Holbein" - much', total: 987_654, cookie: {} };
const TELLTALES = [SID, SID.slice(4), 'cleves', 'Holbein', 'much', '987654', '987_654'];

type Operation = 'get' | 'set' | 'destroy';

/** What a store's operation fails with. */
export async function failureOf(store: Store, operation: Operation): Promise<StoreError> {
  const session = structuredClone(SESSION) as Parameters<Store['set']>[1];
  const calls = { get: () => store.get(SID), set: () => store.set(SID, session), destroy: () => store.destroy(SID) };
  const error = await calls[operation]().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StoreError))
    throw new Error(`Expected ${operation} to fail with a StoreError, got ${inspect(error)}`);
  return error;
}

export function storeOf(client: unknown, options?: StoreOptions): Store {
  return new Store(client as SessionStore, options);
}

/** Prints an error in all ways, and finds neither id nor data. */
export function expectNothingTold(error: unknown): void {
  const { stack, cause } = error as Error;
  const printed = [
    inspect(error, { depth: 10, showHidden: true, getters: true }),
    JSON.stringify(error),
    JSON.stringify(cause) ?? '',
    String(error),
    String(cause),
    String(stack),
    String((cause as Error | undefined)?.stack),
  ];
  for (const text of printed) expect(TELLTALES.filter((telltale) => text.includes(telltale))).toEqual([]);
}
