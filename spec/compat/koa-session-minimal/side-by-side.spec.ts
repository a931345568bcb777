import Koa from 'koa';
import Koa2 from 'koa2';
import type minimal from '../../../lib/koa-session-minimal';
import { NEWER_ATTRIBUTES } from '../../helpers/sites/session-cookies';
import { idNames, type Make, NotingClient, openMinimal, ours, peer, type Routes, timeless } from './site';

const HOUR = 60 * 60 * 1000;

const routes: Routes = {
  '/idle': () => 'idle',
  '/see': (ctx) => ctx.session,
  '/keys': (ctx) => Object.keys(ctx.session),
  '/put': (ctx) => Object.assign(ctx.session, ctx['query']),
  '/drop': (ctx) => {
    for (const name of Object.keys(ctx['query'])) delete ctx.session[name];
  },
  '/assign': (ctx) => {
    ctx.session = { ...ctx['query'] };
  },
  '/same': (ctx) => {
    ctx.session = { ...ctx.session };
  },
  '/nest': (ctx) => {
    ctx.session.cart = { items: [{ id: 1, note: 'Zoë 🎈' }], coupon: null };
  },
  '/deepen': (ctx) => {
    ctx.session.cart.items[0].id += 1;
  },
  '/to-and-fro': (ctx) => {
    ctx.session.a = 'other';
    ctx.session.a = '1';
  },
  '/again': (ctx) => {
    const { a } = ctx.session;
    delete ctx.session.a;
    ctx.session.a = a;
  },
  '/cookie': (ctx) => {
    ctx.session.cookie = { recipe: 'oats' };
  },
  '/proto': (ctx) => {
    Object.defineProperty(ctx.session, '__proto__', { value: 'own', enumerable: true });
  },
  '/null': (ctx) => {
    ctx.session = null;
  },
  '/undefined': (ctx) => {
    ctx.session = undefined;
  },
  '/text': (ctx) => {
    ctx.session = 'text';
  },
  '/delete': (ctx) => {
    const deleted = delete ctx.session;
    return [deleted, 'session' in ctx, ctx.session === undefined];
  },
  '/delete-and-put': (ctx) => {
    delete ctx.session;
    ctx.session = { b: '2' };
    return [ctx.session, Object.keys(ctx).includes('session')];
  },
  '/null-and-put': (ctx) => {
    ctx.session = null;
    ctx.session = { c: '3' };
  },
  '/renew': (ctx) => [typeof ctx.sessionHandler.regenerateId(), Object.keys(ctx.sessionHandler)],
  '/renew-twice': (ctx) => {
    ctx.sessionHandler.regenerateId();
    ctx.sessionHandler.regenerateId();
  },
  '/login': (ctx) => {
    ctx.sessionHandler.regenerateId();
    ctx.session.user = 'ann';
  },
  '/renew-and-clear': (ctx) => {
    ctx.sessionHandler.regenerateId();
    ctx.session = {};
  },
  '/own': (ctx) => Object.keys(ctx).filter((name) => name.startsWith('session')),
  '/fail': () => {
    throw new Error('a handler failed');
  },
};

type Step = string | { path: string; cookie: string };
type Row = [title: string, options: minimal.SessionOptions, ...steps: Step[]];

/** What a visitor and a store meet with. */
async function played(make: Make, App: typeof Koa, [, options, ...steps]: Row) {
  const client = new NotingClient();
  const site = await openMinimal(make({ store: client, ...options }), routes, App);
  const visitor = site.visitor();
  const named = idNames();
  const seen: unknown[] = [];
  for (const step of steps) {
    const { path, cookie } = typeof step === 'string' ? { path: step, cookie: undefined } : step;
    const { status, text, setCookie, at } = await visitor.go(path, cookie);
    const calls = client.calls.splice(0);
    seen.push({
      path,
      status,
      text,
      cookies: setCookie.map((line) => named(timeless(line, at))),
      calls: endsLast(calls.map((call) => named(call.join(' ')))),
    });
  }
  return { seen, errors: site.errors.map(String), left: client.size };
}

/** On purpose the new record is stored here before the old one ends, so that a failure costs nothing. */
const endsLast = (calls: string[]) => {
  const ends = calls.filter((call) => call.startsWith('destroy'));
  return [...calls.filter((call) => !ends.includes(call)), ...ends];
};

