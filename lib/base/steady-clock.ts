/**
 * The least jump of the wall clock, in milliseconds, that counts as sleep or as a change of the clock. Smaller ones are
 * rounding or adjustment.
 */
const JUMP = 1000;

/** How far the wall clock was ahead of the monotonic clock since its last jump: the largest and the smallest lead. */
let most = Date.now() - performance.now();
let least = most;
let slept = 0;

/**
 * Time in whole milliseconds for measuring durations in this process. It follows the monotonic clock, so setting the
 * wall clock back prolongs nothing. The monotonic clock stops while the machine sleeps, and the wall clock then jumps
 * ahead; each such jump counts as time that has passed.
 */
export function steadyNow(): number {
  const wall = Date.now(); // first: a pause between the two reads would look like sleep
  const monotonic = performance.now();
  const ahead = wall - monotonic;
  const jumped = ahead - least > JUMP;
  // A jump counts from the smallest lead: the wall clock may have fallen behind slightly before it.
  if (jumped || ahead > most) slept += ahead - (jumped ? least : most);
  if (jumped || ahead > most || ahead < most - JUMP) most = least = ahead;
  else if (ahead < least) least = ahead;
  return Math.floor(monotonic + slept);
}
