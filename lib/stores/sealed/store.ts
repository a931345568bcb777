import { hasMethod } from '../../base/expect';
import type { SessionStore, StoreAbility } from '../../base/types';
import { canCompareAndSet, expectClient, isTokenStore } from '../../client/expect-client';
import { storeKind } from '../../client/store-kind';
import { sealedRecords } from './compare-and-set';
import { sealedSessions } from './last-write';
import { resolveSealedOptions, type SealedOptions } from './options';
import { passOn } from './pass-on';
import { type ResealedRecords, type ResealOptions, resealAll } from './reseal';
import { Seals } from './seals';

/** Names of the methods that a sealed client has too, if the given client has them. */
export type SealedAbility = StoreAbility | 'on' | 'once' | 'off' | 'removeListener' | 'listenerCount' | 'close';

/** A store whose records can be sealed again, with another key. */
export interface ResealableStore {
  /**
   * Stores each record as a write would store it today: sealed with the first key or, with `writePlain`, unsealed. Runs
   * beside traffic: the ttl of a record stays, and a record that another request writes or ends is left to that. Plain
   * records are sealed as long as they may be read. Calling it again does no harm.
   *
   * @throws TypeError by rejection, if the client cannot list its records or cannot compare, or an option has the wrong type.
   *
   * @throws StoreError by rejection, if the store fails; go on from the last progress.
   */
  reseal(options?: ResealOptions | null): Promise<ResealedRecords>;
}

/** A client with the abilities of the client `S`, whose records are sealed; see {@link sealed}. */
export type Sealed<S extends SessionStore> = SessionStore & ResealableStore & Pick<S, Extract<keyof S, SealedAbility>>;

/** Clients that {@link sealed} has returned. */
const known = new WeakSet<object>();

/**
 * Wraps a client so that its records are stored encrypted, with AES-256-GCM. A record opens only under its own key in
 * the store. The returned client has the abilities of the given one; pass it as the option `store`.
 *
 * A record that cannot be opened is `session:invalid` and stays in the store.
 *
 * @throws TypeError if `store` is not a client, is sealed already or keeps sessions in tokens, or an option has the wrong type.
 */
export function sealed<S extends SessionStore>(store: S, options: SealedOptions): Sealed<S> {
  expectSealable(store);
  const seals = new Seals(resolveSealedOptions(options));
  const outer = canCompareAndSet(store) ? sealedRecords(store, seals) : sealedSessions(store, seals);
  passOn(outer, store);
  const reseal: ResealableStore['reseal'] = (given) => resealAll(store, seals, given);
  known.add(outer);
  return Object.assign(outer, { reseal, kind: `sealed:${storeKind(store)}` }) as unknown as Sealed<S>;
}

/** @throws TypeError */
function expectSealable(store: unknown): asserts store is SessionStore {
  expectClient(store);
  const wrong = (got: string) => new TypeError(`Expected \`store\` to be a client that keeps sessions, got ${got}`);
  if (isTokenStore(store)) throw wrong('one whose sessions travel in the cookie: its tokens are encrypted already');
  if (known.has(store)) throw wrong('one that is sealed already: give all secrets in one list of `keys`');
  if (['keyOf', 'ttlOf', 'acquire'].every((method) => hasMethod(store, method)))
    throw wrong('a Store: pass its client, `new Store(sealed(client, { keys }))`');
}
