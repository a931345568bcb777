import generic from 'koa-generic-session';
import { COOKIE_ATTRIBUTES } from '../../lib/cookies/attributes';
import koaSession from '../../lib/koa-session';
import minimal from '../../lib/koa-session-minimal';
import session from '../../lib/main';
import { differences, type Make, ODD } from '../helpers/options/odd-options';
import { interop } from '../interop';

const make = (middleware: unknown) => middleware as Make;
// The store of koa-session-minimal has a timer for each session, of a day, which would hold the process.
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['Date', 'nextTick', 'queueMicrotask', 'setImmediate'] }));
afterEach(() => void jest.useRealTimers());

const inCookie = (name: string) => (value: unknown) => ({ cookie: { [name]: value } });
const beside = (name: string) => (value: unknown) => ({ [name]: value });

describe('Options of koa-session-minimal, with accidental values from configurations', () => {
  const pair: [Make, Make] = [make(interop('koa-session-minimal')), make(minimal)];
  /** Where koa-session-minimal works, and this differs. */
  const known: Record<string, Record<string, string>> = {
    cookie: { true: 'refused', 60000: 'refused', "'text'": 'refused' },
    'cookie.maxAge': { "'text'": 'refused', '{}': 'refused', '() => 60000': 'refused' },
    'cookie.domain': { true: 'refused', 60000: 'refused' },
    ...Object.fromEntries(
      ['cookie.path', 'cookie.httpOnly'].map((name) => [
        name,
        Object.fromEntries(['undefined', 'null', "''"].map((value) => [value, 'koa:sess; path=/; httponly'])),
      ]),
    ),
  };

  it.each(['key', 'store', 'cookie'])('%s', async (name) => {
    expect(await differences(pair, beside(name))).toEqual(known[name] ?? {});
  });

  it.each(COOKIE_ATTRIBUTES)('cookie.%s', async (name) => {
    expect(await differences(pair, inCookie(name))).toEqual(known[`cookie.${name}`] ?? {});
  });

  it.each(COOKIE_ATTRIBUTES)('what a function gives as cookie.%s', async (name) => {
    const wrong = ['true', '60000', "'text'", '{}', '[]', '() => 60000'];
    const found = await differences(pair, (value) => ({ cookie: () => ({ [name]: value }) }));
    const expected = Object.entries(known[`cookie.${name}`] ?? {}).filter(([value]) => !wrong.includes(value));
    expect(Object.fromEntries(Object.entries(found).filter(([value]) => !wrong.includes(value)))).toEqual(
      Object.fromEntries(expected),
    );
  });

  it('all empty, as in the sample application of its announcement', async () => {
    const names = ['maxAge', 'expires', 'path', 'domain', 'httpOnly', 'overwrite', 'secure', 'sameSite', 'signed'];
    const cookie = Object.fromEntries(names.map((name) => [name, '']));
    const found = await differences(pair, (value) => (value === '' ? { key: 'SESSION_ID', cookie } : {}));
    // Where koa-session-minimal sends neither, the cookie would be for one folder, and for scripts.
    expect(found).toEqual({ "''": 'SESSION_ID; path=/; httponly' });
  });
});

describe('Options of koa-session, with accidental values from configurations', () => {
  const { createSession } = interop('koa-session') as { createSession: Make };
  const byDefault = 'koa.sess; path=/; httponly';
  const names = [
    ...['key', 'maxAge', 'autoCommit', 'rolling', 'renew', 'externalKey', 'store', 'ContextStore', 'encode', 'decode'],
    ...['genid', 'prefix', 'valid', 'beforeSave', ...COOKIE_ATTRIBUTES],
  ];

  it.each([...new Set(names)])('%s', async (name) => {
    const known = name === 'path' ? { undefined: byDefault, null: byDefault } : {};
    expect(await differences([createSession, make(koaSession)], beside(name))).toEqual(known);
  });

  it.each(['store', 'sameSite', 'ContextStore'])('%s of a wrong type causes an error that names it', (name) => {
    for (const value of [5, {}, []]) {
      const middleware = () => make(koaSession)({ [name]: value }, { use: () => undefined, context: {} } as never);
      expect(middleware).toThrow(`Expected \`${name}`);
    }
  });
});

describe('Options of koa-generic-session, with accidental values from configurations, at the main entry point', () => {
  const pair: [Make, Make] = [make(generic), make(session)];
  /** Without the one attribute that is another on purpose. */
  const differ = async (optionsOf: (value: unknown) => object) => {
    const found = Object.entries(await differences(pair, optionsOf, /; samesite=lax/));
    return Object.fromEntries(found.filter(([, ours]) => ours !== 'refused'));
  };
  const names = ['key', 'prefix', 'ttl', 'store', 'defer', 'rolling', 'allowEmpty', 'genSid', 'errorHandler', 'valid'];

  it.each([...names, 'beforeSave', 'sessionIdStore', 'reconnectTimeout'])(
    'work as they do there, or are refused at set-up: %s',
    async (name) => {
      // A function that creates ids is identified by its result.
      expect(await differ(beside(name))).toEqual(name === 'genSid' ? { '() => 60000': '500' } : {});
    },
  );

  it.each(COOKIE_ATTRIBUTES)('work as they do there, or are refused at set-up: cookie.%s', async (name) => {
    const isDefault = name === 'path' || name === 'httpOnly';
    expect(await differ(inCookie(name))).toEqual(
      isDefault ? { null: 'koa.sid; path=/; expires in 24 h; httponly' } : {},
    );
  });

  it('are refused if they are empty', () => {
    for (const name of COOKIE_ATTRIBUTES) {
      expect(() => session({ cookie: { [name]: '' } })).toThrow(`Expected \`cookie.${name}\``);
    }
    expect(Object.keys(ODD)).toContain("''");
  });
});
