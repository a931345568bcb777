import { nearestOf, warnOfUnknown } from '../../lib/base/unknown-options';

let warnings: jest.SpyInstance;
beforeEach(() => {
  warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(() => warnings.mockRestore());

const known = ['key', 'ttl', 'store', 'rolling', 'reconnectTimeout'];

describe('nearestOf', () => {
  it.each([
    ['KEY', 'key'],
    ['TTL', 'ttl'],
    ['stor', 'store'],
    ['stores', 'store'],
    ['roling', 'rolling'],
    ['RECONNECT_TIMEOUT', 'reconnectTimeout'],
    ['stoer', 'store'],
    ['Stoer', 'store'],
    ['rolilng', 'rolling'],
    ['tsore', 'store'],
  ])('finds for %s the option %s', (name, meant) => {
    expect(nearestOf(name, known)).toBe(meant);
  });

  it.each([
    ['vaild', 'valid'],
    ['defre', 'defer'],
    ['kye', 'key'],
  ])('recognises two swapped letters in %s', (name, meant) => {
    expect(nearestOf(name, [...known, 'valid', 'defer'])).toBe(meant);
  });

  it.each(['id', 'max', 'xyz', 'state', 'secret', 'osrte', ''])('finds nothing for %j', (name) => {
    expect(nearestOf(name, ['key', 'ttl', 'store', 'genSid'])).toBeUndefined();
  });

  it('does not suggest key for TTL', () => {
    expect(nearestOf('TTL', ['key', 'store'])).toBeUndefined();
  });
});

describe('warnOfUnknown', () => {
  const said = () => warnings.mock.calls.map(([message]) => message as string);

  it('names each unknown option and the nearest known one', () => {
    warnOfUnknown(['key', 'roling', 'elsewhere'], { known, whose: 'the option ' });
    expect(said()).toEqual([
      'koa-evented-session does not know the option `roling`; did you mean `rolling`?',
      'koa-evented-session does not know the option `elsewhere`',
    ]);
    expect(warnings.mock.calls[0]?.[1]).toEqual({ code: 'KOA_EVENTED_SESSION_UNKNOWN_OPTION' });
  });

  it('says where the option is', () => {
    warnOfUnknown(['Secure'], { known: ['secure'], path: 'cookie.' });
    expect(said()).toEqual(['koa-evented-session does not know `cookie.Secure`; did you mean `cookie.secure`?']);
  });

  it('gives advice rather than a guess', () => {
    warnOfUnknown(['keys', 'stor'], { known, advice: (name) => (name === 'keys' ? 'set `app.keys`' : undefined) });
    expect(said()).toEqual([
      'koa-evented-session does not know `keys`; set `app.keys`',
      'koa-evented-session does not know `stor`; did you mean `store`?',
    ]);
  });
});
