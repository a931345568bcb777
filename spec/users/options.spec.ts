import type Koa from 'koa';

import session = require('../../lib/main');

import { cookieStore } from '../../lib/cookie';

import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sessionOf } from '../helpers/sites/session-site';

async function site(options: session.SessionOptions) {
  const sessions = session({ user: (held) => held['user'], ...options });
  const opened = await closedAfterTest(
    openSite({
      use: sessions,
      routes: {
        '/login': async (ctx: Koa.Context) => {
          (await sessionOf(ctx))['user'] = 'ann';
        },
      },
    }),
  );
  return { ...opened, sessions };
}

describe('device', () => {
  const circle: { me?: unknown } = {};
  circle.me = circle;

  it.each<[string, () => unknown, unknown]>([
    ['a text', () => 'Firefox', 'Firefox'],
    [
      'an object, as JSON keeps it',
      () => ({ seen: new Date(0), not: undefined }),
      { seen: '1970-01-01T00:00:00.000Z' },
    ],
    ['null', () => null, null],
    ['nothing', () => undefined, undefined],
    ['as much as 4096 bytes of JSON', () => 'x'.repeat(4094), 'x'.repeat(4094)],
  ])('is noted with a login: %s', async (_what, device, noted) => {
    const { errors, sessions, visitor } = await site({ device });
    await visitor().get('/login');
    expect([(await sessions.of('ann').list()).map((one) => one.device), errors]).toEqual([[noted], []]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a promise', async () => 'Firefox', /got a promise$/],
    ['a promise that rejects', () => Promise.reject(new Error('no device')), /got a promise$/],
    ['a function', () => () => 1, /got /],
    ['a circle', () => circle, /circular/i],
    ['a BigInt', () => 1n, /BigInt/],
    ['more than 4096 bytes of JSON', () => 'é'.repeat(2048), /got 4098 bytes: cut/],
  ])('fails the login, and no other request, with %s', async (_what, device, message) => {
    const { errors, events, sessions, visitor } = await site({ device });
    const ann = visitor();
    expect((await ann.get('/login')).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_VALUE', message: expect.stringMatching(message) }]);
    expect([await sessions.of('ann').count(), events()]).toEqual([0, []]);
    expect((await ann.get('/put?cart=tea')).status).toBe(200);
  });
});

describe('options about users', () => {
  it.each<[string, session.SessionOptions, string]>([
    [
      'maxPerUser',
      { maxPerUser: { limit: 1, exceeds: 'refuse' } as never },
      '`maxPerUser.exceeds`; did you mean `maxPerUser.exceeded`',
    ],
    ['renewId', { renewId: { after: 1000, grase: 5 } as never }, '`renewId.grase`; did you mean `renewId.grace`'],
  ])('warn of a misspelt member: %s', (_name, options, message) => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    session({ user: (held) => held['user'], ...options });
    expect(warnings.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining(message)]);
    warnings.mockRestore();
  });

  it.each<[string, session.SessionOptions]>([
    ['user', { user: () => 'ann' }],
    ['renewId', { renewId: { after: 1000 } }],
  ])('need a store on the server: %s', (name, options) => {
    const store = cookieStore({ keys: [Buffer.alloc(64, 7).toString('base64url')] });
    expect(() => session({ store, ...options })).toThrow(
      new RegExp(`^Expected .store. to .+, since .${name}. is given: use redisStore`),
    );
  });

  it('treat null as not given in members too', () => {
    const options = { maxPerUser: { limit: 1, exceeded: null }, renewId: { after: 1000, grace: null } };
    expect(() => session({ user: () => 'ann', ...options } as never)).not.toThrow();
  });
});
