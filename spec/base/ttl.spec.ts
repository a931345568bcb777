import fc from 'fast-check';
import type Koa from 'koa';
import { hasExpired, ONE_DAY, ttlOf, whole } from '../../lib/base/ttl';
import session, { type CookieOptions, type Session, SessionError, type Ttl } from '../../lib/main';
import { siteWith } from '../helpers/sites/open-sites';
import { type Routes, sentId, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';
import { meeting } from '../helpers/time/gate';

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;

everyTestStartsAt(NOW);

const inHours = (hours: number) => new Date(NOW + hours * HOUR);

/** The rule's answer for a cookie as a handler may have left it. */
const rule = (cookie: object | undefined, option?: Ttl | null) => ttlOf({ cookie } as Session, option as Ttl);

describe('the lifetime of a record', () => {
  it.each<[string, object | undefined, unknown, number]>([
    ['the ttl option comes first', { expires: inHours(2), maxAge: HOUR }, 5000, 5000],
    ['as a function of the session too', { maxAge: HOUR }, (it: Session) => Number(it.cookie.maxAge) * 2, 2 * HOUR],
    ['then the expires of the cookie', { expires: inHours(2) }, undefined, 2 * HOUR],
    ['as a string too', { expires: inHours(2).toISOString() }, undefined, 2 * HOUR],
    ['then its maxAge', { maxAge: HOUR }, undefined, HOUR],
    ['then one day', {}, undefined, ONE_DAY],
    ['or one day without a cookie', undefined, undefined, ONE_DAY],
    ['a ttl of 0 is not given', { maxAge: HOUR }, 0, HOUR],
    ['a ttl of null is not given', { maxAge: HOUR }, null, HOUR],
    ['a function that returns 0', { maxAge: HOUR }, () => 0, HOUR],
    ['a function that returns null', { maxAge: HOUR }, () => null, HOUR],
    ['a function that returns undefined', { maxAge: HOUR }, () => undefined, HOUR],
    ['an expires of null is not given', { expires: null, maxAge: HOUR }, undefined, HOUR],
    ['a maxAge of 0 is not given', { maxAge: 0 }, undefined, ONE_DAY],
    ['a maxAge of null is not given', { maxAge: null }, undefined, ONE_DAY],
    ['fractions are rounded up', { maxAge: 0.1 }, undefined, 1],
    ['those of a ttl too', {}, () => 1000.001, 1001],
    ['a ttl beyond all stores is the longest possible', {}, 1e300, Number.MAX_SAFE_INTEGER],
    ['the smallest number is one millisecond', {}, Number.MIN_VALUE, 1],
  ])('%s', (_what, cookie, option, expected) => {
    expect(rule(cookie, option as Ttl)).toBe(expected);
  });

  it.each<[string, object, unknown]>([
    ['a negative maxAge', { maxAge: -1 }, undefined],
    ['a maxAge between -1 and 0', { maxAge: -0.5 }, undefined],
    ['an expires in the past', { expires: inHours(-1) }, undefined],
    ['an expires of this moment', { expires: inHours(0) }, undefined],
    ['a past expires beside a maxAge', { expires: inHours(-1), maxAge: HOUR }, undefined],
    ['a function that returns less than 0', { maxAge: HOUR }, () => -5],
  ])('has passed: %s', (_what, cookie, option) => {
    expect(rule(cookie, option as Ttl)).toBeLessThanOrEqual(0);
  });

  it.each<[string, object, unknown, RegExp]>([
    [
      'a function that returns NaN',
      {},
      () => Number.NaN,
      /Expected `ttl` to be a finite number of milliseconds, got `NaN` \(number\)/,
    ],
    ['a function that returns Infinity', {}, () => Number.POSITIVE_INFINITY, /`ttl`/],
    ['a function that returns -Infinity', {}, () => Number.NEGATIVE_INFINITY, /`ttl`/],
    ['a function that returns a string', {}, () => '5', /`ttl` .* got `5` \(string\)/],
    ['an async function', {}, async () => 5, /`ttl`/],
    ['a function that returns a symbol', {}, () => Symbol('s'), /`ttl`/],
    ['a maxAge of NaN', { maxAge: Number.NaN }, undefined, /`cookie.maxAge`/],
    ['a maxAge of Infinity', { maxAge: Number.POSITIVE_INFINITY }, undefined, /`cookie.maxAge`/],
    ['a maxAge that is a string', { maxAge: '5' }, undefined, /`cookie.maxAge` .* got `5` \(string\)/],
    [
      'an expires that is not a date',
      { expires: 'soon' },
      undefined,
      /Expected `cookie.expires` to be a Date or a date string, got `soon`/,
    ],
    ['an expires that is an invalid Date', { expires: new Date(Number.NaN) }, undefined, /`cookie.expires`/],
    ['an expires that is a number', { expires: NOW + HOUR }, undefined, /`cookie.expires`/],
  ])('causes an error: %s', (_what, cookie, option, message) => {
    const attempt = () => rule(cookie, option as Ttl);
    expect(attempt).toThrow(SessionError);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SESSION_TTL' }));
    expect(attempt).toThrow(message);
  });

  it('is, for any input, an integer that stores can count, or an ERR_SESSION_TTL', () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
    const value = fc.oneof(
      fc.double(),
      fc.date({ noInvalidDate: false }),
      fc.string(),
      fc.constantFrom(null, undefined, 0),
      fc.anything(),
    );
    const property = fc.property(value, value, value, (ttl, expires, maxAge) => {
      try {
        const ms = rule({ expires, maxAge }, () => ttl as number);
        expect(Number.isSafeInteger(ms) || ms <= 0).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_SESSION_TTL' });
      }
    });
    fc.assert(property, { seed, numRuns: 2000 }); // prints the seed where it fails
  });

  it('counts -0 as expired, not as "not given"', () => {
    expect(whole(-0.5, 'x') <= 0).toBe(true);
  });

  it("judges by the cookie's expires alone whether it has expired", () => {
    const expired = (cookie: CookieOptions) => hasExpired(cookie);
    expect(expired({ expires: inHours(-1) })).toBe(true);
    expect(expired({ expires: inHours(-1).toISOString() })).toBe(true);
    expect(expired({ expires: inHours(0) })).toBe(true);
    expect(expired({ expires: inHours(1), maxAge: 1 })).toBe(false);
    expect(expired({ maxAge: 1 })).toBe(false);
    expect(expired({ expires: null })).toBe(false);
  });
});

