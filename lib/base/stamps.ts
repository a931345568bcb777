import uid = require('uid2');

/** How many stamps a record carries: those of its last swaps. */
const KEPT = 8;
/** No stamps. */
export const NO_STAMPS: readonly string[] = Object.freeze([]);

/** The stamps in a record's cookie, the newest last. A writer whose answer was lost finds out by them whether its swap has landed. */
export function stampsOf(cookie: unknown): readonly string[] {
  const { stamp, stamps } = Object(cookie) as { stamp?: unknown; stamps?: unknown };
  if (Array.isArray(stamps) && stamps.every((one) => typeof one === 'string'))
    return stamps.length === 0 ? NO_STAMPS : stamps;
  // Earlier versions kept one.
  return typeof stamp === 'string' ? [stamp] : NO_STAMPS;
}

export function withStamp(stamps: readonly string[], stamp: string): readonly string[] {
  return stamps.at(-1) === stamp ? stamps : [...stamps, stamp].slice(-KEPT);
}

export function newStamp(): string {
  return uid(8);
}
