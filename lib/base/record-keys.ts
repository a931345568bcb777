/** Begins, behind the prefix, every key that is not a record's: no session id has a control character. */
export const NO_RECORD = '\u001f';

/**
 * Whether a key with the prefix belongs to a longer one. If prefixes end with a colon, as they should, it has a colon
 * behind the prefix, which neither ids of the default `genSid` nor hashes have.
 */
export function isOfLongerPrefix(key: string, prefix: string): boolean {
  return key.includes(':', prefix.length);
}

/** The keys of records with this prefix. */
export function recordKeys(keys: readonly string[], prefix: string): string[] {
  return keys.filter((key) => key.startsWith(prefix) && !key.startsWith(NO_RECORD, prefix.length));
}
