/** Values that JSON changes, omits, or keeps only with care, by description. */
export const VALUES: Readonly<Record<string, () => unknown>> = {
  'an array with holes': () => {
    const list: unknown[] = [];
    list[2] = 'c';
    return list;
  },
  'an array of values that JSON lacks': () => [undefined, () => 1, Symbol('a'), 'd'],
  'an array with a named property': () => Object.assign(['a'], { b: 'c' }),
  'an object of values that JSON lacks': () => ({ a: undefined, b: () => 1, c: Symbol('a'), d: 4 }),
  undefined: () => undefined,
  'a function': () => () => 1,
  'numbers that JSON lacks': () => [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  'minus zero': () => -0,
  'numbers at the edge': () => [2 ** 53, 5e-324, 1e21, -1e-7],
  'boxed values': () => [Object('a'), Object(1), Object(false)],
  'a Date': () => new Date(0),
  'an invalid Date': () => new Date(Number.NaN),
  'a Buffer': () => Buffer.from('ann'),
  'a Uint8Array': () => Uint8Array.of(1, 2),
  'a Map and a Set': () => [new Map([[1, 2]]), new Set([1])],
  'a toJSON within a toJSON': () => ({ toJSON: (key: string) => ({ key, at: { toJSON: () => [new Date(0)] } }) }),
  'a toJSON that returns nothing': () => ({ a: { toJSON: () => undefined }, b: [{ toJSON: () => undefined }] }),
  'data under the name toJSON': () => ({ toJSON: 'a', list: [{ toJSON: { toJSON: 1 } }] }),
  'the name __proto__': () => JSON.parse('{"__proto__":{"admin":true},"list":[{"__proto__":null}]}'),
  'names that objects inherit': () => ({ constructor: 1, toString: 'a', hasOwnProperty: null, length: 4 }),
  'an object without prototype': () => Object.assign(Object.create(null) as object, { a: 1 }),
  'an instance': () => new Account(),
  'halves of emoji': () => ['\ud83c', 'a\udf88b', '\udf88\ud83c', { '\ud83c': 1 }],
  'text that looks like something else': () => [':a', '::a', ':base64:YW5u', 'null', '{"a":1}', 'undefined', '$ref'],
  'control characters': () => '\u0000\u0001\u001f\u007f',
};

class Account {
  readonly name = 'ann';
  readonly #secret = 'hidden';

  get initial(): string {
    return this.name.charAt(0) + this.#secret.length;
  }
}
