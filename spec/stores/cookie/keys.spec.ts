import { randomBytes } from 'node:crypto';
import { tokenKeys } from '../../../lib/stores/cookie/keys';

const bytes = randomBytes(64);

describe('keys of a cookie store', () => {
  it.each([
    ['bytes', new Uint8Array(bytes)],
    ['a Buffer', bytes],
    ['base64', bytes.toString('base64')],
    ['base64 without padding', bytes.toString('base64').replace('==', '')],
    ['base64url', bytes.toString('base64url')],
    ['hexadecimal', bytes.toString('hex')],
    ['hexadecimal in capitals', bytes.toString('hex').toUpperCase()],
  ])('may be given as %s', (_form, key) => {
    const [read] = tokenKeys([key]);
    expect(Buffer.from(read as Uint8Array)).toEqual(bytes);
  });

  it('are copied: later changes to the bytes or the array have no effect', () => {
    const given = [Uint8Array.from(bytes)];
    const keys = tokenKeys(given);
    given[0]?.fill(0);
    given.length = 0;
    expect(Buffer.from(keys[0] as Uint8Array)).toEqual(bytes);
  });

  const how = "Make one with `node -p \"require('crypto').randomBytes(64).toString('base64url')\"`";
  const form = '64 random bytes, as base64, base64url, hexadecimal or a Uint8Array';

  it.each<[string, unknown, string]>([
    ['none', undefined, 'Expected `keys` to be an array of keys, got `undefined`'],
    ['one without an array', 'x'.repeat(86), 'Expected `keys` to be an array of keys, got a string of 86 characters'],
    ['an empty array', [], `Expected \`keys\` to have at least one key, got an empty array. ${how}`],
    ['a missing one', [undefined], `Expected \`keys[0]\` to be ${form}, got \`undefined\`. ${how}`],
    ['a hole', [bytes, undefined, bytes], `Expected \`keys[1]\` to be ${form}, got \`undefined\`. ${how}`],
    ['null', [bytes, null], `Expected \`keys[1]\` to be ${form}, got \`null\`. ${how}`],
    ['a password', ['open sesame'], `Expected \`keys[0]\` to be ${form}, got a string of 11 characters. ${how}`],
    ['too few bytes', [randomBytes(32)], `Expected \`keys[0]\` to be ${form}, got 32 bytes. ${how}`],
    [
      'too many',
      [randomBytes(65).toString('hex')],
      `Expected \`keys[0]\` to be ${form}, got a string of 130 characters. ${how}`,
    ],
    ['an object', [{}], `Expected \`keys[0]\` to be ${form}, got an object. ${how}`],
    ['a number', [64], `Expected \`keys[0]\` to be ${form}, got a number. ${how}`],
  ])('are invalid with %s', (_what, keys, message) => {
    expect(() => tokenKeys(keys)).toThrow(new TypeError(message));
  });
});
