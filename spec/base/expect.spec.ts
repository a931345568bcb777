import {
  expectBoolean,
  expected,
  expectFunction,
  expectMethods,
  expectMilliseconds,
  expectString,
  isGiven,
  LONGEST_TIMER,
} from '../../lib/base/expect';

describe('the error for an option of the wrong type', () => {
  it.each([
    [5, '`5` (number)'],
    [Number.NaN, '`NaN` (number)'],
    [-0.5, '`-0.5` (number)'],
    [10n, '`10` (bigint)'],
    ['soon', '`soon` (string)'],
    ['', '`` (string)'],
    [true, '`true` (boolean)'],
    [Symbol('s'), '`Symbol(s)` (symbol)'],
    [null, '`null`'],
    [undefined, '`undefined`'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [[1], 'an array'],
    [() => 1, 'a function'],
    [Promise.resolve(1), 'a promise'],
    ['redis://:hunter2@localhost', 'a url with credentials'],
    ['https://example.com/@me', '`https://example.com/@me` (string)'],
  ])('names the option, what was expected and what was given: %p', (got, shown) => {
    const error = expected('ttl', 'a number', got);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(`Expected \`ttl\` to be a number, got ${shown}`);
  });

  it('never shows the contents of an object, which may be secret', () => {
    const { message } = expected('store', 'a store', { password: 'hunter2', toString: () => 'hunter2' });
    expect(message).not.toContain('hunter2');
  });
});

describe('the checks', () => {
  it('treat null and undefined as "not given", and nothing else', () => {
    expect([null, undefined].some(isGiven)).toBe(false);
    expect([0, '', false, Number.NaN, {}].every(isGiven)).toBe(true);
  });

  it('accept valid values', () => {
    expect(() => {
      expectString('s', '');
      expectBoolean('b', false);
      expectFunction('f', async () => undefined);
      expectMilliseconds('ms', 0, 0);
      expectMilliseconds('ms', LONGEST_TIMER, 1);
      expectMethods('o', new Map(), ['get', 'set']);
    }).not.toThrow();
  });

  it.each<[string, () => void, string]>([
    ['a string', () => expectString('s', 1), 'Expected `s` to be a string, got `1` (number)'],
    ['a boolean', () => expectBoolean('b', 'true'), 'Expected `b` to be `true` or `false`, got `true` (string)'],
    ['a function', () => expectFunction('f', {}), 'Expected `f` to be a function, got an object'],
    [
      'milliseconds of the least allowed',
      () => expectMilliseconds('ms', 0, 1),
      'Expected `ms` to be a number of milliseconds from 1 to 2147483647, got `0` (number)',
    ],
    [
      'milliseconds that a timer can count',
      () => expectMilliseconds('ms', 2 ** 31, 0),
      'Expected `ms` to be a number of milliseconds from 0 to 2147483647, got `2147483648` (number)',
    ],
    [
      'an object with methods',
      () => expectMethods('o', null, ['get', 'set']),
      'Expected `o` to be an object with `get`, `set`, got `null`',
    ],
    [
      'every method',
      () => expectMethods('o', { get() {}, set: 'no' }, ['get', 'set', 'destroy']),
      'Expected `o` to have the methods `get`, `set`, `destroy`, but `set`, `destroy` are missing',
    ],
  ])('demand %s', (_what, check, message) => {
    expect(check).toThrow(new TypeError(message));
  });

  it('hint at a factory that was not called', () => {
    const redisStore = () => new Map();
    expect(() => expectMethods('store', redisStore, ['get'])).toThrow(/a function was given: call it/);
  });
});
