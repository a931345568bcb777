/** Begins, behind the prefix, every key that is not a record's: no session id has a control character. */
export const NO_RECORD = '\u001f';

/** The keys of records with this prefix. */
export function recordKeys(keys: readonly string[], prefix: string): string[] {
  return keys.filter((key) => key.startsWith(prefix) && !key.startsWith(NO_RECORD, prefix.length));
}
