import { cookieHeader, dataOf, sentId, sessionOf, setCookieOf } from '../sites/session-site';
import { countCalls, recordOf } from '../stores/open-clients';
import { casesIf, cookieOf, keyOf, member, siteOpener, type Variant } from './variant';

/** What `ctx.session = …` does. */
export function assigningContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('assigning ctx.session', () => {
    records.it('replaces the session: keys that the new object lacks are removed', async () => {
      const site = await open(
        {},
        {
          '/replace': async (ctx) => {
            await ctx.session;
            ctx.session = { theme: 'dark' };
          },
        },
      );
      const ann = await member(site);
      await ann.get('/replace');
      expect((await ann.get('/see')).json()).toEqual({ theme: 'dark' });
      expect(await cookieOf(ann, site)).toBe(ann.sid);
    });

    it('replaces it even if no handler has read it before', async () => {
      const site = await open(
        {},
        {
          '/replace': (ctx) => {
            ctx.session = { theme: 'dark' };
          },
        },
      );
      const ann = await member(site);
      await ann.get('/replace');
      expect((await ann.get('/see')).json()).toEqual({ theme: 'dark' });
      expect(site.client.size).toBe(1);
    });

    it('starts a session for a new visitor', async () => {
      const site = await open(
        {},
        {
          '/begin': (ctx) => {
            ctx.session = { theme: 'dark' };
          },
        },
      );
      const visitor = site.visitor();
      expect(setCookieOf(await visitor.get('/begin'))).toMatch(/; expires=.*; samesite=lax; httponly$/);
      expect((await visitor.get('/see')).json()).toEqual({ theme: 'dark' });
      expect(await recordOf(site.client, keyOf(variant, await cookieOf(visitor, site)))).toHaveProperty(
        'cookie.path',
        '/',
      );
    });

    it('keeps the object: later changes count, and it gets no enumerable key', async () => {
      const site = await open(
        {},
        {
          '/object': async (ctx) => {
            const own: Record<string, unknown> = { theme: 'dark' };
            ctx.session = own;
            const same = (await ctx.session) === own;
            const keys = Object.keys(own);
            own['late'] = 'yes';
            return { same, keys, path: (await sessionOf(ctx)).cookie.path };
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/object')).json()).toEqual({ same: true, keys: ['theme'], path: '/' });
      expect((await ann.get('/see')).json()).toEqual({ theme: 'dark', late: 'yes' });
    });

    it('accepts objects that cannot be extended', async () => {
      const site = await open(
        {},
        {
          '/frozen': (ctx) => {
            ctx.session = Object.freeze({ theme: 'dark' });
          },
        },
      );
      const visitor = site.visitor();
      expect((await visitor.get('/frozen')).status).toBe(200);
      expect((await visitor.get('/see')).json()).toEqual({ theme: 'dark' });
    });

    it.each(['text', 5, true, [['list']]])('refuses %j, and the session stays unchanged', async (value) => {
      const site = await open(
        {},
        {
          '/wrong': (ctx) => {
            ctx.session = value as unknown as object;
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/wrong')).status).toBe(500);
      expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_VALUE' })]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });
  });

  describe('ending a session', () => {
    records.it.each([null, undefined])(
      'by setting it to %s destroys the record and clears the cookie',
      async (nothing) => {
        const site = await open(
          {},
          {
            '/end': (ctx) => {
              ctx.session = nothing;
            },
          },
        );
        const ann = await member(site);
        const reply = await ann.get('/end');
        expect(sentId(reply)).toBe('');
        expect(site.client.size).toBe(0);
        expect(await cookieOf(ann, site)).toBe('');
        expect((await ann.get('/see')).json()).toEqual({});
      },
    );

    it('is visible in the same request', async () => {
      const site = await open(
        {},
        {
          '/end': async (ctx) => {
            ctx.session = null;
            return { session: await ctx.session };
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/end')).json()).toEqual({ session: null });
    });

    it('does nothing for a visitor without a session', async () => {
      const site = await open();
      const calls = countCalls(site.client);
      const reply = await site.visitor().get('/logout');
      expect([reply.status, reply.setCookie, calls.of('destroy')]).toEqual([200, [], 0]);
    });

    it('clears the cookie with the attributes that it was set with', async () => {
      const cookie = { path: '/', domain: 'shop.example', sameSite: 'strict', httpOnly: true } as const;
      const site = await open({ cookie });
      const set = await site.visitor().get('/put?user=ann');
      const header = cookieHeader(set);
      const cleared = await site.visitor().get('/logout', { cookie: header });
      for (const name of ['koa.sid', 'koa.sid.sig']) {
        expect(setCookieOf(cleared, name)).toMatch(
          /=[^;]*; path=\/; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=shop\.example; samesite=strict; httponly$/,
        );
      }
    });

    records.it('does not store the data that a handler still holds', async () => {
      const site = await open(
        {},
        {
          '/end': async (ctx) => {
            const held = await sessionOf(ctx);
            ctx.session = null;
            held['user'] = 'still here';
            return dataOf(held);
          },
        },
      );
      const ann = await member(site);
      await ann.get('/end');
      expect(site.client.size).toBe(0);
    });
  });
}
