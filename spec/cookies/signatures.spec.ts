import crypto = require('node:crypto');
import v8 = require('node:v8');
import vm = require('node:vm');

import Keygrip = require('keygrip');

import { Signatures } from '../../lib/cookies/signatures';

/** More than are remembered, so that unused ones are forgotten. */
const MANY = 20_000;

const DATA = 'koa.sid=ann';

const hmacs = jest.spyOn(crypto, 'createHmac');
beforeEach(() => hmacs.mockClear());
afterAll(() => hmacs.mockRestore());

/** How many HMACs that takes. */
function hmacsOf(work: () => unknown): number {
  const before = hmacs.mock.calls.length;
  work();
  return hmacs.mock.calls.length - before;
}

/** Signs and verifies with these keys, as `app.keys` may be. */
function open(keys: unknown) {
  const signatures = new Signatures();
  const signer = () => {
    const found = signatures.signer(keys);
    if (found === undefined) throw new Error('Expected keys to sign with');
    return found;
  };
  return {
    sign: (data = DATA) => signer().sign(data),
    index: (signature: string, data = DATA) => signer().index(data, signature),
  };
}

/** The result of keygrip, with which `cookies` signs. */
const signedBy = (key: string | Buffer, data = DATA) => new Keygrip([key as string]).sign(data);

/** The same signature with another first character. */
const forged = (signature: string) => (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);

describe('a signature', () => {
  it('is the one that keygrip creates, however often it is requested', () => {
    const { sign } = open(['new', 'old']);
    expect([sign(), sign(), sign()]).toEqual(Array(3).fill(signedBy('new')));
  });

  it.each([
    ['the first key', 'new', 0],
    ['the second key', 'old', 1],
    ['the last key', 'oldest', 2],
  ])('made with %s is verified once: after that, it needs no HMAC', (_which, key, index) => {
    const keys = open(['new', 'old', 'oldest']);
    const signature = signedBy(key);
    expect(hmacsOf(() => expect(keys.index(signature)).toBe(index))).toBeGreaterThan(0);
    expect(hmacsOf(() => expect(keys.index(signature)).toBe(index))).toBe(0);
  });

  it('that was made here is neither made again nor verified by an HMAC', () => {
    const keys = open(['new', 'old']);
    let signature = '';
    expect(
      hmacsOf(() => {
        signature = keys.sign();
      }),
    ).toBe(1);
    expect(hmacsOf(() => expect(keys.index(signature)).toBe(0))).toBe(0);
    expect(hmacsOf(() => expect(keys.sign()).toBe(signature))).toBe(0);
  });

  it('that was verified with the first key is not made again', () => {
    const keys = open(['new', 'old']);
    const signature = signedBy('new');
    keys.index(signature);
    expect(hmacsOf(() => expect(keys.sign()).toBe(signature))).toBe(0);
  });

  it('that was verified with an older key is made again with the first one, and both are valid', () => {
    const keys = open(['new', 'old']);
    expect(keys.index(signedBy('old'))).toBe(1);
    expect(keys.sign()).toBe(signedBy('new'));
    expect(keys.index(signedBy('new'))).toBe(0);
    expect(keys.index(signedBy('old'))).toBe(1);
  });

  it('is valid only for its own data', () => {
    const keys = open(['new']);
    const signature = keys.sign();
    keys.sign('koa.sid=ben');
    expect(keys.index(signature, 'koa.sid=ben')).toBe(-1);
    expect(keys.index(signature, 'other=ann')).toBe(-1);
  });

  it('is compared in constant time', () => {
    const keys = open(['new']);
    const signature = keys.sign();
    const compared = jest.spyOn(crypto, 'timingSafeEqual');
    expect(keys.index(signature)).toBe(0);
    expect(compared).toHaveBeenCalledTimes(1);
    const [one, other] = compared.mock.calls[0] as unknown as [Buffer, Buffer];
    expect([String(one), String(other)]).toEqual([signature, signature]);
    expect(keys.index(forged(signature))).toBe(-1);
    // By the memory first, by keygrip then.
    expect(compared.mock.calls.slice(1).map(([given]) => (given as Buffer).toString())).toContain(forged(signature));
    compared.mockRestore();
  });
});

