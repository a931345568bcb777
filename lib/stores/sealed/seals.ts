import { isRegeneratedMarker } from '../../record/record';
import { withoutSpaces } from '../../record/trailing-spaces';
import { isSealedText, SEALED, UNOPENED } from '../../record/unopened';
import { NUMBER_LENGTH, type SealingKey } from './key';
import type { ResolvedOptions } from './options';

/** The figure is the version of the format. */
const HEADER = `${SEALED}1.`;
/** Where the parts of `sealed.1.NUMBER.BYTES` begin. */
const NUMBER_AT = HEADER.length;
const BYTES_AT = NUMBER_AT + NUMBER_LENGTH + 1;

/**
 * Turns records into what is stored, and back. What is stored is a JSON string: tools that expect JSON can read it, and
 * without the keys it does not count as a session.
 */
export class Seals {
  readonly #first: SealingKey;
  readonly #keys: ReadonlyMap<string, SealingKey>;
  readonly #writesPlain: boolean;
  readonly #readsPlainUntil: number;

  constructor({ keys, readPlainUntil, writePlain }: ResolvedOptions) {
    [this.#first] = keys;
    // Backwards: of two equal keys, the first one counts.
    this.#keys = new Map(keys.map((key): [string, SealingKey] => [key.number, key]).reverse());
    this.#writesPlain = writePlain;
    this.#readsPlainUntil = writePlain ? Number.POSITIVE_INFINITY : readPlainUntil;
  }

  get writesPlain(): boolean {
    return this.#writesPlain;
  }

  get readsPlain(): boolean {
    return Date.now() < this.#readsPlainUntil;
  }

  /** The text to store for a record. Markers stay readable, for scripts in the store and for other packages. */
  sealed(key: string, record: string): string {
    if (this.#writesPlain || isRegeneratedMarker(record)) return record;
    // The spaces at the end ask other writers to stand back, and stay outside of the seal.
    const text = withoutSpaces(record);
    return `"${this.token(key, text)}"${record.slice(text.length)}`;
  }

  /** The record in a stored text. If it cannot be opened, a text that says why, and is not JSON. */
  opened(key: string, stored: string): string {
    if (isRegeneratedMarker(stored)) return stored;
    if (!isSealedText(stored)) return this.readsPlain ? stored : UNOPENED.plain;
    const text = withoutSpaces(stored);
    if (!text.endsWith('"')) return UNOPENED.changed;
    return this.ofToken(key, text.slice(1, -1)) + stored.slice(text.length);
  }

  /** Whether a write would store the text in another form: sealed, with another key, or plain. */
  isOutdated(stored: string): boolean {
    if (isRegeneratedMarker(stored)) return false;
    if (this.#writesPlain) return isSealedText(stored);
    return !stored.startsWith(`"${HEADER}${this.#first.number}.`);
  }

  token(key: string, text: string): string {
    return `${HEADER}${this.#first.number}.${this.#first.seal(key, text)}`;
  }

  /** The text in a token, or a text that says why it cannot be opened. */
  ofToken(key: string, token: string): string {
    if (!token.startsWith(HEADER)) return UNOPENED.version;
    const sealingKey = this.#keys.get(token.slice(NUMBER_AT, BYTES_AT - 1));
    if (sealingKey === undefined) return UNOPENED.key;
    const isWhole = token[BYTES_AT - 1] === '.';
    return (isWhole ? sealingKey.open(key, token.slice(BYTES_AT)) : undefined) ?? UNOPENED.changed;
  }

  /** What stands for a plain session that may not be read. */
  get notSealed(): string {
    return UNOPENED.plain;
  }
}

export function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(SEALED);
}
