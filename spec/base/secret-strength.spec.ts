import Keygrip from 'keygrip';
import { fresh, heardWarnings } from '../helpers/programs/process-warnings';
import { KEY, OLD } from '../helpers/stores/sealing';

/** The two that look at secrets, as a process has them that has warned of nothing yet. */
function freshly() {
  const { Signatures, sealed, Store } = fresh(() => ({
    ...(require('../../lib/cookies/signatures') as typeof import('../../lib/cookies/signatures')),
    ...(require('../../lib/sealed') as typeof import('../../lib/sealed')),
    Store: (require('../../lib/main') as typeof import('../../lib/main')).MemoryStore,
  }));
  const signer = new Signatures();
  return {
    sign: (keys: unknown) => signer.signer(keys),
    seal: (keys: readonly (string | Uint8Array)[]) => sealed(new Store(), { keys }),
  };
}

const warnings = heardWarnings();
const codes = () => warnings.map(([code]) => code.replace('KOA_EVENTED_SESSION_', ''));

describe('A secret', () => {
  it.each<[string, string | Uint8Array]>([
    ['a word', 'keyboard cat'],
    ['31 bytes', KEY.slice(0, 31)],
    ['31 bytes, as bytes', Buffer.from(KEY).subarray(0, 31)],
    ['one character again and again', 'a'.repeat(64)],
    ['a word again and again', 'password'.repeat(8)],
    ['32 zeros, as bytes', new Uint8Array(32)],
    ['digits again and again, cut off', '0123456789'.repeat(4).slice(0, 34)],
    ['letters in their order', 'abcdefghijklmnopqrstuvwxyz0123456789'],
    ['letters in reverse order', 'zyxwvutsrqponmlkjihgfedcba9876543210'],
    ['three digits', '0120210120210012102012021021021021'],
  ])('of %s causes one warning for each use', (_what, secret) => {
    const { sign, seal } = freshly();
    seal([secret]);
    seal([secret]);
    expect(codes()).toEqual(['WEAK_SECRET']);
    expect(warnings[0]?.[1]).toMatch(/^A secret in the `keys` of sealed\(\) is .*`openssl rand -base64 32`\.$/);
    sign([secret]);
    sign([secret, OLD]);
    expect(codes()).toEqual(['WEAK_SECRET', 'WEAK_SECRET', 'SHARED_SECRET']);
    expect(warnings[1]?.[1]).toMatch(
      /^A secret in `app\.keys` is .*: somebody who guesses it can sign session ids\. Make/,
    );
    for (const [, text] of warnings) expect(text).not.toContain(String(secret));
  });

  it.each<[string, string | Uint8Array]>([
    ['of `openssl rand -base64 32`', KEY],
    ['of `openssl rand -hex 32`', Buffer.from(KEY, 'base64').toString('hex')],
    ['of 16 random bytes in hexadecimal', '9f86d081884c7d659a2feaa0c55ad015'],
    ['of 32 random bytes', Buffer.from(KEY, 'base64')],
    ['of a long passphrase', 'correct horse battery staple, and a donkey'],
  ])('%s causes none', (_what, secret) => {
    const { sign, seal } = freshly();
    sign([secret]);
    seal([OLD]);
    expect(warnings).toEqual([]);
  });

  it('of two uses causes a warning, whichever comes first, and wherever it stands', () => {
    for (const sealsFirst of [true, false]) {
      const { sign, seal } = freshly();
      const uses = [() => seal([OLD, KEY]), () => sign([KEY])];
      for (const use of sealsFirst ? uses : uses.reverse()) use();
      expect(codes()).toEqual(['SHARED_SECRET']);
      expect(warnings[0]?.[1]).toContain('The same secret is in `app.keys` and in the `keys` of sealed()');
      warnings.length = 0;
    }
  });

  it('is looked at once, as long as the keys stay the same', () => {
    const { sign } = freshly();
    const keys = [KEY];
    const bytes = [Buffer.from(KEY)];
    const looked = jest.spyOn(Object.getPrototypeOf(Uint8Array.prototype), 'filter');
    const both = () => {
      sign(keys);
      sign(bytes);
      return looked.mock.calls.length;
    };
    const once = both();
    expect(once).toBeGreaterThan(2);
    for (let n = 0; n < 5; n += 1) expect(both()).toBe(once);
  });

  it('in a Keygrip cannot be read', () => {
    const { sign } = freshly();
    sign(new Keygrip(['short']));
    expect(warnings).toEqual([]);
  });
});
