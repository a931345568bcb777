import { createReadStream } from 'node:fs';
import Koa from 'koa';
import Koa2 from 'koa2';

import predecessor = require('koa-generic-session');
import session = require('../../lib/main');

import { requestContract } from '../helpers/requests/contract';
import { member } from '../helpers/requests/variant';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sentId, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { countCalls, recordOf } from '../helpers/stores/open-clients';
import { fakeDate, pass } from '../helpers/time/fake-date';

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('sessions with %s', (_version, AnyKoa) => {
  describe.each([
    ['a MemoryStore', () => new session.MemoryStore()],
    ['a client that can only get, set and destroy', () => new MapClient()],
  ])('in %s', (_store, newClient) => {
    describe.each([
      ['loaded up front', false],
      ['deferred', true],
    ])('%s', (_mode, defer) => {
      requestContract({ Koa: AnyKoa, defer, newClient, hasRecords: true, sharesSessions: true });
    });
  });
});

describe.each([
  ['a MemoryStore', () => new session.MemoryStore()],
  ['a client that can only get, set and destroy', () => new MapClient()],
])('sessions under hashed ids, in %s', (_store, newClient) => {
  requestContract({ Koa, defer: false, newClient, ids: 'hashed', hasRecords: true, sharesSessions: true });
});