describe('an invalid signature', () => {
  const wrong: [string, (signature: string) => string][] = [
    ['is another', forged],
    ['is shorter', (signature) => signature.slice(0, -1)],
    ['is longer', (signature) => `${signature}A`],
    ['is empty', () => ''],
    ['is not ASCII', (signature) => `é${signature.slice(1)}`],
    ['has as many bytes, not ASCII', (signature) => `é${signature.slice(2)}`],
    ['has a lone surrogate', (signature) => `\ud800${signature.slice(3)}`],
    ['has a NUL behind it', (signature) => `${signature}\0`],
  ];

  it.each(wrong)('that %s is refused, before and after the valid one was seen', (_how, spoil) => {
    const keys = open(['new', 'old']);
    const right = signedBy('new');
    expect(keys.index(spoil(right))).toBe(-1);
    expect(keys.index(right)).toBe(0);
    expect(keys.index(spoil(right))).toBe(-1);
    expect(hmacsOf(() => expect(keys.index(right)).toBe(0))).toBe(0);
  });

  it('is never remembered: it needs its HMACs each time', () => {
    const keys = open(['new', 'old']);
    const bad = forged(signedBy('new'));
    const first = hmacsOf(() => keys.index(bad));
    expect(first).toBeGreaterThanOrEqual(2);
    for (let i = 0; i < 3; i += 1) expect(hmacsOf(() => keys.index(bad))).toBe(first);
    // Nor is a signature remembered that is sent after it.
    expect(keys.sign()).toBe(signedBy('new'));
  });

  it('replaces no remembered one, however many come', () => {
    const keys = open(['new']);
    const signature = keys.sign();
    for (let n = 0; n < MANY; n += 1) keys.index(signature, `koa.sid=${n}`);
    expect(hmacsOf(() => expect(keys.index(signature)).toBe(0))).toBe(0);
  });
});

describe('keys that change', () => {
  const changes: [string, (keys: string[]) => unknown, number][] = [
    ['the first is replaced in place', (keys) => keys.splice(0, 1, 'another'), -1],
    ['one is prepended in place', (keys) => keys.unshift('newer'), 1],
    ['the first is removed in place', (keys) => keys.shift(), -1],
    ['they are swapped in place', (keys) => keys.reverse(), 1],
    ['all are replaced in place', (keys) => keys.splice(0, 2, 'x', 'y', 'z'), -1],
    ['one is appended in place', (keys) => keys.push('oldest'), 0],
    ['the last is removed in place', (keys) => keys.pop(), 0],
  ];

  it.each(changes)('are noticed at once if %s', (_how, change, index) => {
    const keys = ['new', 'old'];
    const { sign, index: indexOf } = open(keys);
    const signature = sign();
    expect(indexOf(signature)).toBe(0);
    change(keys);
    // What is remembered was found with other keys.
    expect(hmacsOf(() => expect(indexOf(signature)).toBe(index))).toBeGreaterThan(0);
    expect(sign()).toBe(signedBy(keys[0] as string));
    expect(indexOf(signedBy(keys[0] as string))).toBe(0);
  });

  it('drop all remembered signatures, including those not used recently', () => {
    const keys = ['new', 'old'];
    const { sign, index } = open(keys);
    const signature = sign();
    for (let n = 0; n < 6_000; n += 1) sign(`koa.sid=${n}`);
    keys[0] = 'another';
    expect(index(signature)).toBe(-1);
    keys[0] = 'new';
    expect(hmacsOf(() => expect(index(signature)).toBe(0))).toBeGreaterThan(0);
  });

  it('are noticed at once if another array replaces them; an equal one changes nothing', () => {
    const signatures = new Signatures();
    const signature = signatures.signer(['new', 'old'])?.sign(DATA) as string;
    expect(hmacsOf(() => expect(signatures.signer(['new', 'old'])?.index(DATA, signature)).toBe(0))).toBe(0);
    expect(signatures.signer(['newer', 'new'])?.index(DATA, signature)).toBe(1);
    expect(signatures.signer(['another'])?.index(DATA, signature)).toBe(-1);
    expect(signatures.signer(['new', 'old'])?.index(DATA, signature)).toBe(0);
  });

  it('are not used again if they become unusable, until they come back', () => {
    const keys = ['new'];
    const signatures = new Signatures();
    const signature = signatures.signer(keys)?.sign(DATA) as string;
    keys.pop();
    expect(signatures.signer(keys)).toBeUndefined();
    keys.push('');
    expect(signatures.signer(keys)).toBeUndefined();
    keys[0] = 'another';
    expect(signatures.signer(keys)?.index(DATA, signature)).toBe(-1);
  });

  it('do not affect what is remembered for the arrays of other applications', () => {
    const [one, other] = [open(['one']), open(['other'])];
    expect(one.sign()).not.toBe(other.sign());
    expect(hmacsOf(() => [one.sign(), other.sign()])).toBe(0);
  });
});

