import { expected, expectString } from '../base/expect';
import type { Guarantee } from '../middleware/engine';
import { type Cases, tryOut } from './cases';
import { endingCases } from './ending-cases';
import { keyCases } from './key-cases';
import { recordCases } from './record-cases';
import { findRunner, type Runner } from './runner';
import { sessionCases } from './session-cases';
import { storeCases } from './store-cases';
import type { MakeClient } from './subject';
import { swapCases } from './swap-cases';
import { timeCases } from './time-cases';
import { touchCases } from './touch-cases';

export type { Runner } from './runner';
export type { MakeClient, Subject } from './subject';

/** Options of {@link storeContract}. `null` and `undefined` mean "not given". */
export interface StoreContractOptions {
  /** What the client is said to reach. Default: `'last-write'`. A client that reaches less, or more, fails. */
  guarantee?: Guarantee | null | undefined;
  /** The test runner's. Default: the global one. */
  describe?: Runner['describe'] | null | undefined;
  /** The test runner's. Default: the global one. */
  it?: Runner['it'] | null | undefined;
}

/**
 * Registers the cases that every client has to pass, with the test runner whose `describe` and `it` are global or given. It
 * says which guarantee the client reaches.
 *
 * @param name what the cases are registered under
 * @param makeClient makes the client of one case; called for each
 * @throws TypeError where there is no test runner, and for ill-typed arguments.
 */
export function storeContract(name: string, makeClient: MakeClient, options?: StoreContractOptions | null): void {
  expectString('name', name);
  if (typeof makeClient !== 'function') throw expected('makeClient', 'a function that makes a client', makeClient);
  const guarantee = options?.guarantee ?? 'last-write';
  if (guarantee !== 'last-write' && guarantee !== 'compare-and-set') {
    throw expected('guarantee', "'compare-and-set' or 'last-write'", guarantee);
  }
  const { describe, it } = findRunner(options ?? {});
  describe(name, () => {
    for (const [title, run] of Object.entries(casesOf(guarantee))) it(title, () => tryOut(makeClient, run));
  });
}

function casesOf(guarantee: Guarantee): Cases {
  const canCompareAndSet = guarantee === 'compare-and-set';
  return {
    ...storeCases(guarantee),
    ...sessionCases,
    ...keyCases,
    ...timeCases,
    ...touchCases(canCompareAndSet),
    ...(canCompareAndSet ? { ...recordCases, ...swapCases, ...endingCases } : {}),
  };
}
