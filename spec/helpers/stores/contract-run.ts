import { type MakeClient, type StoreContractOptions, storeContract } from '../../../lib/testing';

/** The result of each case: `undefined` if it passed, otherwise its error. */
export type Outcomes = Record<string, unknown>;

/**
 * Runs the store contract as a test runner would, but all cases at once, and returns their results.
 *
 * @param about runs only the cases with this text in their title
 */
export async function runContract(
  makeClient: MakeClient,
  options?: StoreContractOptions,
  about = '',
): Promise<Outcomes> {
  const run = async ([title, it]: [string, () => Promise<void>]) =>
    [
      title,
      await it().then(
        () => undefined,
        (error: unknown) => error,
      ),
    ] as const;
  const cases = casesOf(makeClient, options).filter(([title]) => title.includes(about));
  return Object.fromEntries(await Promise.all(cases.map(run)));
}

/** The cases that failed, and what they said. */
export function failuresOf(outcomes: Outcomes): Record<string, string> {
  const failed = Object.entries(outcomes).filter(([, error]) => error !== undefined);
  return Object.fromEntries(failed.map(([title, error]) => [title, (error as Error).message]));
}

/** The cases that there are. */
export function titlesOf(options?: StoreContractOptions): string[] {
  return casesOf(() => Promise.reject(new Error('no client')), options).map(([title]) => title);
}

function casesOf(makeClient: MakeClient, options?: StoreContractOptions): [string, () => Promise<void>][] {
  const cases: [string, () => Promise<void>][] = [];
  storeContract('a client', makeClient, {
    ...options,
    describe: (_name, body) => body(),
    it: (title, run) => cases.push([title, run]),
  });
  return cases;
}
