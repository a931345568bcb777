/** Blocks the process for so many milliseconds, as a long calculation does it, or an operating system that runs others. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
