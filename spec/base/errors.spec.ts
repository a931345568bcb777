import { inspect } from 'node:util';
import session, { SessionError, StoreError, StoreTimeoutError, StoreUnavailableError } from '../../lib/main';

const cause = new Error('ECONNREFUSED');

describe.each<[string, SessionError, { code: string; name: string; message: string; operation?: string }]>([
  [
    'SessionError',
    new SessionError('ERR_SESSION_TTL', 'too long', { cause }),
    { code: 'ERR_SESSION_TTL', name: 'SessionError', message: 'too long' },
  ],
  [
    'StoreError',
    new StoreError('set', 'ECONNREFUSED', { cause }),
    { code: 'ERR_SESSION_STORE', name: 'StoreError', message: 'ECONNREFUSED', operation: 'set' },
  ],
  [
    'StoreUnavailableError',
    new StoreUnavailableError('get', { cause }),
    {
      code: 'ERR_SESSION_STORE_UNAVAILABLE',
      name: 'StoreUnavailableError',
      message: 'session store is unavailable: ECONNREFUSED',
      operation: 'get',
    },
  ],
  [
    'StoreTimeoutError',
    new StoreTimeoutError('touch', 50),
    {
      code: 'ERR_SESSION_STORE_TIMEOUT',
      name: 'StoreTimeoutError',
      message: 'session store gave no answer to "touch" within 50 ms',
      operation: 'touch',
    },
  ],
])('%s', (name, error, expected) => {
  it('says what went wrong, for people and for programs', () => {
    expect(error).toMatchObject(expected);
    expect(error.docs).toBe(`docs/errors.md#${expected.code.toLowerCase()}`);
  });

  it('is an Error, a SessionError, and an instance of its class', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(SessionError);
    expect(error instanceof StoreError).toBe('operation' in expected);
    expect(error.constructor.name).toBe(name);
  });

  it('prints under its name, with a stack, and without unrelated properties', () => {
    expect(String(error)).toBe(`${name}: ${expected.message}`);
    expect(error.stack).toContain('errors.spec.ts');
    expect(inspect(error)).toContain(`${name}: ${expected.message}`);
    expect(Object.keys(error).sort()).toEqual(
      ['code', 'docs', ...('operation' in expected ? ['operation'] : [])].sort(),
    );
  });

  it('has no status: the application decides what a failure of the session means', () => {
    expect('status' in error || 'statusCode' in error || 'expose' in error || 'headers' in error).toBe(false);
  });
});

it.each([0, 1])('a timeout with only %s ms left does not blame the store: the request had no time', (ms) => {
  const { message } = new StoreTimeoutError('set', ms);
  expect(message).toBe('the request had no time left to wait for the session store to "set"');
});

it('keeps the cause unchanged, and has none if none was given', () => {
  expect(new StoreError('get', 'x', { cause }).cause).toBe(cause);
  expect(new StoreUnavailableError('get', { cause: 'text' }).cause).toBe('text');
  expect('cause' in new StoreTimeoutError('get', 1)).toBe(false);
});

it('require exports the same classes', () => {
  expect([session.SessionError, session.StoreError, session.StoreUnavailableError, session.StoreTimeoutError]).toEqual([
    SessionError,
    StoreError,
    StoreUnavailableError,
    StoreTimeoutError,
  ]);
});

describe('A StoreUnavailableError ends with the reason', () => {
  const aggregate = new AggregateError([
    new Error('connect ECONNREFUSED ::1:6379'),
    new Error('connect ECONNREFUSED 127.0.0.1:6379'),
  ]);
  it.each<[string, unknown, string]>([
    ['none', undefined, ''],
    ['an error', new Error('connect ECONNREFUSED 127.0.0.1:6379'), ': connect ECONNREFUSED 127.0.0.1:6379'],
    ['an error that has several', aggregate, ': connect ECONNREFUSED ::1:6379; connect ECONNREFUSED 127.0.0.1:6379'],
    [
      'an error that has one of a node',
      Object.assign(new Error('No node'), { lastNodeError: new Error('refused') }),
      ': No node; refused',
    ],
    ['a code alone', Object.assign(new Error(), { code: 'ETIMEDOUT' }), ': ETIMEDOUT'],
    ['a text', 'refused', ': refused'],
    ['an object without a message', {}, ''],
    ['several lines', new Error('one\n  two'), ': one two'],
    ['credentials', new Error('redis://ann:hun/t@er2@host refused'), ': redis://host refused'],
    ['far too much', new Error('x'.repeat(500)), `: ${'x'.repeat(200)}`],
  ])('%s', (_what, cause, reason) => {
    expect(new StoreUnavailableError('get', { cause }).message).toBe(`session store is unavailable${reason}`);
  });
});
