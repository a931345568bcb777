import { hash } from 'node:crypto';
import fc from 'fast-check';
import { SessionCookie } from '../../lib/cookies/session-cookie';
import { SessionError } from '../../lib/main';
import { isSuccessor, type Marker, readMarker, regeneratedMarker, successorOf } from '../../lib/record/marker';
import { isEmpty, isSessionData, parseRecord, type SessionData, serialize, toPlain } from '../../lib/record/record';

const cookie = new SessionCookie({ path: '/', maxAge: 5000 });
const cookieText = JSON.stringify(cookie);

/** Own keys and all, `__proto__` among them. */
const parsed = (text: string) => JSON.parse(text) as SessionData;

describe('the record of a session', () => {
  it('is its JSON with the cookie inside', () => {
    expect(serialize({ a: 1, list: [1, 'x'] }, cookie)).toBe(`{"a":1,"list":[1,"x"],"cookie":${cookieText}}`);
  });

  it('keeps the order of keys of a session that already contains the cookie', () => {
    expect(serialize({ a: 1, cookie, b: 2 }, cookie)).toBe(`{"a":1,"cookie":${cookieText},"b":2}`);
    expect(serialize({ a: 1, cookie: 'another', b: 2 }, cookie)).toBe(`{"a":1,"cookie":${cookieText},"b":2}`);
  });

  it('contains a cookie that is not enumerable', () => {
    const session = Object.defineProperty({ a: 1 }, 'cookie', { value: cookie });
    expect(serialize(session, cookie)).toBe(`{"a":1,"cookie":${cookieText}}`);
  });

  it("is the result of the session's toJSON, with the cookie", () => {
    expect(serialize({ a: 1, toJSON: () => ({ b: 2 }) }, cookie)).toBe(`{"b":2,"cookie":${cookieText}}`);
    expect(serialize({ cookie, toJSON: () => ({ b: 2 }) }, cookie)).toBe(`{"b":2,"cookie":${cookieText}}`);
    class Cart {
      items = ['x'];
      toJSON() {
        return { items: this.items };
      }
    }
    expect(serialize(new Cart() as unknown as SessionData, cookie)).toBe(`{"items":["x"],"cookie":${cookieText}}`);
  });

  it('keeps keys that every object inherits', () => {
    const text = serialize(parsed('{"__proto__":{"a":1},"constructor":2,"toString":3}'), cookie);
    expect(text).toBe(`{"__proto__":{"a":1},"constructor":2,"toString":3,"cookie":${cookieText}}`);
    const plain = toPlain(parsed('{"__proto__":{"a":1},"constructor":2}'), cookie);
    expect(JSON.stringify(plain)).toBe(`{"__proto__":{"a":1},"constructor":2,"cookie":${cookieText}}`);
    expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
  });

  const cycle = () => {
    const loop: SessionData = {};
    loop['self'] = loop;
    return loop;
  };

  it.each<[string, () => SessionData, RegExp]>([
    ['a cycle', cycle, /circular/i],
    ['a BigInt', () => ({ big: 1n }), /BigInt/],
    [
      'a toJSON that throws',
      () => ({
        toJSON() {
          throw new Error('not me');
        },
      }),
      /not me/,
    ],
    ['a toJSON that returns a number', () => ({ toJSON: () => 5 }), /to return an object, got number/],
    ['a toJSON that gives a list', () => ({ toJSON: () => [] }), /to return an object/],
    ['a toJSON that returns nothing', () => ({ toJSON: () => undefined }), /to return an object, got undefined/],
    [
      'a getter that throws',
      () => ({
        get a(): never {
          throw new Error('not now');
        },
      }),
      /not now/,
    ],
  ])('causes an ERR_SESSION_SERIALIZE for %s', (_what, make, message) => {
    const session = make();
    expect(() => serialize(session, cookie)).toThrow(SessionError);
    expect(() => serialize(session, cookie)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_SERIALIZE', cause: expect.any(Error) }),
    );
    expect(() => serialize(session, cookie)).toThrow(message);
  });

  it('returns the same data, for any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        const { cookie: _, ...rest } = parseRecord(serialize(data, cookie)) as SessionData;
        const { cookie: __, ...expected } = parsed(JSON.stringify(data));
        expect(rest).toEqual(expected);
      }),
    );
  });
});

describe('reading a record', () => {
  it.each(['5', '"x"', '[]', '[{"a":1}]', 'null', 'true', '', ' ', '{', '{"a":1', 'undefined', '{"a":1}}', '\0'])(
    'finds no session in %j',
    (text) => {
      expect(parseRecord(text)).toBeUndefined();
    },
  );

  it.each(['{}', '{"a":1}', '{"cookie":5}', '{"__proto__":1}', ' {"a":[1]} '])('finds a session in %j', (text) => {
    expect(parseRecord(text)).toEqual(JSON.parse(text));
  });

  it('accepts only objects as sessions', () => {
    expect([{}, Object.create(null), new Map(), new Date()].every(isSessionData)).toBe(true);
    expect([null, undefined, 5, 'x', true, [], () => 1, Symbol('s')].some(isSessionData)).toBe(false);
  });
});

