/** Stands for a record that cannot be opened. It is not JSON, so it does not count as a session. */
export const UNOPENED = {
  plain: '(a record that is not sealed)',
  version: '(a record sealed in another format)',
  key: '(a record sealed with a key that is not in `keys`)',
  changed: '(a sealed record that was changed, or moved from another key)',
} as const;

/** `store.get()` returns none of these, as if nothing were stored. */
const texts: ReadonlySet<unknown> = new Set(Object.values(UNOPENED));

export function isUnopened(answer: unknown): boolean {
  return texts.has(answer);
}

/** Begins every sealed text. */
export const SEALED = 'sealed.';

/** Whether a record is sealed, and this reader has no keys at all. */
export function isSealedText(record: unknown): boolean {
  return typeof record === 'string' && record.startsWith(`"${SEALED}`);
}
