/** Milliseconds by which the wall clock has to fall behind for having been set back: less is rounding, or an adjustment. */
const SET_BACK = 1000;

/** How far the wall clock is ahead of the monotonic one. */
let ahead = Date.now() - performance.now();
let slept = 0;

/**
 * Whole milliseconds, for what lasts a while in this process. They go on with the monotonic clock, so that setting the wall clock back
 * makes nothing last longer. The monotonic clock stands still while the machine sleeps, and the wall clock jumps ahead then: each
 * such jump counts as time that has passed.
 */
export function steadyNow(): number {
  const wall = Date.now(); // first: a pause between the two would look like sleep
  const monotonic = performance.now();
  const now = wall - monotonic;
  if (now > ahead) slept += now - ahead;
  if (now > ahead || now < ahead - SET_BACK) ahead = now;
  return Math.floor(monotonic + slept);
}
