import type Koa from 'koa';
import type session from '../../lib/koa-session';
import minimal from '../../lib/koa-session-minimal';
import { browser, type Reply } from '../helpers/http/serve';
import { type Make, ours, RecordingStore, siteOf, theirs } from '../helpers/sites/koa-session-sites';
import { cookieHeader } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';
import { interop } from '../interop';
import { openMinimal } from './koa-session-minimal/site';

everyTestStartsAt(Date.UTC(2030, 0, 1));

const EggCookies = interop('egg-cookies') as new (ctx: Koa.Context, keys: unknown, defaults: object) => object;

/** As Egg has it. */
const withEggCookies: Koa.Middleware = (ctx, next) => {
  Object.assign(ctx, { cookies: new EggCookies(ctx, ctx.app.keys, {}) });
  return next();
};

/** Another key than the site's: its signatures are invalid. */
const forged = (cookie: string) => cookie.replace(/sig=(.)/, (_, first) => `sig=${first === '-' ? '_' : '-'}`);

describe.each<[string, Koa.Middleware | undefined, Partial<session.CreateSessionOptions>]>([
  ['', undefined, {}],
  [', unsigned', undefined, { signed: false }],
  [' and egg-cookies', withEggCookies, {}],
  [' and egg-cookies, encrypted', withEggCookies, { encrypt: true } as object],
])('Of several cookies of one name, with the entry point for koa-session%s', (_kind, before, options) => {
  const MINUTE = 60_000;
  const isSigned = options.signed !== false && !('encrypt' in options);

  const siteIn = (store: RecordingStore | undefined, make: Make = ours) =>
    siteOf(make, { ...options, ...(store && { store }), maxAge: 2 * MINUTE }, { before });

  async function login(site: Awaited<ReturnType<typeof siteIn>>, user: string): Promise<string> {
    return cookieHeader(await site.visitor().get(`/put?user=${user}`));
  }

  const userIn = (reply: Reply) => reply.json<{ data: { user?: string } }>().data.user;

  it.each([true, false])('the first that has a session counts, in a store: %s', async (inStore) => {
    const site = await siteIn(inStore ? new RecordingStore() : undefined);
    const dead = await login(site, 'dead');
    pass(MINUTE);
    const ann = await login(site, 'ann');
    const bea = await login(site, 'bea');
    pass(MINUTE + 1);
    const see = async (cookie: string) => {
      const reply = await browser(site.url).get('/see', { cookie });
      expect(reply.setCookie).toEqual([]);
      return userIn(reply);
    };
    expect(await see(`${dead}; ${ann}`)).toBe('ann');
    expect(await see(`${dead}; ${bea}; ${ann}`)).toBe('bea');
    expect(await see(`${ann}; ${dead}`)).toBe('ann');
    expect(await see(`${dead}; ${dead}`)).toBeUndefined();
    if (!isSigned) return;
    expect(await see(`${forged(bea)}; ${ann}`)).toBe('ann');
    const [[id, idSignature], [other, otherSignature]] = [dead.split('; '), ann.split('; ')];
    expect(await see([id, other, otherSignature, idSignature].join('; '))).toBe('ann');
  });

  it('koa-session reads only the first', async () => {
    const site = await siteIn(new RecordingStore(), theirs);
    const dead = await login(site, 'dead');
    pass(3 * MINUTE);
    const ann = await login(site, 'ann');
    expect(userIn(await browser(site.url).get('/see', { cookie: `${dead}; ${ann}` }))).toBeUndefined();
  });
});

describe('Of several cookies of one name, with the entry point for koa-session', () => {
  it('only one counts for a `ctx.cookies` that cannot read another header', async () => {
    class Sealed {
      readonly #ctx: Koa.Context;
      constructor(ctx: Koa.Context) {
        this.#ctx = ctx;
      }
      get(name: string) {
        return this.#ctx.get('cookie').match(`${name}=([^;]*)`)?.[1];
      }
    }
    const store = new RecordingStore();
    store.records.set('id', '{"user":"ann"}');
    const before: Koa.Middleware = (ctx, next) => {
      Object.assign(ctx, { cookies: new Sealed(ctx) });
      return next();
    };
    const site = await siteOf(ours, { store }, { before });
    const reply = await browser(site.url).get('/see', { cookie: 'koa.sess=id; koa.sess=other' });
    expect(reply.json()).toMatchObject({ data: { user: 'ann' } });
  });

  it('the external key counts, whatever the cookies say', async () => {
    const store = new RecordingStore();
    store.records.set('id', '{"user":"ann"}');
    const externalKey = { get: () => 'dead', set() {} };
    const site = await siteOf(ours, { store, externalKey, signed: false });
    const reply = await browser(site.url).get('/see', { cookie: 'koa.sess=dead; koa.sess=id' });
    expect(reply.json()).toMatchObject({ data: {} });
  });
});

describe('Of several cookies of one name, with the entry point for koa-session-minimal', () => {
  it('the first that has a session counts', async () => {
    const store = new MapClient();
    const site = await openMinimal(minimal({ store }), {
      '/see': (ctx) => ctx.session,
      '/put': (ctx) => {
        Object.assign(ctx.session, ctx['query']);
      },
    });
    const ann = site.visitor();
    await ann.go('/put?user=ann');
    const [[name, id] = []] = ann.cookies;
    const see = async (cookie: string) => JSON.parse((await ann.go('/see', cookie)).text);
    expect(await see(`${name}=dead; ${name}=gone; ${name}=${id}`)).toEqual({ user: 'ann' });
    expect(await see(`${name}=${id}; ${name}=dead`)).toEqual({ user: 'ann' });
    expect(await see(`${name}=dead; ${name}=gone`)).toEqual({});
  });
});