describe('an expired session', () => {
  const end = (change: (cookie: CookieOptions) => unknown): Routes => ({
    '/end': async (ctx) => {
      const current = await sessionOf(ctx);
      current['b'] = 2;
      change(current.cookie);
    },
  });
  const past = end((cookie) => Object.assign(cookie, { expires: new Date(Date.now() - 1) }));
  const negative = end((cookie) => Object.assign(cookie, { maxAge: -1 }));

  it.each<[string, Routes]>([
    ['expires in the past', past],
    ['a negative maxAge', negative],
  ])('ends: record destroyed, cookie cleared, no error (%s)', async (_what, routes) => {
    const store = new MapClient();
    const site = await siteWith({ store }, routes);
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    const reply = await visitor.get('/end');
    expect([reply.status, sentId(reply), store.size]).toEqual([200, '', 0]);
    expect(await visitor.jar.getCookies(site.url)).toEqual([]);
    expect(site.events()).toEqual(['session:created', 'session:expired', 'session:destroyed']);
    expect((await visitor.get('/see')).json()).toEqual({});
  });

  it('is not stored if it is new', async () => {
    const store = new MapClient();
    const reply = await (await siteWith({ store }, past)).visitor().get('/end');
    expect([reply.status, reply.setCookie, store.size]).toEqual([200, [], 0]);
  });

  it.each([true, false])('ends by a ttl function too (rolling: %p)', async (rolling) => {
    const store = new MapClient();
    const site = await siteWith({ store, rolling, ttl: (it) => (it['banned'] ? -1 : HOUR) });
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    expect([...store.ttls.values()]).toEqual([HOUR]);
    expect(sentId(await visitor.get('/put?banned=1'))).toBe('');
    expect(store.size).toBe(0);
  });

  it.each([
    ['a store that compares and sets', () => new session.MemoryStore()],
    ['a store that only gets and sets', () => new MapClient()],
  ])('ends within update() too: %s', async (_what, makeStore) => {
    const store = makeStore();
    const site = await siteWith(
      { store },
      {
        '/end': (ctx) =>
          ctx.sessionHandler.update((it) => void Object.assign(it.cookie, { expires: new Date(NOW - 1) })),
      },
    );
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    const reply = await visitor.get('/end');
    expect([reply.status, sentId(reply), store.size]).toEqual([200, '', 0]);
  });

  it('counts as missing if a store still returns it, and is not extended', async () => {
    const store = new MapClient();
    const site = await siteWith(
      { store, rolling: true },
      end((cookie) => Object.assign(cookie, { expires: inHours(1) })),
    );
    const visitor = site.visitor();
    const header = { cookie: (await visitor.get('/end')).setCookie.map((line) => line.split(';')[0]).join('; ') };
    pass(HOUR - 1);
    expect((await visitor.get('/see', header)).json()).toEqual({ b: 2 });
    pass(1);
    expect((await visitor.get('/see', header)).json()).toEqual({});
    expect(site.events().slice(-2)).toEqual(['session:expired', 'session:missed']);
  });
});

