import type { StoreOfKind } from '../base/types';

/** What a client is, for traces and metrics: its `kind`, or the name of its class. */
export function storeKind(client: object): string {
  const { kind } = client as Partial<StoreOfKind>;
  return typeof kind === 'string' && kind !== '' ? kind : classOf(client);
}

/** The name of an object's class; `'custom'` if it has none. */
export function classOf(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'custom';
}
