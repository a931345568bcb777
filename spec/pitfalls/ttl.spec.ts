import type Koa from 'koa';

import predecessor = require('koa-generic-session');

import session, { type SessionOptions } from '../../lib/main';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { lifetime } from '../helpers/sites/session-cookies';
import { openSite, type Routes, sentId, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt } from '../helpers/time/fake-date';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2030, 0, 1);

/**
 * A database that passes the ttl to Redis' PX: it needs a positive integer, and without a ttl it keeps a record
 * forever.
 */
class StrictClient extends MapClient {
  override async set(...[key, value, ttl]: Parameters<MapClient['set']>): Promise<void> {
    if (ttl && !(Number.isInteger(ttl) && ttl > 0)) throw new Error('ERR invalid expire time');
    await super.set(key, value, ttl);
  }
}

/** One request to a handler: its status, whether the cookie came, how long it lives, and the ttl of the record. */
async function outcome(use: (options: object) => Koa.Middleware, options: object, handler: Routes[string]) {
  const store = new StrictClient();
  const site = await closedAfterTest(openSite({ use: use({ store, ...options }), routes: { '/': handler } }));
  const reply = await site.visitor().get('/');
  const line = setCookieOf(reply);
  const [message] = site.errors.map((error) => error.message);
  return {
    status: reply.status,
    stored: store.size,
    ttl: [...store.ttls.values()][0],
    line,
    cookie: lifetime(line),
    message,
    taken: sentId(reply) === '',
  };
}

const fault = (options: object, handler: Routes[string]) => outcome((it) => predecessor(it), options, handler);
const ours = (options: object, handler: Routes[string]) =>
  outcome((it) => session(it as SessionOptions), options, handler);

const change =
  (attributes: object): Routes[string] =>
  async (ctx) => {
    const current = await ctx.session;
    if (!current) throw new Error('no session');
    current['user'] = 1;
    Object.assign(current.cookie, attributes);
  };

everyTestStartsAt(NOW);

describe('ctx.session = { user: 1 }, an object without a cookie', () => {
  const assign: Routes[string] = (ctx) => {
    ctx.session = { user: 1 };
  };

  it('koa-generic-session: no ttl, so the record stays for ever, and a cookie without the options', async () => {
    const { ttl, line, cookie } = await fault({ cookie: { domain: 'example.com' } }, assign);
    expect([ttl, cookie]).toEqual([undefined, undefined]);
    expect(line).not.toContain('domain=example.com');
  });

  it('here: the ttl and the cookie of any other session', async () => {
    const { ttl, line, cookie } = await ours({ cookie: { domain: 'example.com' } }, assign);
    expect([ttl, cookie]).toEqual([DAY, DAY]);
    expect(line).toContain('domain=example.com');
  });
});

describe('an expires of seven days beside the default maxAge', () => {
  const week = change({ expires: new Date(NOW + 7 * DAY) });

  it('koa-generic-session: the cookie lives one day, the record seven', async () => {
    expect(await fault({}, week)).toMatchObject({ cookie: DAY, ttl: 7 * DAY });
  });

  it('here: both live seven days', async () => {
    expect(await ours({}, week)).toMatchObject({ cookie: 7 * DAY, ttl: 7 * DAY });
  });

  it('here, set in the options: both live seven days', async () => {
    const options = { cookie: { expires: new Date(NOW + 7 * DAY) } };
    expect(await ours(options, change({}))).toMatchObject({ cookie: 7 * DAY, ttl: 7 * DAY });
  });
});

describe.each([0, null])('a maxAge of %p, for a cookie that ends with the browser', (maxAge) => {
  it.each([
    ['set by the options', { cookie: { maxAge } }, change({})],
    ['set by a handler', {}, change({ maxAge })],
  ])('koa-generic-session: the record stays for ever (%s)', async (_where, options, handler) => {
    expect((await fault(options, handler)).ttl || undefined).toBeUndefined();
  });

  it.each([
    ['set by the options', { cookie: { maxAge } }, change({})],
    ['set by a handler', {}, change({ maxAge })],
  ])('here: the record lives one day (%s)', async (_where, options, handler) => {
    expect(await ours(options, handler)).toMatchObject({ status: 200, cookie: undefined, ttl: DAY });
  });
});

describe('a maxAge of -1', () => {
  it('koa-generic-session: passed to the store, whose error is a 500', async () => {
    expect(await fault({}, change({ maxAge: -1 }))).toMatchObject({ status: 500, message: 'ERR invalid expire time' });
  });

  it('here: a handler ends the session, and the options refuse it', async () => {
    expect(await ours({}, change({ maxAge: -1 }))).toMatchObject({ status: 200, stored: 0, line: undefined });
    expect(() => session({ cookie: { maxAge: -1 } })).toThrow(TypeError);
  });
});

describe('a ttl of NaN', () => {
  const ttl = () => Number.NaN;

  it('koa-generic-session: passed to the store unchanged', async () => {
    // Neither truthy nor a number: without a maxAge nothing takes its place.
    const { ttl: handed, stored } = await fault({ ttl, cookie: { maxAge: null } }, change({}));
    expect([handed, stored]).toEqual([Number.NaN, 1]);
  });

  it('here: an error that says so, and no record', async () => {
    const { status, stored, message } = await ours({ ttl }, change({}));
    expect([status, stored, message]).toEqual([
      500,
      0,
      expect.stringContaining('Expected `ttl` to be a finite number'),
    ]);
    expect(() => session({ ttl: Number.NaN })).toThrow(TypeError);
  });
});

describe('an expires in the past', () => {
  const past = change({ expires: new Date(NOW - HOUR) });

  it("koa-generic-session: the store's error is a 500", async () => {
    expect(await fault({}, past)).toMatchObject({ status: 500, message: 'ERR invalid expire time' });
  });

  it('here: the session ends', async () => {
    expect(await ours({}, past)).toMatchObject({ status: 200, stored: 0, line: undefined });
  });
});

describe('an expires that is a string, as JSON leaves dates', () => {
  const text = change({ expires: new Date(NOW + 7 * DAY).toISOString() });

  it('koa-generic-session: "getTime is not a function"', async () => {
    const { status, message } = await fault({}, text);
    expect([status, message]).toEqual([500, expect.stringContaining('getTime is not a function')]);
  });

  it('here: a date', async () => {
    expect(await ours({}, text)).toMatchObject({ status: 200, cookie: 7 * DAY, ttl: 7 * DAY });
  });
});
