import { expectFunction } from '../base/expect';

/** What test runners offer to register cases with. */
export interface Runner {
  /** Registers what `body` registers, under a name. */
  describe(name: string, body: () => void): unknown;
  /** Registers a case, which fails where its promise rejects. */
  it(title: string, run: () => Promise<void>): unknown;
}

/**
 * The functions that were given, else the global ones.
 *
 * @throws TypeError where one is neither.
 */
export function findRunner(given: { [Name in keyof Runner]?: Runner[Name] | null | undefined }): Runner {
  const { describe, it } = globalThis as Partial<Runner>;
  const runner = { describe: given.describe ?? describe, it: given.it ?? it };
  if (runner.describe === undefined || runner.it === undefined) {
    throw new TypeError(
      'Expected a test runner with global `describe` and `it`: where they are not global, give them, ' +
        "`storeContract(name, makeClient, { describe, it })`, for example those of 'node:test'",
    );
  }
  expectFunction('describe', runner.describe);
  expectFunction('it', runner.it);
  return runner as Runner;
}
