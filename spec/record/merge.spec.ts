import fc from 'fast-check';
import { MemoryStore, type OnConflict } from '../../lib/main';
import { applyChange, type Change } from '../../lib/record/merge';
import { siteWith } from '../helpers/sites/open-sites';
import { sessionOf } from '../helpers/sites/session-site';
import { meeting } from '../helpers/time/gate';

type Data = Record<string, unknown>;

interface Sides {
  base: unknown;
  mine: unknown;
  theirs: unknown;
  /** Before `beforeSave`; default: `mine`. */
  handled?: unknown;
  replaced?: boolean;
  /** Default: whether `mine` has another cookie than `base`. */
  cookieChanged?: boolean;
  onConflict?: OnConflict;
}

/** JSON text of data, or a text as it is, for keys that literals cannot have. */
const text = (data: unknown) => (typeof data === 'string' ? data : JSON.stringify(data));

/** The cookie's text in one of the sides. */
const cookieOf = (data: unknown) => JSON.stringify((JSON.parse(text(data)) as Data)['cookie']);

function merge({ base, mine, theirs, handled = mine, onConflict = 'last-write', ...rest }: Sides): Data {
  const { replaced = false, cookieChanged = cookieOf(base) !== cookieOf(mine) } = rest;
  const change: Change = { base: text(base), mine: text(mine), handled: text(handled), replaced, cookieChanged };
  return JSON.parse(applyChange(change, text(theirs), onConflict));
}

describe('a change of a session that no other request changed', () => {
  it('is stored unchanged', () => {
    const mine = '{"a":2, "b":3}';
    const change: Change = { base: '{"a":1}', mine, handled: mine, replaced: false, cookieChanged: false };
    expect(applyChange(change, '{"a":1}', 'throw')).toBe('{"a":2, "b":3}');
  });
});

describe('changes of two requests to different keys are both kept', () => {
  it.each<[string, Sides, Data]>([
    ['set and set', { base: {}, mine: { a: 1 }, theirs: { b: 2 } }, { a: 1, b: 2 }],
    ['changed and changed', { base: { a: 0, b: 0 }, mine: { a: 1, b: 0 }, theirs: { a: 0, b: 2 } }, { a: 1, b: 2 }],
    ['removed and set', { base: { a: 1 }, mine: {}, theirs: { a: 1, b: 2 } }, { b: 2 }],
    ['set and removed', { base: { a: 1 }, mine: { a: 1, b: 2 }, theirs: {} }, { b: 2 }],
    ['removed and removed', { base: { a: 1, b: 2, c: 3 }, mine: { b: 2, c: 3 }, theirs: { a: 1, c: 3 } }, { c: 3 }],
    ['null is a value', { base: { a: 1 }, mine: { a: null }, theirs: { a: 1, b: null } }, { a: null, b: null }],
    [
      'only the top level counts',
      { base: { a: { x: 1 } }, mine: { a: { x: 1, y: 2 } }, theirs: { a: { x: 1 }, b: 1 } },
      { a: { x: 1, y: 2 }, b: 1 },
    ],
  ])('%s', (_what, sides, expected) => {
    for (const onConflict of ['last-write', 'throw', () => 'asked'] as const)
      expect(merge({ ...sides, onConflict })).toEqual(expected);
  });

  it('whatever they are, in either order', () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '0', 'length'),
    );
    // What each of the two does with its own keys: sets them, removes them or leaves them.
    const act = fc.record({
      owner: fc.constantFrom('one', 'two'),
      before: fc.option(fc.jsonValue(), { nil: undefined }),
      after: fc.option(fc.jsonValue(), { nil: undefined }),
    });
    const acts = fc.uniqueArray(fc.tuple(key, act), { selector: ([name]) => name, maxLength: 12 });
    const property = fc.property(acts, (list) => {
      const dataWith = (...changed: string[]) =>
        JSON.stringify(
          Object.fromEntries(
            list.map(([name, { owner, before, after }]) => [name, changed.includes(owner) ? after : before]),
          ),
        );
      const base = dataWith();
      const expected = JSON.parse(dataWith('one', 'two'));
      const [one, two] = [dataWith('one'), dataWith('two')];
      expect(merge({ base, mine: one, theirs: two, onConflict: 'throw' })).toEqual(expected);
      expect(merge({ base, mine: two, theirs: one, onConflict: 'throw' })).toEqual(expected);
    });
    fc.assert(property, { seed, numRuns: 1000 }); // prints the seed where it fails
  });
});

