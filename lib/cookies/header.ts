/**
 * Maximum number of pairs of value and signature that are checked per request. Each pair costs a hash for every key.
 */
const MOST_TRIED = 16;

const SPECIAL = /[.*+?^${}()|[\]\\]/g;

/** Whether a Cookie header may contain several cookies of the name. A quick check that does not parse the header. */
export function mayCarrySeveral(header: string, name: string): boolean {
  const start = `${name}=`;
  return header.indexOf(start) !== header.lastIndexOf(start);
}

/** The values of all cookies of the name, in the order sent, without surrounding quotes. */
export function cookieValues(header: string, name: string): string[] {
  // The pattern that `cookies` uses to find the first.
  const pattern = new RegExp(`(?:^|;) *${name.replace(SPECIAL, '\\$&')}=([^;]*)`, 'g');
  return Array.from(header.matchAll(pattern), ([, value = '']) => (value.startsWith('"') ? value.slice(1, -1) : value));
}

/**
 * Calls `read` for every cookie of the name that has a valid signature, in the order sent, and collects the results.
 * Tries every signature with every value, since the header does not say which belong together.
 */
export function signedValues(
  header: string,
  name: string,
  read: (value: string, signature: string) => string | undefined,
): string[] {
  const values = cookieValues(header, name);
  const found = new Map<string, string | undefined>(values.map((value) => [value, undefined]));
  let tried = 0;
  for (const [value, signature] of pairsOf(values, cookieValues(header, `${name}.sig`))) {
    if (tried === MOST_TRIED) break;
    if (value === '' || found.get(value) !== undefined) continue;
    tried += 1;
    found.set(value, read(value, signature));
  }
  return [...found.values()].filter((value) => value !== undefined);
}

/**
 * Each value with each signature. Pairs at the same position come first, since browsers usually keep both cookies in
 * the same order.
 */
function* pairsOf(
  values: readonly string[],
  signatures: readonly string[],
): Generator<[value: string, signature: string]> {
  for (const [n, value] of values.entries()) yield [value, signatures[n] ?? ''];
  for (const value of values) for (const signature of signatures) yield [value, signature];
}
