import { types } from 'node:util';
import { expectBoolean, expectDate, isGiven } from '../../base/expect';
import { kindOf } from '../../base/kind-of';
import { checkSecret } from '../../base/secret-strength';
import { warnOfUnknown } from '../../base/unknown-options';
import { SealingKey, type SealingSecret } from './key';

/** Options of {@link sealed}. `null` and `undefined` mean "not given". */
export interface SealedOptions {
  /**
   * Secrets of 32 random bytes or more. The first one seals records, all of them open records. To rotate, first add the new
   * one at the end in all processes, then move it to the front, and remove the old one once `reseal()` has run. Do
   * not reuse `app.keys`.
   */
  keys: readonly SealingSecret[];
  /**
   * Until when records that are not sealed are read. Anybody who can write to the store can plant such a record, so
   * choose a date by which `reseal()` has run, or the old sessions have expired. Default: none are read.
   */
  readPlainUntil?: Date | null | undefined;
  /**
   * Whether records are written unsealed, and read in both forms: the first step of a move to sealed records, and of the
   * way back. Default: `false`.
   */
  writePlain?: boolean | null | undefined;
}

export interface ResolvedOptions {
  keys: readonly [SealingKey, ...SealingKey[]];
  /** In milliseconds since 1970. */
  readPlainUntil: number;
  writePlain: boolean;
}

const KNOWN = ['keys', 'readPlainUntil', 'writePlain'] as const satisfies readonly (keyof SealedOptions)[];

const HOW = 'Make a secret with `openssl rand -base64 32`';

/** @throws TypeError */
export function resolveSealedOptions(options: SealedOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`Expected \`options\` to be an object such as \`{ keys: [secret] }\`, got ${kindOf(options)}`);
  warnOfUnknown(Object.keys(options), { known: KNOWN, whose: 'the option of `sealed()` ' });
  const { keys, readPlainUntil, writePlain } = options;
  if (isGiven(writePlain)) expectBoolean('writePlain', writePlain);
  if (isGiven(readPlainUntil)) expectDate('readPlainUntil', readPlainUntil);
  return {
    keys: sealingKeys(keys),
    readPlainUntil: readPlainUntil?.getTime() ?? Number.NEGATIVE_INFINITY,
    writePlain: writePlain ?? false,
  };
}

/** @throws TypeError if a secret is not one; the message does not show it. */
function sealingKeys(keys: unknown): [SealingKey, ...SealingKey[]] {
  if (!Array.isArray(keys) || keys.length === 0)
    throw new TypeError(`Expected \`keys\` to be a non-empty array of secrets, got ${kindOf(keys)}. ${HOW}`);
  // Unlike `map`, does not skip holes.
  return Array.from(keys, (secret: unknown, index) => {
    if (!isSecret(secret))
      throw new TypeError(
        `Expected \`keys[${index}]\` to be a string, a Buffer or a Uint8Array that is not empty, got ${kindOf(secret)}. ${HOW}`,
      );
    checkSecret(secret, 'the `keys` of sealed()');
    return new SealingKey(secret);
  }) as [SealingKey, ...SealingKey[]];
}

function isSecret(value: unknown): value is SealingSecret {
  return (typeof value === 'string' || types.isUint8Array(value)) && value.length > 0;
}
