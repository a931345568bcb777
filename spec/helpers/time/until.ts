import { setTimeout as pause } from 'node:timers/promises';

/** Resolves once the condition holds; the spec's own timeout ends a wait in vain. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(5);
}