describe.each([
  ['loaded up front', false],
  ['deferred', true],
])('with a store that has optional methods, sessions %s', (_mode, defer) => {
  afterEach(() => jest.useRealTimers());

  it.each([
    [true, 0.5],
    [0.25, 0.25],
  ])('with `renew: %s` are extended if no more than that part of their time is left', async (renew, fraction) => {
    fakeDate();
    const client = new session.MemoryStore();
    const use = session({ store: client, defer, renew, cookie: { maxAge: 100_000 } });
    const site = await closedAfterTest(openSite({ use }));
    const ann = await member(site);
    const calls = countCalls(client);
    const left = () => client.load(`koa:sess:${ann.sid}`, { ttl: true })?.ttl;

    pass(100_000 * (1 - fraction) - 1000);
    expect((await ann.get('/see')).setCookie).toEqual([]);
    pass(2000);
    expect(sentId(await ann.get('/see'))).toBe(ann.sid);
    expect([left(), calls.of('touch'), calls.of('write')]).toEqual([100_000, 1, 0]);
    expect((await ann.get('/see')).setCookie).toEqual([]);
  });

  it.each<[string, session.SessionOptions]>([
    ['rolling', { rolling: true }],
    ['renew', { renew: true }],
  ])('with `%s` are extended by each request that loads them, without being serialised', async (_name, options) => {
    fakeDate();
    const client = new session.MemoryStore();
    const use = session({ store: client, defer, cookie: { maxAge: 100_000 }, ...options });
    const site = await closedAfterTest(openSite({ use }));
    const ann = await member(site);
    const left = () => client.load(`koa:sess:${ann.sid}`, { ttl: true })?.ttl;
    pass(90_000);
    const serialised = jest.spyOn(JSON, 'stringify');
    const { setCookie } = await ann.get('/idle');
    const texts = serialised.mock.results.map(({ value }) => String(value));
    serialised.mockRestore();
    expect(texts.filter((text) => text.includes('"user"'))).toEqual([]);
    expect([setCookie.length, left()]).toEqual(defer ? [0, 10_000] : [2, 100_000]);
    pass(9000);
    await ann.get('/see');
    pass(9000);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('with `renew` and a separate lifetime are extended according to that', async () => {
    fakeDate();
    const client = new session.MemoryStore();
    const use = session({ store: client, defer, renew: true, ttl: ({ long }) => (long ? 100_000 : 1000) });
    const site = await closedAfterTest(openSite({ use }));
    const ann = site.visitor();
    await ann.get('/put?long=1');
    pass(49_000);
    const early = await ann.get('/idle');
    pass(2000);
    const late = await ann.get('/idle');
    expect([early.setCookie.length, late.setCookie.length]).toEqual([0, defer ? 0 : 2]);
  });

  it('never share an id, even if `genSid` creates the same one twice', async () => {
    const client = new session.MemoryStore();
    const ids = ['one', 'one', 'two', 'one', 'one', 'one', 'one'];
    const use = session({ store: client, defer, genSid: () => ids.shift() as string });
    const site = await closedAfterTest(openSite({ use }));
    await site.visitor().get('/put?user=ann');
    expect(sentId(await site.visitor().get('/put?user=bob'))).toBe('two');
    expect((await site.visitor().get('/put?user=cat')).status).toBe(500);
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_ID' })]);
    expect([client.get('koa:sess:one')?.['user'], client.size]).toEqual(['ann', 2]);
  });

  it('are not revived or overwritten by a simulated second process on the same store', async () => {
    const client = new session.MemoryStore();
    const handler = { first: async () => undefined as unknown };
    const routes = {
      '/late': async (ctx: Koa.Context) => {
        await ctx.session;
        await handler.first();
        (await sessionOf(ctx))['late'] = true;
      },
    };
    const site = await closedAfterTest(openSite({ use: session({ store: client, defer }), routes }));
    const ann = await member(site);
    const key = `koa:sess:${ann.sid}`;
    handler.first = async () => client.set(key, { ...(await recordOf(client, key)), other: 1, cookie: {} }, 60_000);
    await ann.get('/late');
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', other: 1, late: true });
    handler.first = async () => client.destroy(key);
    const reply = await ann.get('/put?user=bob').then(() => ann.get('/late'));
    expect([reply.status, client.size]).toEqual([200, 0]);
  });
});

it('a session that is not used is not serialised', async () => {
  let serialised = 0;
  const client = Object.assign(new MapClient(), {
    get: async () => ({
      user: 'ann',
      toJSON() {
        serialised += 1;
        return { user: 'ann' };
      },
    }),
  });
  const site = await closedAfterTest(openSite({ use: session({ store: client, cookie: { signed: false } }) }));
  const headers = { cookie: 'koa.sid=known' };
  await site.visitor().get('/idle', headers);
  expect(serialised).toBe(0);
  await site.visitor().get('/see', headers);
  expect(serialised).toBeGreaterThan(0);
});

it('`store` and `close()` of the middleware end the wait for a store', async () => {
  const middleware = session({ store: new MapClient() });
  expect(middleware.store).toBeInstanceOf(session.Store);
  await middleware.close();
  await middleware.close();
  await expect(middleware.store.get('any')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_UNAVAILABLE' });
});

it('an unreadable body stream still gets its cookie, together with the error', async () => {
  const broken: Koa.Middleware = async (ctx, next) => {
    if (ctx.path !== '/file') return next();
    (await sessionOf(ctx))['user'] = 'ann';
    ctx.body = createReadStream('/no/such/file');
  };
  // Koa 3 just hangs up.
  const site = await closedAfterTest(openSite({ Koa: Koa2, use: [session(), broken] }));
  const visitor = site.visitor();
  const reply = await visitor.get('/file');
  expect([reply.status, reply.setCookie.length]).toEqual([404, 2]);
  expect((await visitor.get('/see')).json()).toEqual({ user: 'ann' });
});

describe("a request that already has another package's session", () => {
  const elsewhere = { from: 'elsewhere' };

  it('is left alone if that is an accessor of the application’s context', async () => {
    const client = new MapClient();
    const site = await closedAfterTest(
      openSite({ use: session({ store: client }), routes: { '/whose': (ctx) => ctx.session } }),
    );
    Object.defineProperty(site.app.context, 'session', { get: () => elsewhere, configurable: true });
    const reply = await site.visitor().get('/whose');
    expect([reply.json(), reply.setCookie, site.errors]).toEqual([elsewhere, [], []]);
    await site.visitor().get('/put?user=ann');
    expect(client.size).toBe(0);
  });

  it('is left alone without reading that session, which might load it', async () => {
    let asked = 0;
    const before: Koa.Middleware = (ctx, next) => {
      const get = () => {
        asked += 1;
        return undefined;
      };
      Object.defineProperty(ctx, 'session', { get, configurable: true });
      return next();
    };
    const client = new MapClient();
    const site = await closedAfterTest(openSite({ use: [before, session({ store: client })] }));
    expect((await site.visitor().get('/idle')).status).toBe(200);
    expect([asked, client.size]).toEqual([0, 0]);
  });

  it('is left alone if that is a deferred session of koa-generic-session', async () => {
    const [theirs, ours] = [new MapClient(), new MapClient()];
    const first = predecessor({ store: theirs, defer: true }) as Koa.Middleware;
    const site = await closedAfterTest(openSite({ use: [first, session({ key: 'b.sid', store: ours, defer: true })] }));
    const ann = await member(site);
    const calls = [countCalls(theirs), countCalls(ours)];
    expect((await ann.get('/idle')).status).toBe(200);
    expect(calls.map((counted) => counted.of('read'))).toEqual([0, 0]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    expect([ours.size, site.errors]).toEqual([0, []]);
  });

  it('is handled here if the property has no value', async () => {
    const before: Koa.Middleware = (ctx, next) => {
      Object.defineProperty(ctx, 'session', { value: null, configurable: true, writable: true });
      return next();
    };
    const client = new MapClient();
    const site = await closedAfterTest(openSite({ use: [before, session({ store: client })] }));
    await site.visitor().get('/see');
    expect(site.errors).toEqual([]);
  });
});