describe('keys whose changes cannot be seen', () => {
  const unseen: [string, () => unknown][] = [
    ['a Keygrip object', () => new Keygrip(['new', 'old'])],
    ['keys in Buffers', () => [Buffer.from('new'), Buffer.from('old')]],
    ['a Buffer among strings', () => ['new', Buffer.from('old')]],
    ['an object like Keygrip', () => ({ sign: signedByNew, index: (data: string, s: string) => indexOfNew(data, s) })],
  ];
  const signedByNew = (data: string) => signedBy('new', data);
  const indexOfNew = (data: string, signature: string) => (signedBy('new', data) === signature ? 0 : -1);

  it.each(unseen)('are called each time: %s', (_what, keysOf) => {
    const keys = open(keysOf());
    const signature = signedBy('new');
    for (let i = 0; i < 3; i += 1) {
      expect(hmacsOf(() => expect(keys.sign()).toBe(signature))).toBe(1);
      expect(hmacsOf(() => expect(keys.index(signature)).toBe(0))).toBeGreaterThan(0);
      expect(hmacsOf(() => expect(keys.index(forged(signature))).toBe(-1))).toBeGreaterThan(0);
    }
  });

  it('are read each time: a Buffer that is changed in place', () => {
    const key = Buffer.from('key');
    const keys = open([key, 'old']);
    const signature = keys.sign();
    expect(keys.index(signature)).toBe(0);
    key.write('yek');
    expect(keys.index(signature)).toBe(-1);
    expect(keys.sign()).toBe(signedBy('yek'));
  });

  it('are read each time: a Buffer in place of a string', () => {
    const keys: unknown[] = ['new'];
    const { sign, index } = open(keys);
    const signature = sign();
    keys[0] = Buffer.from('other');
    expect(index(signature)).toBe(-1);
    expect(sign()).toBe(signedBy('other'));
    keys[0] = 'new';
    expect(index(signature)).toBe(0);
  });
});

describe('a remembered signature', () => {
  it('is forgotten if it is not used while many others come', () => {
    const keys = open(['new']);
    const signature = keys.sign();
    for (let n = 0; n < MANY; n += 1) keys.sign(`koa.sid=${n}`);
    expect(hmacsOf(() => expect(keys.index(signature)).toBe(0))).toBeGreaterThan(0);
  });

  it('stays if it is used now and then', () => {
    const keys = open(['new']);
    const signature = keys.sign();
    let again = 0;
    for (let n = 0; n < MANY; n += 1) {
      keys.sign(`koa.sid=${n}`);
      if (n % 2_000 === 0) again += hmacsOf(() => expect(keys.index(signature)).toBe(0));
    }
    expect(again).toBe(0);
  });

  it('is one of at most 10 000, and at least of the last 5 000, after 100 000 ids', () => {
    const ids = 100_000;
    const keys = open(['new']);
    for (let n = 0; n < ids; n += 1) keys.sign(`koa.sid=${n}`);
    const isKnown = (n: number) => hmacsOf(() => keys.sign(`koa.sid=${n}`)) === 0;
    const lately = Array.from({ length: 4_900 }, (_, n) => ids - 1 - n);
    expect(lately.filter((n) => !isKnown(n))).toEqual([]);
    // A few, since each question is remembered too.
    const before = Array.from({ length: 80 }, (_, n) => n * 1_000).concat(ids - 10_001);
    expect(before.filter(isKnown)).toEqual([]);
  });

  it('does not keep the header in memory that it was cut from', () => {
    const keys = open(['new']);
    const data = 'koa.sid=long';
    const before = heapUsed();
    // A slice would hold 100 kB each.
    for (let n = 0; n < 500; n += 1) {
      const id = `${data}${n}`;
      const header = `${signedBy('new', id)};${String(n).repeat(50_000)}`;
      expect(keys.index(header.slice(0, 27), id)).toBe(0);
    }
    expect(heapUsed() - before).toBeLessThan(20e6);
  });
});

/** Bytes, without what can be freed. */
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc');
  vm.runInNewContext('gc')();
}

describe('keys that cannot sign', () => {
  it.each<[string, unknown]>([
    ['none', undefined],
    ['null', null],
    ['an empty array', []],
    ['an empty string', ['']],
    ['an empty Buffer', [Buffer.alloc(0)]],
    ['undefined in an array', [undefined]],
    ['an empty string behind a good one', ['new', '']],
    ['a number in an array', [1]],
    ['a hole in an array', Object.assign(['new'], { 2: 'old' })],
    ['a number', 1],
    ['a string', 'secret'],
    ['an object without `index`', { sign: () => 'x' }],
  ])('return no signer: %s', (_what, keys) => {
    expect(new Signatures().signer(keys)).toBeUndefined();
  });
});
