/** How many pairs of a value and a signature are tried for one request: each costs a hash for each key. */
const MOST_TRIED = 16;

const SPECIAL = /[.*+?^${}()|[\]\\]/g;

/** Whether a Cookie header may hold several cookies of the name: found without reading it. */
export function mayCarrySeveral(header: string, name: string): boolean {
  const start = `${name}=`;
  return header.indexOf(start) !== header.lastIndexOf(start);
}

/** The values of all cookies of the name, in the order sent, without the quotes around them. */
export function cookieValues(header: string, name: string): string[] {
  // As `cookies` looks for the first.
  const pattern = new RegExp(`(?:^|;) *${name.replace(SPECIAL, '\\$&')}=([^;]*)`, 'g');
  return Array.from(header.matchAll(pattern), ([, value = '']) => (value.startsWith('"') ? value.slice(1, -1) : value));
}

/**
 * What `read` makes of the cookies of the name, in the order sent, each with a signature that is good for it: nothing else tells which
 * signature belongs to which cookie.
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

/** Each value with each signature; first those that came in the same place, since browsers mostly keep both cookies alike. */
function* pairsOf(
  values: readonly string[],
  signatures: readonly string[],
): Generator<[value: string, signature: string]> {
  for (const [n, value] of values.entries()) yield [value, signatures[n] ?? ''];
  for (const value of values) for (const signature of signatures) yield [value, signature];
}