describe('a session without data', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
  const nothing = () => fc.constantFrom(undefined, Symbol('s'), () => 1, class {}, Symbol.iterator);
  const written = (value: fc.Arbitrary<unknown>) => value.map((json) => ({ data: 1, toJSON: () => json }));
  const calling = (value: fc.Arbitrary<unknown>) => value.map((json) => Object.assign(() => 1, { toJSON: () => json }));
  const value = fc.oneof(
    { weight: 3, arbitrary: nothing() },
    written(nothing()),
    calling(nothing()),
    fc.jsonValue(),
    calling(fc.jsonValue()),
    fc.constantFrom(new Date(0), new Date(Number.NaN), new Map(), /r/, Number.NaN, Object('s')),
  );
  const keys = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'length', 'cookie', 'constructor'));
  const data = fc.dictionary(keys, value, { maxKeys: 4 }).map((it) => ({ ...it, cookie }));

  it('is one of which JSON keeps only the cookie', () => {
    const empty = new Set<boolean>();
    const property = fc.property(fc.oneof(data, written(data)), (session) => {
      const text = serialize(session as SessionData, cookie);
      empty.add(isEmpty(session as SessionData));
      expect(isEmpty(session as SessionData)).toBe(text === `{"cookie":${cookieText}}`);
    });
    fc.assert(property, { seed, numRuns: 1000 });
    expect(empty.size).toBe(2);
  });

  it('is not one that JSON cannot hold: that is an error', () => {
    const broken = () => {
      throw new Error('broken');
    };
    const sessions = [{ a: 1n }, { a: { toJSON: broken } }, { toJSON: broken }, { toJSON: () => 5 }];
    for (const session of sessions) {
      expect(isEmpty(session)).toBe(false);
      expect(() => serialize(session, cookie)).toThrow(SessionError);
    }
  });
});

describe('the marker of a regenerated session', () => {
  it('is read as null, and names the successor and whether that has the data', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.boolean(), (successor, keepsData) => {
        const marker = regeneratedMarker({ successor, keepsData });
        expect(JSON.parse(marker)).toBeNull();
        expect(readMarker(marker)).toMatchObject({ successor, id: successor, keepsData });
      }),
    );
  });

  it('names the successor by the hash of its id if ids are hashed, and tells the id only to who has the one before', () => {
    const id = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(id, id, fc.option(fc.nat(), { nil: undefined }), (successor, before, renewedAt) => {
        const record = regeneratedMarker({ successor, keepsData: true, renewedAt, hashed: { before } });
        expect(JSON.parse(record)).toBeNull();
        const marker = readMarker(record) as Marker;
        expect(marker).toMatchObject({ successor: hash('sha256', successor, 'base64url'), keepsData: true });
        expect(marker.renewedAt).toBe(renewedAt);
        expect(marker.id).toBeUndefined();
        expect(isSuccessor(successor, marker)).toBe(true);
        expect(isSuccessor(before, marker)).toBe(before === successor);
        expect(successorOf(marker, before)).toBe(successor);
        expect(successorOf(marker, `${before}x`)).toBeUndefined();
      }),
    );
  });

  it('tells nobody the id of a session that began with a login, under hashed ids', () => {
    const marker = readMarker(
      regeneratedMarker({ successor: 'new', keepsData: false, hashed: { before: undefined } }),
    ) as Marker;
    expect(marker).toMatchObject({ successor: hash('sha256', 'new', 'base64url'), keepsData: false });
    expect(marker.id).toBeUndefined();
    expect(successorOf(marker, 'old')).toBeUndefined();
  });

  it('tells nobody the id if it was cut', () => {
    const record = regeneratedMarker({ successor: 'new', keepsData: true, hashed: { before: 'old' } });
    for (let length = 'null'.length; length < record.length; length += 4) {
      const marker = readMarker(record.slice(0, length));
      expect(marker && successorOf(marker, 'old')).toBeUndefined();
    }
  });

  it('is never the same twice', () => {
    const marker = { successor: 'a', keepsData: false };
    expect(regeneratedMarker(marker)).not.toBe(regeneratedMarker(marker));
  });

  it('says nothing if it names no successor, and no other record is a marker', () => {
    for (const record of ['null', 'null ', `null${' '.repeat(36)}`, '{"a":1}', '{"a":1}   ', '']) {
      expect(readMarker(record)).toBeUndefined();
    }
  });
});