const rows: Row[] = [
  ['nothing for a visitor whose session stays empty', {}, '/idle', '/see', '/keys', '/same', '/renew'],
  ['nothing for a session that is set to nothing', {}, '/null', '/undefined', '/text', '/delete', '/assign'],
  ['nothing for data that was added and removed', {}, '/put?a=1', '/to-and-fro', '/again', '/see'],
  ['the data, and nothing else, in session and record', {}, '/put?a=1', '/see', '/keys', '/nest', '/see', '/keys'],
  ['a cookie and a record with every change', {}, '/put?a=1', '/put?a=1', '/put?a=2', '/put?b=1', '/see'],
  ['changes deep inside', {}, '/nest', '/deepen', '/deepen', '/see'],
  ['nothing for a session that was only read', {}, '/put?a=1', '/see', '/idle', '/keys', '/same'],
  ['a session that is assigned again', {}, '/assign?a=1', '/assign?b=2', '/see', '/assign?b=2'],
  ['names that objects have anyway', {}, '/put?constructor=1&hasOwnProperty=2', '/proto', '/see', '/keys'],
  ['data under the name cookie', {}, '/cookie', '/see', '/put?a=1', '/see', '/drop?cookie', '/see'],
  ['the end of a session set to null', {}, '/put?a=1', '/null', '/see', '/put?b=1', '/see'],
  ['the end of a session set to undefined', {}, '/put?a=1', '/undefined', '/see'],
  ['the end of a session set to a text', {}, '/put?a=1', '/text', '/see'],
  ['the end of a session set to an empty object', {}, '/put?a=1', '/assign', '/see'],
  ['the end of a session that was emptied key by key', {}, '/put?a=1&b=2', '/drop?a', '/drop?b', '/see'],
  ['the end of a session that was deleted', {}, '/put?a=1', '/delete', '/see', '/put?b=1', '/see'],
  ['a session that was deleted and set again', {}, '/put?a=1', '/delete-and-put', '/see'],
  ['a session that was set to null and set again', {}, '/put?a=1', '/null-and-put', '/see'],
  ['a new id with the same data', {}, '/put?a=1', '/renew', '/see', '/renew-twice', '/see'],
  ['a new id at a login', {}, '/put?a=1', '/login', '/see', '/login'],
  ['a login of a new visitor', {}, '/login', '/see'],
  ['the end of a session that got a new id and was emptied', {}, '/put?a=1', '/renew-and-clear', '/see'],
  ['a property of ctx', {}, '/own', '/put?a=1', '/own'],
  ['a handler that fails and leaves the session alone', {}, '/put?a=1', '/fail', '/see'],
  ['an unknown id, while the session stays empty', {}, { path: '/see', cookie: 'koa:sess=nobodys-id' }],
  ['a cookie of another name', {}, { path: '/put?a=1', cookie: 'koa.sid=somebody-elses-id' }],
  ['a cookie without a value', {}, { path: '/see', cookie: 'koa:sess=' }],
  ['another key', { key: 'shop' }, '/put?a=1', '/see', '/null'],
  ['a key that is empty', { key: '' }, '/put?a=1', '/see'],
  ['a maxAge', { cookie: { maxAge: HOUR } }, '/put?a=1', '/see', '/put?a=2', '/login', '/null'],
  ['a maxAge of years', { cookie: { maxAge: 20_000 * HOUR } }, '/put?a=1', '/null'],
  ['a maxAge of zero', { cookie: { maxAge: 0 } }, '/put?a=1', '/null'],
  ['a negative maxAge', { cookie: { maxAge: -1 } }, '/put?a=1', '/null'],
  ['a maxAge that is not a number', { cookie: { maxAge: Number.NaN } }, '/put?a=1', '/null'],
  ['a maxAge of null', { cookie: { maxAge: null as never } }, '/put?a=1', '/null'],
  ['a path, which is not matched', { cookie: { path: '/admin' } }, '/put?a=1', '/see', '/null'],
  ['a domain', { cookie: { domain: 'shop.example' } }, '/put?a=1', '/login', '/null'],
  ['httpOnly off', { cookie: { httpOnly: false } }, '/put?a=1', '/null'],
  ['secure off', { cookie: { secure: false } }, '/put?a=1', '/null'],
  ['sameSite', { cookie: { sameSite: 'strict' } }, '/put?a=1', '/null'],
  ['priority and partitioned', { cookie: NEWER_ATTRIBUTES as never }, '/put?a=1', '/null'],
  ['expires, which leaves the record its day', { cookie: { expires: new Date(2100, 0) } }, '/put?a=1', '/see', '/null'],
  ['signed, which stays off', { cookie: { signed: true } }, '/put?a=1', '/see', '/null'],
  ['overwrite, which stays on', { cookie: { overwrite: false } }, '/put?a=1', '/login', '/null'],
  ['no cookie options', { cookie: null as never }, '/put?a=1', '/null'],
  ['cookie options by session', { cookie: byUser }, '/put?a=1', '/login', '/see', '/drop?user', '/null', '/put?a=1'],
  ['a cookie function that returns nothing', { cookie: () => undefined }, '/put?a=1', '/null'],
  [
    'a cookie function with every attribute',
    { cookie: (ctx) => ({ maxAge: HOUR, path: ctx.path, domain: 'shop.example', httpOnly: false, sameSite: 'lax' }) },
    '/put?a=1',
    '/put?a=2',
    '/null',
  ],
];