describe('keys that every object inherits', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    'are keys like any other: %s',
    (name) => {
      const side = (value?: unknown, other?: object) =>
        JSON.stringify(
          Object.fromEntries([...(value === undefined ? [] : [[name, value]]), ...Object.entries(other ?? {})]),
        );
      const merged = (base: string, mine: string, theirs: string, onConflict: OnConflict = 'throw') =>
        JSON.stringify(merge({ base, mine, theirs, onConflict }));
      expect(merged(side(), side({ x: 1 }), side(undefined, { b: 2 }))).toBe(`{"b":2,"${name}":{"x":1}}`);
      expect(merged(side({ x: 1 }), side(), side({ x: 1 }, { b: 2 }))).toBe('{"b":2}');
      expect(merged(side({ x: 1 }), side({ x: 1 }, { a: 1 }), side({ x: 2 }))).toBe(`{"${name}":{"x":2},"a":1}`);
      expect(() => merged(side(1), side(2), side(3))).toThrow(/`.*` at the same time/);
      expect(merged(side(), side(2), side(3), (_key, base, mine, theirs) => [base ?? null, mine, theirs])).toBe(
        `{"${name}":[null,2,3]}`,
      );
      expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('x');
    },
  );

  it('survive requests over HTTP that change a session in parallel', async () => {
    const both = meeting(2);
    const site = await siteWith(
      { store: new MemoryStore() },
      {
        '/hostile': async (ctx) => {
          ctx.session = JSON.parse('{"__proto__":{"admin":true},"constructor":1,"toString":2}');
        },
        '/meet': async (ctx) => {
          (await sessionOf(ctx))[ctx.get('x-key')] = 1;
          await both();
        },
        '/admin': async (ctx) => [Object.hasOwn(await sessionOf(ctx), '__proto__'), ({} as Data)['admin']],
      },
    );
    const visitor = site.visitor();
    await visitor.get('/hostile');
    await Promise.all(['b', 'valueOf'].map((key) => visitor.get('/meet', { 'x-key': key })));
    expect((await visitor.get('/see')).text).toBe(
      '{"__proto__":{"admin":true},"constructor":1,"toString":2,"b":1,"valueOf":1}',
    );
    expect((await visitor.get('/admin')).json()).toEqual([true, null]);
    expect(site.errors).toEqual([]);
  });
});

