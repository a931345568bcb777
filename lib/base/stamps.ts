import uid = require('uid2');

/** Number of stamps that a record keeps: those of its latest swaps. */
const KEPT = 8;
export const NO_STAMPS: readonly string[] = Object.freeze([]);

/**
 * The stamps in a record's cookie, newest last. A writer that lost the store's answer finds out from them whether its
 * swap was applied.
 */
export function stampsOf(cookie: unknown): readonly string[] {
  const { stamp, stamps } = Object(cookie) as { stamp?: unknown; stamps?: unknown };
  if (Array.isArray(stamps) && stamps.every((one) => typeof one === 'string'))
    return stamps.length === 0 ? NO_STAMPS : stamps;
  // Earlier versions kept a single stamp.
  return typeof stamp === 'string' ? [stamp] : NO_STAMPS;
}

export function withStamp(stamps: readonly string[], stamp: string): readonly string[] {
  return stamps.at(-1) === stamp ? stamps : [...stamps, stamp].slice(-KEPT);
}

export function newStamp(): string {
  return uid(8);
}