function byUser(ctx: Koa.Context) {
  return { maxAge: (ctx.session as { user?: string } | undefined)?.user ? 24 * HOUR : 0 };
}

describe('the same as koa-session-minimal', () => {
  it.each(rows)('%s', async (...row) => {
    const theirs = await played(peer, Koa, row);
    expect(theirs.seen).toHaveLength(row.length - 2);
    expect(await played(ours, Koa, row)).toEqual(theirs);
  });

  it.each(rows.slice(0, 10))('with Koa 2: %s', async (...row) => {
    const theirs = await played(peer, Koa2 as unknown as typeof Koa, row);
    expect(await played(ours, Koa2 as unknown as typeof Koa, row)).toEqual(theirs);
  });

  it.each([
    ['a value', (value: unknown) => value],
    ['a promise', (value: unknown) => Promise.resolve(value)],
    [
      'a generator',
      function* (value: unknown): Generator<unknown, unknown> {
        return yield Promise.resolve(value);
      },
    ],
  ])('with a store that answers with %s', async (_, answer) => {
    const play = async (make: Make) => {
      const records = new Map<string, string>();
      const store = {
        get: (key: string) => answer(records.has(key) ? JSON.parse(records.get(key) as string) : null),
        set: (key: string, session: object) => answer(records.set(key, JSON.stringify(session)) && undefined),
        destroy: (key: string) => answer(records.delete(key)),
      };
      const { visitor } = await openMinimal(make({ store }), routes);
      const ann = visitor();
      const texts = [];
      for (const path of ['/put?a=1', '/see', '/cookie', '/see', '/login', '/see', '/null', '/see'])
        texts.push((await ann.go(path)).text);
      return { texts, left: [...records.values()] };
    };
    const theirs = await play(peer);
    expect(theirs.texts[1]).toBe('{"a":"1"}');
    expect(await play(ours)).toEqual(theirs);
  });

  it('fails requests with the error of a store that cannot be read', async () => {
    const play = async (make: Make) => {
      const store = { get: () => Promise.reject(new Error('no disk')), set: () => undefined, destroy: () => undefined };
      const site = await openMinimal(make({ store }), routes);
      const { status, text, setCookie } = await site.visitor().go('/see', 'koa:sess=an-id');
      return { status, text, setCookie, errors: site.errors.map((error) => (error as Error).message) };
    };
    const theirs = await play(peer);
    expect(theirs).toMatchObject({ status: 500, errors: ['no disk'] });
    expect(await play(ours)).toEqual(theirs);
  });

  it('fails requests whose cookie must not be sent over plain HTTP, and keeps no record', async () => {
    const play = async (make: Make) => {
      const store = new NotingClient();
      const site = await openMinimal(make({ store, cookie: { secure: true } }), routes);
      const { status, setCookie } = await site.visitor().go('/put?a=1');
      return { status, setCookie, left: store.size, errors: site.errors.map((error) => (error as Error).message) };
    };
    const theirs = await play(peer);
    expect(theirs).toMatchObject({ status: 500, left: 0 });
    expect(await play(ours)).toEqual(theirs);
  });
});
