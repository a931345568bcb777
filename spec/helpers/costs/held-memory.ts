import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Number of measurements before memory counts as held: other things may be in memory at times. */
const TRIES = 6;

/** The bytes per round that stay in use after so many rounds, if they exceed `limit`; otherwise 0. */
export async function heldAfter(rounds: number, limit: number, run: (round: number) => unknown): Promise<number> {
  // What is made on first use.
  for (let round = 0; round < 50; round += 1) await run(round);
  let held = 0;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const before = await inUse();
    for (let round = 0; round < rounds; round += 1) await run(round);
    held = ((await inUse()) - before) / rounds;
    if (held <= limit) return 0;
  }
  return held;
}

async function inUse(): Promise<number> {
  for (let turn = 0; turn < 2; turn += 1) {
    // A finished request is released in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}
