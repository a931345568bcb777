import Koa from 'koa';
import Koa2 from 'koa2';
import session, { type SessionOptions } from '../../lib/main';
import { checkOptions } from '../../lib/middleware/given-options';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

/** A configuration as some packages create it, with a method to read it. */
class Configuration {
  key = 'sid';

  get(name: string): unknown {
    return Reflect.get(this, name);
  }
}

describe('a value mistaken for options throws a TypeError that says what to do', () => {
  const application =
    'a Koa application: pass what `session()` returns to the application, `app.use(session())`, or pass the application as an option, `session({ app })`';
  const store = 'a store: pass it as `session({ store })`';

  it.each<[string, object, string]>([
    ['an application of Koa 3', new Koa(), application],
    ['an application of Koa 2', new Koa2(), application],
    ['a promise', Promise.resolve({}), 'a promise: `await` it first'],
    ['a store', new MapClient(), store],
    ['a Map', new Map(), store],
  ])('%s', (_what, given, got) => {
    expect(() => session(given as SessionOptions)).toThrow(
      new TypeError(`Expected \`options\` to be an object of options, got ${got}`),
    );
  });

  it.each([Koa, Koa2])('a middleware that was not called, in the first request', async (Version) => {
    const site = await closedAfterTest(
      openSite({ Koa: Version as typeof Koa, use: session as unknown as Koa.Middleware }),
    );
    expect((await site.visitor().get('/see')).status).toBe(500);
    expect(site.errors).toEqual([
      new TypeError(
        'Expected `options` to be an object of options, got a Koa context: call `session()` once and pass the result to Koa, `app.use(session())`',
      ),
    ]);
  });
});

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['an object', { key: 'sid' }],
  ['an object without a prototype', Object.create(null)],
  ['a configuration that can `get`', new Configuration()],
  ['an application among others', { app: new Koa() }],
])('nothing is reported for %s', (_what, given) => {
  expect(() => checkOptions(given)).not.toThrow();
});
