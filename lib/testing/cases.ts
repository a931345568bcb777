import type { Session } from '../middleware/engine';
import { asSubject, type MakeClient } from './subject';
import { HOUR, Trial } from './trial';

/** What is tried, by what it says of a client that passes. */
export type Cases = Readonly<Record<string, Case>>;
export type Case = (trial: Trial) => Promise<void>;

/** A session as a client is given it. */
export function session(data: object = {}): Session {
  return { cookie: { maxAge: HOUR }, ...data };
}

/** Runs a case on a client of its own, once that is connected, and ends it. Of several failures the first tells most. */
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
