import session = require('../../../lib/main');

import type { MapClient } from './map-client';

/** Stores whose insides a spec can look at. */
export type OpenClient = MapClient | session.MemoryStore;

type Kind = keyof typeof METHODS;

/** What a store may be asked for, by whichever methods it has. */
const METHODS = {
  read: ['get', 'load', 'unpack'],
  write: ['set', 'create', 'swap', 'pack'],
  touch: ['touch'],
  destroy: ['destroy', 'remove', 'take'],
  replace: ['swap', 'mark'],
} as const;

function methodsOf(client: OpenClient, kind: Kind): string[] {
  return METHODS[kind].filter((name) => name in client);
}

/** Counts the calls of each kind from now on; the calls go through. */
export function countCalls(client: OpenClient): { of(kind: Kind): number; reset(): void } {
  const counts: Record<Kind, number> = { read: 0, write: 0, touch: 0, destroy: 0, replace: 0 };
  for (const kind of Object.keys(METHODS) as Kind[]) {
    for (const name of methodsOf(client, kind)) {
      intercept(client, name, (call) => {
        counts[kind] += 1;
        return call();
      });
    }
  }
  return {
    of: (kind) => counts[kind],
    reset: () => void Object.assign(counts, { read: 0, write: 0, touch: 0, destroy: 0, replace: 0 }),
  };
}

/** Lets calls of a kind fail until the returned function is called. */
export function failing(client: OpenClient, kind: Kind, error: Error = new Error('store is broken')): () => void {
  let fails = true;
  for (const name of methodsOf(client, kind)) {
    intercept(client, name, (call) => {
      if (fails) throw error;
      return call();
    });
  }
  return () => {
    fails = false;
  };
}

/** The stored session under a key, the way any reader of the store gets it. */
export async function recordOf(client: OpenClient, key: string): Promise<session.Session | undefined> {
  return (await client.get(key)) ?? undefined;
}

function intercept(client: OpenClient, name: string, around: (call: () => unknown) => unknown): void {
  const target = client as unknown as Record<string, (...args: unknown[]) => unknown>;
  const original = target[name] as (...args: unknown[]) => unknown;
  target[name] = (...args) => around(() => original.apply(client, args));
}
