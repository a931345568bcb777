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

/** Whether a record is sealed. */
export function isSealedText(record: string): boolean {
  return record.startsWith(`"${SEALED}`);
}

/** Whether a value that is not a session is a sealed one for those who have its key. */
export function isLocked(value: unknown): boolean {
  return typeof value === 'string' && (isSealedText(value) || (isUnopened(value) && value !== UNOPENED.plain));
}
