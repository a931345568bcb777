import { expected, expectString } from '../base/expect';
import type { Guarantee } from '../middleware/engine';
import { type Cases, tryOut } from './cases';
import { endedCases } from './ended-cases';
import { endingCases } from './ending-cases';
import { indexCases } from './index-cases';
import { keyCases } from './key-cases';
import { recordCases } from './record-cases';
import { findRunner, type Runner } from './runner';
import { sessionCases } from './session-cases';
import { storeCases } from './store-cases';
import type { MakeClient } from './subject';
import { swapCases } from './swap-cases';
import { timeCases } from './time-cases';
import { touchCases } from './touch-cases';
import { walkCases } from './walk-cases';

export type { Runner } from './runner';
export type { MakeClient, Subject } from './subject';

/** Options of {@link storeContract}. `null` and `undefined` mean "not given". */
export interface StoreContractOptions {
  /** The guarantee that the client claims. A client that reaches less, or more, fails. Default: `'last-write'`. */
  guarantee?: Guarantee | null | undefined;
  /** The test runner's `describe`. Default: the global one. */
  describe?: Runner['describe'] | null | undefined;
  /** The test runner's `it`. Default: the global one. */
  it?: Runner['it'] | null | undefined;
}

/**
 * Registers the cases that a client must pass with the test runner, whose `describe` and `it` are global or given in
 * the options. One case checks which guarantee the client reaches.
 *
 * @param name the name under which the cases are registered
 * @param makeClient creates the client of a case; called once per case
 * @throws TypeError if there is no test runner or an argument has the wrong type.
 */
export function storeContract(name: string, makeClient: MakeClient, options?: StoreContractOptions | null): void {
  expectString('name', name);
  if (typeof makeClient !== 'function') throw expected('makeClient', 'a function that creates a client', makeClient);
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
    ...walkCases,
    ...endedCases,
    ...(canCompareAndSet ? { ...recordCases, ...swapCases, ...endingCases, ...indexCases } : {}),
  };
}
