import { randomInt } from 'node:crypto';
import { textOf } from '../../../lib/stores/redis/utf8';
import { randomFrom } from '../../helpers/http/cookie-noise';

/** Texts around the lengths that are decoded as one and at a time, with letters of one to four bytes at and across their ends. */
const texts = ['', 'a', 'ë', '商', '😀'].flatMap((letter) =>
  [0, 1, 766, 768, 1020, 1021, 1022, 1023, 1024, 1025, 1536, 2047, 2048, 5000].map(
    (length) => `${'x'.repeat(length)}${letter}${'y'.repeat(length)}`,
  ),
);

describe('Text of UTF-8 bytes', () => {
  it('is what was encoded, whatever the position of its letters', () => {
    for (const text of texts) expect(textOf(Buffer.from(text))).toBe(text);
    for (const letter of ['ë', '商', '😀']) expect(textOf(Buffer.from(letter.repeat(5000)))).toBe(letter.repeat(5000));
  });

  it('is the same as Node decodes from bytes that are not UTF-8', () => {
    const bytes = Buffer.alloc(6000, 0x80);
    expect(textOf(bytes)).toBe(bytes.toString());
    const seed = randomInt(2 ** 32);
    const random = randomFrom(seed);
    for (let round = 0; round < 200; round += 1) {
      // First and continuation bytes as often as ASCII, so that there are broken letters everywhere.
      const kinds = [0x41, 0x80, 0xbf, 0xc3, 0xe5, 0xf0, 0xff];
      const some = Buffer.from(
        Array.from({ length: 3000 }, () => kinds[Math.floor(random() * kinds.length)] as number),
      );
      if (textOf(some) !== some.toString()) throw new Error(`differs with seed ${seed} in round ${round}`);
      // The same between blocks of ASCII.
      const few = Buffer.alloc(4000, 'x');
      some.copy(few, 2048 - Math.floor(random() * 5), 0, 4);
      if (textOf(few) !== few.toString()) throw new Error(`differs with seed ${seed} in round ${round}`);
    }
  });
});
