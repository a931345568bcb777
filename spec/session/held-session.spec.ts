import type Koa from 'koa';
import { SessionCookie } from '../../lib/cookies/session-cookie';
import type { Session } from '../../lib/main';
import { HeldSession } from '../../lib/session/held-session';
import { member } from '../helpers/requests/variant';
import { siteWith } from '../helpers/sites/open-sites';
import { type Routes, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { countCalls } from '../helpers/stores/open-clients';

const options = Object.freeze({ path: '/', maxAge: 5000 });

/** Holds the session of this record. */
function holding(record: string): HeldSession {
  const held = new HeldSession(() => options);
  held.bind({ record, revision: 1, data: JSON.parse(record), ttl: undefined });
  return held;
}

describe('an object that a handler assigns', () => {
  it('keeps its identity, and gains no enumerable key', async () => {
    const seen: unknown[] = [];
    const assign = async (ctx: Koa.Context) => {
      const mine = { a: 1 };
      ctx.session = mine;
      seen.push(ctx.session === (mine as unknown), Object.keys(mine), { ...mine }, JSON.stringify(mine));
      seen.push((await sessionOf(ctx)).cookie instanceof SessionCookie);
    };
    const store = new MapClient();
    const visitor = (await siteWith({ store }, { '/assign': assign })).visitor();
    await visitor.get('/assign');
    expect(seen).toEqual([true, ['a'], { a: 1 }, '{"a":1}', true]);
    expect(JSON.parse([...store.records.values()][0] as string)).toMatchObject({ a: 1, cookie: { path: '/' } });
  });

  it.each<[string, () => object]>([
    ['frozen', () => Object.freeze({ a: 1 })],
    ['sealed', () => Object.seal({ a: 1 })],
    ['not extensible', () => Object.preventExtensions({ a: 1 })],
    ['without prototype', () => Object.assign(Object.create(null), { a: 1 })],
    ['of a class', () => Object.assign(new (class Cart {})(), { a: 1 })],
    ['with a toJSON', () => ({ toJSON: () => ({ a: 1 }) })],
  ])('may be %s', async (_what, make) => {
    const routes: Routes = {
      '/assign': (ctx) => {
        ctx.session = make();
      },
    };
    const site = await siteWith({ store: new MapClient() }, routes);
    const visitor = site.visitor();
    for (let round = 0; round < 2; round += 1) {
      const reply = await visitor.get('/assign');
      expect([reply.status, site.errors]).toEqual([200, []]);
      expect((await visitor.get('/see')).json()).toEqual({ a: 1 });
    }
    expect((await visitor.get('/put?b=1')).status).toBe(200);
    expect((await visitor.get('/see')).json()).toEqual({ a: 1, b: '1' });
  });

  it('may contain its own cookie, frozen or not', async () => {
    const store = new MapClient();
    const site = await siteWith(
      { store },
      {
        '/assign': (ctx) => {
          const mine = { a: 1, cookie: { sameSite: 'strict', maxAge: 60_000 } };
          ctx.session = ctx.query['frozen'] === undefined ? mine : Object.freeze(mine);
        },
      },
    );
    for (const path of ['/assign', '/assign?frozen']) {
      const visitor = site.visitor();
      expect(setCookieOf(await visitor.get(path))).toContain('samesite=strict');
      expect((await visitor.get('/see')).json()).toEqual({ a: 1 });
    }
    expect([...store.ttls.values()]).toEqual([60_000, 60_000]);
  });

  it('shows what an update has stored, frozen or not', async () => {
    const site = await siteWith(
      {},
      {
        '/assign': async (ctx) => {
          const mine = { a: 1 };
          ctx.session = ctx.query['frozen'] === undefined ? mine : Object.freeze(mine);
          await ctx.sessionHandler.update((session) => {
            session['b'] = 2;
          });
          return { ...(await sessionOf(ctx)), cookie: undefined };
        },
      },
    );
    for (const path of ['/assign', '/assign?frozen']) {
      const ann = await member(site);
      expect((await ann.get(path)).json()).toEqual({ a: 1, b: 2 });
      expect((await ann.get('/see')).json()).toEqual({ a: 1, b: 2 });
    }
  });

  it('keeps the cookie that a deferred handler has given it before the stored one was read', async () => {
    const store = new MapClient();
    const site = await siteWith(
      { store, defer: true },
      {
        '/assign': async (ctx) => {
          ctx.session = { a: 1 };
          (await sessionOf(ctx)).cookie.maxAge = 60_000;
        },
      },
    );
    const ann = await member(site);
    await ann.get('/assign');
    expect([...store.ttls]).toEqual([[`koa:sess:${ann.sid}`, 60_000]]);
    expect((await ann.get('/see')).json()).toEqual({ a: 1 });
  });

  it('may be assigned and then changed', async () => {
    const routes: Routes = {
      '/assign': async (ctx) => {
        const mine: Record<string, unknown> = {};
        ctx.session = mine;
        mine['a'] = 1;
        (await sessionOf(ctx))['b'] = 2;
      },
    };
    const visitor = (await siteWith({}, routes)).visitor();
    await visitor.get('/assign');
    expect((await visitor.get('/see')).json()).toEqual({ a: 1, b: 2 });
  });

  it('that all visitors share gives none of them the cookie of another', async () => {
    const shared = { a: 1 };
    const site = await siteWith(
      {},
      {
        '/strict': async (ctx) => {
          ctx.session = shared;
          (await sessionOf(ctx)).cookie.sameSite = 'strict';
        },
        '/plain': (ctx) => {
          ctx.session = shared;
        },
      },
    );
    expect(setCookieOf(await site.visitor().get('/strict'))).toContain('samesite=strict');
    expect(setCookieOf(await site.visitor().get('/plain'))).toContain('samesite=lax');
  });
});

// A long one is compared as a text, a short one value by value.
describe.each([
  ['short', ''],
  ['long', 'x'.repeat(3000)],
])('whether a session has changed whose record is %s', (_length, filling) => {
  const record = JSON.stringify({ a: { x: 1 }, list: [1, { y: 2 }], filling, cookie: { ...options, own: [] } });
  const isModified = (change: (session: Session, held: HeldSession) => void) => {
    const held = holding(record);
    const session = held.take() as Session;
    change(session, held);
    return held.modifiedText(session) !== undefined;
  };

  it.each<[string, (session: Session) => void]>([
    ['nothing', () => undefined],
    ['reading', (session) => void JSON.stringify(session)],
    ['setting what is there', (session) => Object.assign(session, { a: { x: 1 }, list: [1, { y: 2 }] })],
    ['setting and taking back', (session) => void (Object.assign(session, { b: 1 }) && delete session['b'])],
    ['setting undefined', (session) => Object.assign(session, { b: undefined })],
    ['the name of a list', (session) => Object.assign(session['list'] as object, { name: 'mine' })],
    ['freezing it', (session) => Object.freeze(session['a'])],
  ])('not by %s', (_what, change) => {
    expect(isModified(change)).toBe(false);
  });

  const define = (target: unknown, key: string, descriptor: PropertyDescriptor) =>
    Object.defineProperty(target as object, key, { configurable: true, ...descriptor });

  it.each<[string, (session: Session, held: HeldSession) => void]>([
    ['a new key', (session) => Object.assign(session, { b: 1 })],
    ['a removed key', (session) => void delete session['a']],
    [
      'a key in place of another',
      (session) => void (delete session['filling'] && Object.assign(session, { b: filling })),
    ],
    ['a change deep inside', (session) => Object.assign(session['a'] as object, { y: 1 })],
    ['an object in place of an equal one, with more in it', (session) => Object.assign(session, { a: { x: 1, y: 1 } })],
    ['null in place of a value', (session) => Object.assign(session, { a: null })],
    ['a text in place of a number', (session) => Object.assign(session['a'] as object, { x: '1' })],
    ['NaN in place of a number', (session) => Object.assign(session['a'] as object, { x: Number.NaN })],
    ['an item more', (session) => (session['list'] as unknown[]).push(undefined)],
    ['an item less', (session) => (session['list'] as unknown[]).pop()],
    ['a change of an item', (session) => Object.assign((session['list'] as object[])[1] as object, { y: 3 })],
    ['another order', (session) => (session['list'] as unknown[]).reverse()],
    ['a hole', (session) => void delete (session['list'] as unknown[])[0]],
    ['a key that is not listed any more', (session) => define(session['a'], 'x', { enumerable: false })],
    ['a getter', (session) => define(session['a'], 'x', { get: () => 2 })],
    ['a toJSON nobody sees', (session) => define(session['a'], 'toJSON', { value: () => 5 })],
    ["a list's toJSON", (session) => define(session['list'], 'toJSON', { value: () => 5 })],
    ['a prototype with a toJSON', (session) => Object.setPrototypeOf(session['a'], { toJSON: () => 5 })],
    ["a list's prototype", (session) => Object.setPrototypeOf(session['list'], { toJSON: () => 5 })],
    ["the session's own toJSON", (session) => define(session, 'toJSON', { value: () => ({ a: 5 }) })],
    ['an attribute of the cookie', (session) => Object.assign(session.cookie, { maxAge: 6000 })],
    [
      'an attribute of the cookie, after another cookie was there',
      (session, held) => {
        const { cookie } = session;
        session.cookie = JSON.parse(JSON.stringify(cookie));
        held.modifiedText(session);
        session.cookie = cookie;
        cookie.maxAge = 6000;
      },
    ],
    ['another cookie object', (session) => Object.assign(session, { cookie: { maxAge: 6000 } })],
    ['no cookie', (session) => Object.assign(session, { a: 2, cookie: undefined })],
  ])('by %s', (_what, change) => {
    expect(isModified(change)).toBe(true);
  });

  it('by what every object inherits, set by the session itself', () => {
    define(Object.prototype, 'inherited', { value: 1, enumerable: true, writable: true });
    try {
      expect(isModified((session) => Object.assign(session, { inherited: 1 }))).toBe(true);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'inherited');
    }
  });

  it('causes an ERR_SESSION_SERIALIZE if it throws while it is compared', () => {
    const get = () => {
      throw new Error('boom');
    };
    const change = (session: Session) => define(session, 'a', { enumerable: true, get });
    expect(() => isModified(change)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_SERIALIZE' }));
  });

  it('by a change that is undone after it was saved', () => {
    const takenBack = (session: Session, held: HeldSession) => {
      session['b'] = 1;
      const text = held.text(session);
      held.landed({ record: text, revision: 2 }, text);
      delete session['b'];
    };
    expect(isModified(takenBack)).toBe(true);
  });

  it('by a change made while it was read again', () => {
    const again = (session: Session, held: HeldSession) => {
      session['b'] = 1;
      held.takeStored();
    };
    expect(isModified(again)).toBe(true);
  });
});

describe('whether a session has changed', () => {
  it('not by new cookie options alone, which reach the record with the next change', () => {
    const old = '{"a":1,"cookie":{"path":"/old","maxAge":1,"own":[]}}';
    const held = holding(old);
    const session = held.take() as Session;
    expect(held.modifiedText(session)).toBeUndefined();
    session['b'] = 1;
    expect(JSON.parse(held.modifiedText(session) as string)).toMatchObject({
      a: 1,
      b: 1,
      cookie: { ...options, own: [] },
    });
  });

  it('not by reading a record of koa-generic-session, or one without a cookie', () => {
    for (const theirs of [
      '{"a":1,"cookie":{"path":"/","maxAge":9}}',
      '{"cookie":{"signed":true},"a":1}',
      '{"a":1}',
      '{}',
    ]) {
      const held = holding(theirs);
      const session = held.take() as Session;
      expect(held.modifiedText(session)).toBeUndefined();
    }
  });

  it('is detected by text, not by a checksum: two texts with one CRC-32 differ', async () => {
    const store = new MapClient();
    const calls = countCalls(store);
    const visitor = (await siteWith({ store })).visitor();
    // Both names have the same CRC-32.
    await visitor.get('/put?a=plumless');
    await visitor.get('/put?a=buckeroo');
    expect(calls.of('write')).toBe(2);
    expect((await visitor.get('/see')).json()).toEqual({ a: 'buckeroo' });
  });
});

it('a client that returns frozen objects can be read, and its sessions can be assigned', async () => {
  const store = new MapClient();
  const { get } = store;
  store.get = async (key) => Object.freeze(await get.call(store, key));
  const site = await siteWith(
    { store },
    {
      '/assign': (ctx) => {
        ctx.session = { ...ctx.session, b: 2 };
      },
    },
  );
  const ann = await member(site);
  expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  await ann.get('/assign');
  expect([(await ann.get('/see')).json(), site.errors]).toEqual([{ user: 'ann', b: 2 }, []]);
});

describe('the held session', () => {
  it('is empty without a record, with a cookie and nothing else', () => {
    const held = new HeldSession(() => options);
    expect([held.current, held.isEmpty]).toEqual([undefined, true]);
    expect(Object.keys(held.take() as Session)).toEqual(['cookie']);
    expect(held.isEmpty).toBe(true);
    expect(held.cookie.attributes()).toEqual(options);
  });

  it('is the same object each time', () => {
    const held = holding('{"a":1}');
    expect(held.take()).toBe(held.take());
  });

  it('is null after it is destroyed, and new after a reset', () => {
    const held = holding('{"a":1}');
    held.destroy();
    expect(held.take()).toBeNull();
    held.reset();
    expect(Object.keys(held.take() as Session)).toEqual(['cookie']);
  });

  it('becomes the stored session, in the same object', () => {
    const held = holding('{"a":1,"b":2}');
    const session = held.take();
    held.show('{"b":3,"__proto__":{"c":4},"cookie":{"maxAge":7,"own":["maxAge"]}}');
    expect(held.take()).toBe(session);
    expect(Object.keys(session as Session)).toEqual(['b', 'cookie', '__proto__']);
    expect(session).toMatchObject({ b: 3, cookie: { path: '/', maxAge: 7 } });
    expect((session as Session)['c']).toBeUndefined();
    expect(Object.getPrototypeOf(session)).toBe(Object.prototype);
  });

  it.each([
    5,
    'x',
    true,
    1n,
    Symbol('s'),
    () => 1,
    [],
    Promise.resolve({ a: 2 }),
    // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
    { then: () => undefined },
  ])('refuses %p as a session', (value) => {
    const held = holding('{"a":1}');
    expect(() => held.assign(value)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_VALUE' }));
    expect(held.take()).toMatchObject({ a: 1 });
  });

  it('says what to do with a promise', () => {
    expect(() => holding('{}').assign(Promise.resolve({}))).toThrow('got a promise: await it');
  });

  it.each([false, true])('stays if a handler assigns a promise (defer: %s)', async (defer) => {
    const site = await siteWith(
      { defer },
      {
        '/assign': (ctx) => {
          ctx.session = defer ? ctx.session : Promise.resolve({ user: 'bob' });
        },
      },
    );
    const ann = await member(site);
    expect((await ann.get('/assign')).status).toBe(500);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_VALUE' }]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });
});
