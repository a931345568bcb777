/** Milliseconds by which the wall clock has to jump for a sleep, or for having been set back: less is rounding, or an adjustment. */
const JUMP = 1000;

/** How far the wall clock has been ahead of the monotonic one since it last jumped: at most, and at least. */
let most = Date.now() - performance.now();
let least = most;
let slept = 0;

/**
 * Whole milliseconds, for what lasts a while in this process. They go on with the monotonic clock, so that setting the wall clock back
 * makes nothing last longer. The monotonic clock stands still while the machine sleeps, and the wall clock jumps ahead then: each
 * such jump counts as time that has passed.
 */
export function steadyNow(): number {
  const wall = Date.now(); // first: a pause between the two would look like sleep
  const monotonic = performance.now();
  const ahead = wall - monotonic;
  const jumped = ahead - least > JUMP;
  // a jump counts from where the wall clock was before it: it may have fallen behind by a little until then
  if (jumped || ahead > most) slept += ahead - (jumped ? least : most);
  if (jumped || ahead > most || ahead < most - JUMP) most = least = ahead;
  else if (ahead < least) least = ahead;
  return Math.floor(monotonic + slept);
}
