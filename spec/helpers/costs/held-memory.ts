import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How often it is measured before what is held counts as held: now and then something else is in memory too. */
const TRIES = 3;

/** The bytes for each round that stay in use after so many rounds, where that is more than `limit`; 0 where it is not. */
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
    // What has just been answered is let go of in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}
