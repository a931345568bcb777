import type { Session } from '../middleware/engine';
import { asSubject, type MakeClient } from './subject';
import { HOUR, Trial } from './trial';

/** Test cases by title. */
export type Cases = Readonly<Record<string, Case>>;
export type Case = (trial: Trial) => Promise<void>;

/** A session as the Store passes it to a client. */
export function session(data: object = {}): Session {
  return { cookie: { maxAge: HOUR }, ...data };
}

/**
 * Runs a case on a new client once that is connected, and ends the client. If several steps fail, the first failure is
 * reported.
 */
export async function tryOut(makeClient: MakeClient, run: Case): Promise<void> {
  const subject = asSubject(await makeClient());
  const trial = new Trial(subject);
  const failures: unknown[] = [];
  const attempt = async (step: () => unknown) => {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  };
  await attempt(() => trial.withStore(() => run(trial)));
  await trial.clean();
  await attempt(() => subject.end?.());
  if (failures.length > 0) throw failures[0];
}