describe('the same key changed twice', () => {
  const sides = { base: { a: 0 }, mine: { a: 1 }, theirs: { a: 2 } };
  const removed = { base: { a: 0 }, mine: {}, theirs: { a: 2 } };
  const theyRemoved = { base: { a: 0 }, mine: { a: 1 }, theirs: {} };

  it("has the later value with 'last-write', also after a removal", () => {
    expect(merge(sides)).toEqual({ a: 1 });
    expect(merge(removed)).toEqual({});
    expect(merge(theyRemoved)).toEqual({ a: 1 });
  });

  it.each([
    ['changed and changed', sides],
    ['removed and changed', removed],
    ['changed and removed', theyRemoved],
    ['set and set', { base: {}, mine: { a: 1 }, theirs: { a: 2 } }],
    ['deep inside', { base: { a: { x: 1 } }, mine: { a: { x: 2 } }, theirs: { a: { x: 1, y: 1 } } }],
  ])("is ERR_SESSION_CONFLICT with 'throw', which names the key: %s", (_what, conflict) => {
    expect(() => merge({ ...conflict, onConflict: 'throw' })).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_CONFLICT', message: expect.stringContaining('`a`') }),
    );
  });

  it('has the value that a function returns for the three values; `undefined` stands for a missing key', () => {
    const seen: unknown[][] = [];
    const sum: OnConflict = (...values) => {
      seen.push(values);
      return Number(values[2] ?? 0) - Number(values[1] ?? 0) + Number(values[3] ?? 0);
    };
    expect(merge({ base: { n: 5 }, mine: { n: 6 }, theirs: { n: 8 }, onConflict: sum })).toEqual({ n: 9 });
    expect(merge({ ...removed, onConflict: () => undefined })).toEqual({});
    expect(merge({ base: { n: 5 }, mine: {}, theirs: { n: 8 }, onConflict: sum })).toEqual({ n: 3 });
    expect(seen).toEqual([
      ['n', 5, 6, 8],
      ['n', 5, undefined, 8],
    ]);
  });

  it('conflicts even with equal values: of two requests that counted, or took a token, one would be lost', () => {
    for (const same of [
      { base: { a: 0 }, mine: { a: 1 }, theirs: { a: 1 } },
      { base: { a: 0 }, mine: {}, theirs: {} },
    ]) {
      expect(() => merge({ ...same, onConflict: 'throw' })).toThrow('changed the session');
    }
  });

  it('never conflicts for the cookie: the later one wins', () => {
    const conflict = {
      base: { cookie: { maxAge: 1 } },
      mine: { cookie: { maxAge: 2 } },
      theirs: { cookie: { maxAge: 3 } },
    };
    expect(merge({ ...conflict, onConflict: 'throw' })).toEqual({ cookie: { maxAge: 2 } });
  });

  it('loses nothing that either has noted about the session in the cookie, such as its beginning', () => {
    const notes = { began: 5, index: 'of-ann', until: 9 };
    const base = { cookie: { maxAge: 1 } };
    const [noted, longer] = [{ cookie: { maxAge: 1, ...notes } }, { cookie: { maxAge: 2 } }];
    const expected = { cookie: { maxAge: 2, ...notes } };
    expect(merge({ base, mine: longer, theirs: noted })).toEqual(expected);
    expect(merge({ base, mine: noted, theirs: longer, cookieChanged: false })).toEqual(expected);
  });

  it.each<[string, Sides, Data]>([
    [
      "theirs, where no handler of this request set anything: today's options differ from the record",
      { base: { cookie: { maxAge: 1 } }, mine: { cookie: { maxAge: 2 } }, theirs: { cookie: { maxAge: 3 } } },
      { cookie: { maxAge: 3 } },
    ],
    [
      "theirs, with the stamp that tells this request's text from others",
      {
        base: { cookie: { maxAge: 1, stamps: ['old'] } },
        mine: { cookie: { maxAge: 1, stamps: ['mine'] } },
        theirs: { cookie: { maxAge: 3, stamps: ['theirs'] } },
      },
      { cookie: { maxAge: 3, stamps: ['theirs', 'mine'] } },
    ],
    [
      'theirs, even if this request replaced the whole session',
      {
        base: { cookie: { maxAge: 1 } },
        mine: { cookie: {} },
        theirs: { a: 1, cookie: { maxAge: 3 } },
        replaced: true,
      },
      { cookie: { maxAge: 3 } },
    ],
    [
      'theirs, if this request has none',
      { base: { a: 1, cookie: { maxAge: 1 } }, mine: { a: 2 }, theirs: { a: 1, cookie: { maxAge: 3 } } },
      { a: 2, cookie: { maxAge: 3 } },
    ],
    [
      "this request's, where the record has none",
      { base: { a: 1 }, mine: { a: 2, cookie: { maxAge: 2 } }, theirs: { a: 1, b: 1 } },
      { a: 2, b: 1, cookie: { maxAge: 2 } },
    ],
  ])('the cookie is %s', (_whose, sides, expected) => {
    for (const onConflict of ['last-write', 'throw', () => 'asked'] as const)
      expect(merge({ ...sides, cookieChanged: false, onConflict })).toEqual(expected);
  });

  it.each<[string, string[], string[]]>([
    ['of others', ['old'], ['old', 'theirs']],
    ['of others and its own', ['old', 'mine'], ['old', 'theirs', 'mine']],
  ])('the cookie is that of this request, if it has changed it, with the stamps %s', (_whose, mine, stamps) => {
    const sides = {
      base: { cookie: { maxAge: 1, stamps: ['old'] } },
      mine: { cookie: { maxAge: 2, stamps: mine } },
      theirs: { a: 1, cookie: { maxAge: 1, stamps: ['old', 'theirs'] } },
      cookieChanged: true,
    };
    for (const onConflict of ['last-write', 'throw', () => 'asked'] as const)
      expect(merge({ ...sides, onConflict })).toEqual({ a: 1, cookie: { maxAge: 2, stamps } });
  });

  it.each<[string, () => unknown]>([
    ['an async function', async () => 5],
    // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
    ['a function that returns what other promise libraries make', () => ({ then: () => undefined })],
  ])('cannot be settled by %s, which nothing would wait for', (_what, onConflict) => {
    expect(() => merge({ ...sides, onConflict })).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_VALUE', message: expect.stringContaining('onConflict') }),
    );
  });

  it('never conflicts for keys that only beforeSave set', () => {
    const stamped = { base: { at: 1 }, handled: { at: 1, a: 1 }, mine: { at: 2, a: 1 }, theirs: { at: 3 } };
    expect(merge({ ...stamped, onConflict: 'throw' })).toEqual({ at: 2, a: 1 });
    const both = { ...stamped, handled: { at: 5, a: 1 } };
    expect(() => merge({ ...both, onConflict: 'throw' })).toThrow(/`at`/);
  });
});

describe('a session that a request replaced as a whole', () => {
  const replaced = true;

  it('loses the stored keys that the new object lacks, including those that others have set', () => {
    expect(merge({ base: { a: 1 }, mine: { b: 2 }, theirs: { a: 1, c: 3 }, replaced })).toEqual({ b: 2 });
  });

  it('keeps what others did to the keys that it left unchanged', () => {
    expect(merge({ base: { a: 1, b: 1 }, mine: { a: 1, b: 2 }, theirs: { a: 5, b: 1, c: 3 }, replaced })).toEqual({
      a: 5,
      b: 2,
    });
    expect(merge({ base: { a: 1 }, mine: { a: 1 }, theirs: { c: 3 }, replaced })).toEqual({});
  });

  it('conflicts like any other', () => {
    const conflict: Sides = { base: { a: 1 }, mine: { a: 2 }, theirs: { a: 3 }, replaced };
    expect(merge(conflict)).toEqual({ a: 2 });
    expect(() => merge({ ...conflict, onConflict: 'throw' })).toThrow(/`a`/);
    expect(() => merge({ ...conflict, mine: {}, onConflict: 'throw' })).toThrow(/`a`/);
  });
});

it.each(['5', '[]', 'null', '{', '"x"'])('a record that is not a session counts as one without keys: %s', (theirs) => {
  expect(merge({ base: '{"a":1}', mine: '{"a":1,"b":2}', theirs })).toEqual({ b: 2 });
});
