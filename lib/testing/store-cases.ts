import type { CompareAndSetStore, Guarantee, Store } from '../middleware/engine';
import { type Cases, session } from './cases';
import { expectJson, expectNothing, fail } from './expectations';
import { expectLeft } from './time-cases';
import { HOUR, type Trial } from './trial';

const ABILITIES: readonly (keyof CompareAndSetStore)[] = ['load', 'create', 'swap', 'touch'];

/** The cases for the Store around the client. */
export function storeCases(claimed: Guarantee): Cases {
  return {
    [`reaches the guarantee '${claimed}'`]: (trial) =>
      trial.withStore((store) => expectGuarantee(trial, store, claimed)),

    'keeps the sessions of a Store as long as their cookie': (trial) =>
      trial.withStore(async (store) => {
        expectNothing(
          'a session that was never stored',
          await store.get('sid'),
          'a made-up id must not open a session',
        );
        await store.set('sid', session({ user: 'ann' }));
        const why = 'the middleware stored it';
        expectJson('the session in a Store', await store.get('sid'), session({ user: 'ann' }), why);
        await expectLeft(trial, HOUR);
        await store.destroy('sid');
        expectNothing(
          'a destroyed session',
          await store.get('sid'),
          'a visitor who logged out would still be logged in',
        );
      }),
  };
}

function expectGuarantee(trial: Trial, { guarantee }: Store, claimed: Guarantee): void {
  if (guarantee === claimed) return;
  const missing = ABILITIES.filter((ability) => !trial.has(ability)).map((ability) => `\`${ability}\``);
  const message =
    claimed === 'compare-and-set'
      ? `Expected the guarantee 'compare-and-set', got 'last-write': the client lacks ${missing.join(', ')}`
      : "Expected no more than the guarantee 'last-write', got 'compare-and-set': claim it with `{ guarantee: 'compare-and-set' }`, so that all of it is tested";
  fail(message, { actual: guarantee, expected: claimed });
}
