/** How a check ended. */
export type Status = 'ok' | 'warning' | 'problem' | 'skipped';

/** What a check has found, and what to do about it. */
export interface Finding {
  check: string;
  status: Status;
  found: string;
  advice?: string;
}

/** What a check returns; the name is added where the checks are listed. */
export type Result = Omit<Finding, 'check'>;

export const ok = (found: string): Result => ({ status: 'ok', found });
export const warning = (found: string, advice: string): Result => ({ status: 'warning', found, advice });
export const problem = (found: string, advice: string): Result => ({ status: 'problem', found, advice });
export const skipped = (found: string): Result => ({ status: 'skipped', found });

/** Managed servers refuse some questions, and so does a user with few rights: that does not count as a fault. */
export function notAsked(error: unknown): Result {
  return skipped(`could not be asked: ${(error as Error).message}`);
}

/** A named check. */
export interface Check<Subject> {
  readonly name: string;
  run(subject: Subject): Promise<Result> | Result;
}

/** Runs checks one after the other. One that fails could not be asked. */
export async function runChecks<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, run } of checks) {
    signal.throwIfAborted();
    const result = await Promise.resolve(subject).then(run).catch(notAsked);
    findings.push({ check: name, ...result });
  }
  return findings;
}

const ORDER: readonly Status[] = ['problem', 'warning', 'skipped', 'ok'];

/** The findings of several servers as one: the worst, and where. */
export function worstOf(results: readonly { address: string; result: Result }[]): Result {
  const [first] = results;
  if (first === undefined) return skipped('no server is known');
  const worst = ORDER.find((status) => results.some(({ result }) => result.status === status));
  const those = results.filter(({ result }) => result.status === worst);
  const { result } = those[0] ?? first;
  // All are the same: their addresses say nothing.
  if (those.length === results.length && those.every((one) => one.result.found === result.found)) return result;
  return { ...result, found: those.map((one) => `${one.address}: ${one.result.found}`).join('; ') };
}
