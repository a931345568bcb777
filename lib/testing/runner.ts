import { expectFunction } from '../base/expect';

/** The functions of a test runner that register cases. */
export interface Runner {
  /** Registers the cases in `body` under a name. */
  describe(name: string, body: () => void): unknown;
  /** Registers a case, which fails if its promise rejects. */
  it(title: string, run: () => Promise<void>): unknown;
}

/**
 * Returns the given functions, or else the global ones.
 *
 * @throws TypeError if one is missing.
 */
export function findRunner(given: { [Name in keyof Runner]?: Runner[Name] | null | undefined }): Runner {
  const { describe, it } = globalThis as Partial<Runner>;
  const runner = { describe: given.describe ?? describe, it: given.it ?? it };
  if (runner.describe === undefined || runner.it === undefined) {
    throw new TypeError(
      'Expected a test runner with global `describe` and `it`: if they are not global, pass them, ' +
        "`storeContract(name, makeClient, { describe, it })`, for example those of 'node:test'",
    );
  }
  expectFunction('describe', runner.describe);
  expectFunction('it', runner.it);
  return runner as Runner;
}
