import fc from 'fast-check';
import { membersOf, parsedMembers, recordOf } from '../../lib/record/members';

const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
/** Prints the seed on failure. */
const RUNS = { seed, numRuns: 1000 };

const SPACES = [' ', '\n', '\t', '\r', '  \n'];
/** What is awkward within a string: quotes, escapes, surrogates alone and in pairs, what looks like the end of something. */
const PIECES = [
  '"',
  '\\',
  '\\"',
  '}',
  ']',
  ',',
  ':',
  '{',
  'a',
  'é',
  '\u2028',
  '\u0000',
  '😀',
  '\ud83d',
  '\ude00',
  '/',
  ' ',
];
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((pieces) => pieces.join(''));
/** A few keys, so that they come twice; JSON.parse puts numbers first. */
const key = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'cookie', 'a', 'a"b', '', '1', '0'), text);
const number = fc.constantFrom('0', '-0', '1.0', '1e3', '-1.5E-7', '12345678901234567890', '1e400');

/** The same string, with some of its characters escaped that need not be. */
const literal = fc.tuple(fc.oneof(text, key), fc.boolean()).map(([value, escapes]) => {
  const json = JSON.stringify(value);
  return escapes
    ? json.replace(/[a/é}:,]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
});
const space = fc.oneof({ weight: 4, arbitrary: fc.constant('') }, fc.constantFrom(...SPACES));

/** JSON texts of objects and of all else, as any package may write them. */
const { object, value } = fc.letrec<{ object: string; value: string; list: string }>((tie) => ({
  object: fc
    .array(fc.tuple(literal, space, tie('value'), space), { maxLength: 5 })
    .map(
      (members) => `{${members.map(([name, before, value, after]) => `${name}:${before}${value}${after}`).join(',')}}`,
    ),
  list: fc
    .array(fc.tuple(space, tie('value')), { maxLength: 3 })
    .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
  value: fc.oneof(
    { maxDepth: 3 },
    number,
    literal,
    fc.constantFrom('true', 'false', 'null'),
    tie('list'),
    tie('object'),
  ),
}));

/** What JSON.parse finds, under each key. */
function parsed(record: string): Map<string, unknown> {
  return new Map(Object.entries(JSON.parse(record) as object));
}

function sorted<V>(map: Map<string, V>): [string, V][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}

function valuesOf(members: Map<string, string>): [string, unknown][] {
  return sorted(new Map([...members].map(([name, json]) => [name, JSON.parse(json)])));
}

describe(`Members of a record, seed ${seed}`, () => {
  it('are those that JSON.parse finds, whatever the layout of the text', () => {
    const property = fc.property(object, (record) => {
      const members = membersOf(record);
      expect(valuesOf(members)).toEqual(sorted(parsed(record)));
      expect(sorted(parsed(recordOf(members)))).toEqual(sorted(parsed(record)));
    });
    fc.assert(property, RUNS);
  });

  it('are the same if some are already known, in the text or not', () => {
    const property = fc.property(object, object, fc.boolean(), (record, other, isNear) => {
      const known = isNear ? parsedMembers(record) : membersOf(other);
      expect(valuesOf(membersOf(record, known))).toEqual(sorted(parsed(record)));
    });
    fc.assert(property, RUNS);
  });

  it('are empty for a text that ends too soon, and for anything but an object', () => {
    const property = fc.property(object, value, fc.nat(), (record, other, cut) => {
      const short = record.slice(0, cut % record.length);
      expect(membersOf(short)).toEqual(new Map());
      expect(membersOf(short, membersOf(record))).toEqual(new Map());
      if (!other.startsWith('{')) expect(membersOf(other)).toEqual(new Map());
    });
    fc.assert(property, RUNS);
  });

  it('never throw for a damaged text, and are right if it is still an object', () => {
    const piece = fc.constantFrom('"', '\\', '{', '}', ',', ':', '[', ']', 'x', ' ', '');
    const property = fc.property(object, fc.nat(), piece, (record, at, by) => {
      const place = at % record.length;
      const spoilt = record.slice(0, place) + by + record.slice(place + 1);
      const members = membersOf(spoilt);
      if (isObject(spoilt)) expect(valuesOf(members)).toEqual(sorted(parsed(spoilt)));
    });
    fc.assert(property, RUNS);
  });
});

function isObject(record: string): boolean {
  try {
    const found: unknown = JSON.parse(record);
    return typeof found === 'object' && found !== null && !Array.isArray(found);
  } catch {
    return false;
  }
}
