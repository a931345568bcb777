import type Koa from 'koa';
import type session from '../../../lib/main';
import { type Routes, sentId, sessionOf, setCookieOf } from '../sites/session-site';
import { countCalls, recordOf } from '../stores/open-clients';
import { casesIf, keyOf, member, siteOpener, type Variant } from './variant';

/** What is kept, what is sent for it, and that nothing unnecessary happens. */
export function keepingContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('keeping a session', () => {
    it('keeps data from one request to the next, separately for each visitor', async () => {
      const site = await open();
      const [ann, bob] = [site.visitor(), site.visitor()];
      await ann.get('/put?user=ann');
      await bob.get('/put?user=bob');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect((await bob.get('/see')).json()).toEqual({ user: 'bob' });
      expect(site.client.size).toBe(2);
    });

    records.it('sends a signed cookie for a day, hidden from scripts and from other sites', async () => {
      const site = await open();
      const reply = await site.visitor().get('/put?user=ann');
      const line = setCookieOf(reply) as string;
      expect(line).toMatch(/^koa\.sid=[\w-]{24}; path=\/; expires=[^;]+; max-age=\d+; samesite=lax; httponly$/);
      expect(setCookieOf(reply, 'koa.sid.sig')).toBeDefined();
      const expires = Date.parse(/expires=([^;]+)/.exec(line)?.[1] ?? '');
      expect(Math.abs(expires - Date.now() - 24 * 60 * 60 * 1000)).toBeLessThan(60_000);
    });

    it('stores the session under prefix and id, with its cookie in it', async () => {
      const site = await open();
      const { sid } = await member(site);
      expect(await recordOf(site.client, keyOf(variant, sid))).toMatchObject({
        user: 'ann',
        cookie: { path: '/', httpOnly: true, maxAge: 24 * 60 * 60 * 1000 },
      });
    });

    records.it('accepts other names for cookie and keys', async () => {
      const site = await open({ key: 'shop:sid', prefix: 'shop:' });
      const reply = await site.visitor().get('/put?user=ann');
      const sid = sentId(reply, 'shop:sid');
      expect(reply.setCookie.map((line) => line.split('=', 1)[0])).toEqual(['shop:sid', 'shop:sid.sig']);
      expect(await recordOf(site.client, keyOf(variant, sid, 'shop:'))).toMatchObject({ user: 'ann' });
    });

    it('forbids shared caches to store a response with the cookie', async () => {
      const site = await open();
      const visitor = site.visitor();
      const { headers } = await visitor.get('/put?user=ann');
      expect(headers.get('vary')).toBe('Cookie');
      expect(headers.get('cache-control')).toBe('no-store');
      const later = await visitor.get('/idle');
      expect(later.headers.get('vary')).toBeNull();
      expect(later.headers.get('cache-control')).toBeNull();
    });

    it("keeps the application's own caching headers", async () => {
      const site = await open(
        {},
        {
          '/own': async (ctx) => {
            ctx.set('Cache-Control', 'no-store');
            ctx.set('Vary', 'Accept');
            (await sessionOf(ctx))['user'] = 'ann';
          },
        },
      );
      const { headers } = await site.visitor().get('/own');
      expect(headers.get('vary')).toBe('Accept, Cookie');
      expect(headers.get('cache-control')).toBe('no-store');
    });
  });

  describe('a request that does not need a session', () => {
    it('sends and stores nothing for visitors whose session stays empty, and does not call the store', async () => {
      const site = await open();
      const calls = countCalls(site.client);
      for (const path of ['/idle', '/see', '/put']) expect((await site.visitor().get(path)).setCookie).toEqual([]);
      expect(site.client.size).toBe(0);
      expect(calls.of('read')).toBe(0);
    });

    it.each<[string, (session: session.Session, ctx: Koa.Context) => unknown]>([
      [
        'a key each',
        (session) => Object.assign(session, { a: () => 1, b: Symbol('b'), c: undefined, d: { toJSON() {} } }),
      ],
      ['an assigned object of functions', (_, ctx) => Object.assign(ctx, { session: { save: () => 1 } })],
    ])('sends and stores nothing if JSON would keep nothing of a session: %s', async (what, put) => {
      const isReplaced = what.startsWith('an assigned');
      for (const rolling of [false, true]) {
        const routes: Routes = {
          '/values': async (ctx) => void put(await sessionOf(ctx), ctx),
          '/saved': async (ctx) => {
            put(await sessionOf(ctx), ctx);
            await ctx.saveSession();
            return ctx.sessionHandler.status;
          },
        };
        const site = await open({ rolling }, routes);
        const visitor = site.visitor();
        for (const path of ['/values', '/values', '/saved']) expect((await visitor.get(path)).setCookie).toEqual([]);
        expect((await visitor.get('/saved')).json()).toBe('unmodified');
        expect([site.client.size, site.events(), site.errors]).toEqual([0, [], []]);
        if (rolling) continue;
        // Of a session that is stored they are no change.
        const ann = await member(site);
        const calls = countCalls(site.client);
        await ann.get('/values');
        expect(calls.of('write')).toBe(isReplaced ? 1 : 0);
      }
    });

    it('stores such a session without data with `allowEmpty`', async () => {
      const site = await open(
        { allowEmpty: true },
        { '/values': async (ctx) => void Object.assign(await sessionOf(ctx), { save: () => 1 }) },
      );
      expect(sentId(await site.visitor().get('/values'))).toMatch(/./);
      expect(site.client.size).toBe(1);
    });

    it('writes nothing and sends no cookie if a session is only read', async () => {
      const site = await open();
      const ann = await member(site);
      const calls = countCalls(site.client);
      expect((await ann.get('/see')).setCookie).toEqual([]);
      expect((await ann.get('/put?user=ann')).setCookie).toEqual([]);
      expect([calls.of('write'), calls.of('touch')]).toEqual([0, 0]);
    });

    it('reads the session once per request', async () => {
      const site = await open(
        {},
        {
          '/thrice': async (ctx) => [await ctx.session, await ctx.session, await ctx.session].length,
        },
      );
      const ann = await member(site);
      const calls = countCalls(site.client);
      await ann.get('/thrice');
      expect(calls.of('read')).toBe(1);
    });

    it('detects a removed key, and a deeply nested change', async () => {
      const site = await open(
        {},
        {
          '/fill': async (ctx) => Object.assign(await sessionOf(ctx), { cart: { items: [1] } }),
          '/deep': async (ctx) => ((await sessionOf(ctx))['cart'] as { items: number[] }).items.push(2),
          '/remove': async (ctx) => delete (await sessionOf(ctx))['user'],
        },
      );
      const ann = await member(site);
      await ann.get('/fill');
      await ann.get('/deep');
      await ann.get('/remove');
      expect((await ann.get('/see')).json()).toEqual({ cart: { items: [1, 2] } });
    });
  });

  describe("the session's own cookie attributes", () => {
    it('are sent with the cookie, stay with the session and set the lifetime of the record', async () => {
      const site = await open(
        {},
        {
          '/remember': async (ctx) => {
            (await sessionOf(ctx)).cookie.maxAge = 30 * 24 * 60 * 60 * 1000;
          },
          '/lifetime': async (ctx) => (await sessionOf(ctx)).cookie.maxAge,
        },
      );
      const ann = await member(site);
      const expires = Date.parse(/expires=([^;]+)/.exec(setCookieOf(await ann.get('/remember')) ?? '')?.[1] ?? '');
      expect(Math.round((expires - Date.now()) / (24 * 60 * 60 * 1000))).toBe(30);
      expect((await ann.get('/lifetime')).json()).toBe(30 * 24 * 60 * 60 * 1000);
    });
  });
}