describe('an invalid ttl', () => {
  it.each<[string, Ttl]>([
    ['NaN', () => Number.NaN],
    ['Infinity', () => Number.POSITIVE_INFINITY],
    ['a string', (() => '1d') as unknown as Ttl],
    ['a promise', (async () => HOUR) as unknown as Ttl],
  ])('of %s causes ERR_SESSION_TTL on save, and nothing is stored or sent', async (_what, ttl) => {
    const store = new MapClient();
    const site = await siteWith({ store, ttl });
    const reply = await site.visitor().get('/put?a=1');
    expect([reply.status, reply.setCookie, store.size]).toEqual([500, [], 0]);
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_TTL' })]);
  });

  it('on the cookie leaves the stored record unchanged', async () => {
    const store = new MapClient();
    const site = await siteWith(
      { store },
      { '/bad': async (ctx) => void Object.assign((await sessionOf(ctx)).cookie, { expires: new Date(Number.NaN) }) },
    );
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    const before = [...store.records];
    expect((await visitor.get('/bad')).status).toBe(500);
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_TTL' })]);
    expect([...store.records]).toEqual(before);
    expect((await visitor.get('/put?b=1')).status).toBe(200);
  });
});

describe('the ttl option', () => {
  it('affects only the record: the cookie keeps its lifetime', async () => {
    const store = new MapClient();
    const reply = await (await siteWith({ store, ttl: 5000 })).visitor().get('/put?a=1');
    expect([...store.ttls.values()]).toEqual([5000]);
    expect(Date.parse(reply.setCookie[0]?.match(/expires=([^;]+)/)?.[1] as string)).toBe(NOW + ONE_DAY);
  });

  it('as a function receives dates as Dates, even after a merge', async () => {
    const seen: unknown[] = [];
    const ttl = ({ cookie: { expires } }: Session) => {
      seen.push(expires);
      return (expires as Date).getTime() - Date.now();
    };
    const both = meeting(2);
    const meet = async (ctx: Koa.Context) => {
      (await sessionOf(ctx))[ctx.get('x-key')] = 1;
      await both();
    };
    const site = await siteWith({ ttl, cookie: { expires: inHours(2) } }, { '/meet': meet });
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    const replies = await Promise.all(['b', 'c'].map((key) => visitor.get('/meet', { 'x-key': key })));
    expect([replies.map(({ status }) => status), site.errors]).toEqual([[200, 200], []]);
    expect((await visitor.get('/see')).json()).toEqual({ a: '1', b: 1, c: 1 });
    expect(seen.every((expires) => expires instanceof Date)).toBe(true);
  });
});
