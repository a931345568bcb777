import { hash } from 'node:crypto';

/** What a secret is used for, as warnings name it. */
export type SecretUse = '`app.keys`' | 'the `keys` of sealed()';

const LEAST_BYTES = 32;
/** Of 32 random hexadecimal digits, fewer are different once in a thousand million. */
const LEAST_DIFFERENT = 8;
/** The share of bytes that may follow from those before. Random digits come near it once in a million secrets. */
const MOST_FORETOLD = 0.6;
const HOW = 'Make one with `openssl rand -base64 32`.';

/** Warnings given: one of each kind is enough. */
const given = new Set<string>();
/** What each secret is used for, by its digest. Bounded, in case an application makes new ones again and again. */
const uses = new Map<string, SecretUse>();
const MOST = 1000;

/** Warns, once per process, of a secret that can be guessed, and of one that has two uses. Never shows the secret. */
export function checkSecret(secret: string | Uint8Array, use: SecretUse): void {
  const bytes = Buffer.from(secret as string);
  const weakness = weaknessOf(bytes);
  if (weakness !== undefined) {
    const text = `A secret in ${use} ${weakness}: somebody who guesses it can ${RISKS[use]}. ${HOW}`;
    warnOnce(text, 'KOA_EVENTED_SESSION_WEAK_SECRET', use);
  }
  const digest = hash('sha256', bytes);
  const other = uses.get(digest);
  if (other === undefined && uses.size < MOST) uses.set(digest, use);
  if (other === undefined || other === use) return;
  const text = `The same secret is in \`app.keys\` and in the \`keys\` of sealed(): if one of them leaks, both are lost. ${HOW}`;
  warnOnce(text, 'KOA_EVENTED_SESSION_SHARED_SECRET');
}

const RISKS: Readonly<Record<SecretUse, string>> = {
  '`app.keys`': 'sign session ids',
  'the `keys` of sealed()': 'open the records in a copy of the store',
};

function weaknessOf(bytes: Buffer): string | undefined {
  if (bytes.length < LEAST_BYTES)
    return `is short: it has ${bytes.length} bytes, and ${LEAST_BYTES} random ones are needed`;
  return new Set(bytes).size < LEAST_DIFFERENT || isForetold(bytes) ? 'is hardly random' : undefined;
}

/** Whether most bytes follow from those before: a text again and again, also cut off, or letters in their order. */
function isForetold(bytes: Buffer): boolean {
  for (let period = 1; period <= bytes.length / 2; period += 1) if (follows(bytes, period, 0)) return true;
  return follows(bytes, 1, 1) || follows(bytes, 1, -1);
}

/** Whether most bytes are `step` more than the byte `distance` places before. */
function follows(bytes: Buffer, distance: number, step: number): boolean {
  const later = bytes.subarray(distance);
  const foretold = later.filter((byte, at) => byte === (bytes[at] as number) + step);
  return foretold.length > MOST_FORETOLD * later.length;
}

function warnOnce(text: string, code: string, kind: string = code): void {
  if (given.has(kind)) return;
  given.add(kind);
  process.emitWarning(text, { code });
}
