import { dataOf, type Routes, sentId, sessionOf } from '../sites/session-site';
import { countCalls, recordOf } from '../stores/open-clients';
import { meeting } from '../time/gate';
import { casesIf, cookieOf, keyOf, member, siteOpener, type Variant } from './variant';

/** A new id for the session, and what becomes of the old one. */
export function regeneratingContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);
  const shared = casesIf(variant.sharesSessions);
  const routes = {
    '/regenerate': (ctx) => ctx.regenerateSession(),
    '/escalate': async (ctx) => {
      await ctx.regenerateSession({ keepData: true });
      (await sessionOf(ctx))['admin'] = true;
    },
    '/login': async (ctx) => {
      await ctx.regenerateSession();
      (await sessionOf(ctx))['user'] = 'bob';
      return ctx.sessionId;
    },
  } satisfies Routes;

  describe('ctx.regenerateSession()', () => {
    shared.it('gives an empty session under a new id; the old id is worthless', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const stolen = await ann.jar.getCookieString(site.url);
      const reply = await ann.get('/login');
      expect(sentId(reply)).toBe(reply.json());
      expect(sentId(reply)).not.toBe(ann.sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
      expect((await site.visitor().get('/see', { cookie: stolen })).json()).toEqual({});
      expect(await recordOf(site.client, keyOf(variant, ann.sid))).toBeUndefined();
    });

    records.it('with keepData keeps the data', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const reply = await ann.get('/escalate');
      expect(sentId(reply)).not.toBe(ann.sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', admin: true });
      expect(await recordOf(site.client, keyOf(variant, ann.sid))).toBeUndefined();
    });

    it('with keepData also keeps changes that the handler has made before', async () => {
      const site = await open(
        {},
        {
          '/escalate': async (ctx) => {
            const held = await sessionOf(ctx);
            held['before'] = 1;
            await ctx.regenerateSession({ keepData: true });
            return held === (await ctx.session);
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/escalate')).json()).toBe(true);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', before: 1 });
    });

    records.it('clears the cookie if the session stays empty', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      expect(sentId(await ann.get('/regenerate'))).toBe('');
      expect(await recordOf(site.client, keyOf(variant, ann.sid))).toBeUndefined();
      expect(await cookieOf(ann, site)).toBe('');
    });

    records.it('stores the empty session with allowEmpty', async () => {
      const site = await open({ allowEmpty: true }, routes);
      const ann = await member(site);
      const sid = sentId(await ann.get('/regenerate')) as string;
      expect(sid).toMatch(/^[\w-]{24}$/);
      expect(await recordOf(site.client, keyOf(variant, sid))).toHaveProperty('cookie');
    });

    it('is harmless for a new visitor', async () => {
      const site = await open({}, routes);
      const visitor = site.visitor();
      expect((await visitor.get('/regenerate')).setCookie).toEqual([]);
      expect(site.client.size).toBe(0);
      await visitor.get('/login');
      expect((await visitor.get('/see')).json()).toEqual({ user: 'bob' });
      expect(site.client.size).toBe(1);
    });

    it('discards the data of a new visitor', async () => {
      const site = await open(
        {},
        {
          '/login': async (ctx) => {
            (await sessionOf(ctx))['guest'] = true;
            const before = ctx.sessionId;
            await ctx.regenerateSession();
            (await sessionOf(ctx))['user'] = 'bob';
            return ctx.sessionId === before;
          },
        },
      );
      const visitor = site.visitor();
      expect((await visitor.get('/login')).json()).toBe(false);
      expect((await visitor.get('/see')).json()).toEqual({ user: 'bob' });
    });

    it('may be called twice', async () => {
      const site = await open(
        {},
        {
          '/twice': async (ctx) => {
            await ctx.regenerateSession();
            const first = ctx.sessionId;
            await ctx.regenerateSession();
            (await sessionOf(ctx))['user'] = 'bob';
            return first;
          },
        },
      );
      const ann = await member(site);
      const reply = await ann.get('/twice');
      expect(sentId(reply)).not.toBe(reply.json());
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    });

    it('ends a session that saveSession() has just stored', async () => {
      const site = await open(
        {},
        {
          '/login': async (ctx) => {
            (await sessionOf(ctx))['guest'] = true;
            await ctx.saveSession();
            const guest = ctx.sessionId;
            await ctx.regenerateSession();
            (await sessionOf(ctx))['user'] = 'bob';
            return guest;
          },
        },
      );
      const reply = await site.visitor().get('/login');
      expect(await recordOf(site.client, keyOf(variant, reply.json()))).toBeUndefined();
      expect(await recordOf(site.client, keyOf(variant, sentId(reply)))).toMatchObject({ user: 'bob' });
    });

    it('resolves to the new session', async () => {
      const site = await open(
        {},
        {
          '/resolve': async (ctx) => ((await ctx.regenerateSession()) as unknown) === (await ctx.session),
        },
      );
      expect((await site.visitor().get('/resolve')).json()).toBe(true);
    });

    it.each([false, true])(
      'rejects after the response headers, before it changes anything (keepData: %s)',
      async (keepData) => {
        const site = await open(
          {},
          {
            '/late': async (ctx) => {
              await ctx.session;
              ctx.res.writeHead(200);
              ctx.respond = false;
              const outcome = await ctx.regenerateSession({ keepData }).catch(({ code }: { code: string }) => code);
              ctx.res.end(JSON.stringify(outcome));
            },
          },
        );
        const ann = await member(site);
        const calls = countCalls(site.client);
        expect((await ann.get('/late')).json()).toBe('ERR_SESSION_HEADERS_SENT');
        expect([calls.of('write'), calls.of('destroy')]).toEqual([0, 0]);
        expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      },
    );
  });

  describe('a regenerated id', () => {
    shared.it(
      'gets an empty session that is neither stored nor sent, so that it cannot replace the new login',
      async () => {
        const site = await open({}, routes);
        const ann = await member(site);
        const old = await ann.jar.getCookieString(site.url);
        await ann.get('/escalate');
        const { size } = site.client;
        const late = await site.visitor().get('/put?late=yes', { cookie: old });
        expect([late.status, late.setCookie]).toEqual([200, []]);
        expect(site.client.size).toBe(size);
        expect(site.heard.at(-1)).toEqual({ name: 'session:gone', key: ann.sid, value: undefined });
      },
    );

    shared.it('lets a repeated login succeed, since the first answer may have been lost', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const old = await ann.jar.getCookieString(site.url);
      const first = sentId(await ann.get('/login'));
      const again = site.visitor();
      const second = await again.get('/login', { cookie: old });
      expect(sentId(second)).toBe(second.json());
      expect(sentId(second)).not.toBe(first);
      expect((await again.get('/see')).json()).toEqual({ user: 'bob' });
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    });

    shared.it('moves nothing if a late request moves its data: the first request has it', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const old = await ann.jar.getCookieString(site.url);
      await ann.get('/escalate');
      const late = site.visitor();
      expect(sentId(await late.get('/escalate', { cookie: old }))).toMatch(/./);
      expect((await late.get('/see')).json()).toEqual({ admin: true });
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', admin: true });
    });

    shared.it('sends nothing if the repeated login keeps no data', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const old = await ann.jar.getCookieString(site.url);
      await ann.get('/login');
      const late = await site.visitor().get('/regenerate', { cookie: old });
      expect([late.status, late.setCookie]).toEqual([200, []]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    });

    shared.it('does not end the login if a late request logs out', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const old = await ann.jar.getCookieString(site.url);
      await ann.get('/login');
      const late = await site.visitor().get('/logout', { cookie: old });
      expect([late.status, late.setCookie]).toEqual([200, []]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
    });

    shared.it('ends the session if a late request logs out and it was moved with its data, however often', async () => {
      const site = await open({}, routes);
      const ann = await member(site);
      const old = await ann.jar.getCookieString(site.url);
      await ann.get('/escalate');
      await ann.get('/escalate');
      const late = await site.visitor().get('/logout', { cookie: old });
      expect([late.status, sentId(late)]).toEqual([200, '']);
      expect((await ann.get('/see')).json()).toEqual({});
    });

    shared.it('is replaced by only one of two parallel requests: the other one stores and sends nothing', async () => {
      const site = await open(
        {},
        {
          '/race': async (ctx) => {
            await ctx.session;
            await bothHere();
            await ctx.regenerateSession({ keepData: true });
            (await sessionOf(ctx))['won'] = ctx.query['name'];
          },
        },
      );
      const bothHere = meeting(2);
      const ann = await member(site);
      const replies = await Promise.all(['/race?name=one', '/race?name=two'].map((path) => ann.get(path)));
      const sent = replies.map((reply) => sentId(reply)).filter((sid) => sid !== undefined);
      expect(sent).toHaveLength(1);
      expect(site.events().filter((name) => name === 'session:gone')).toHaveLength(1);
      const winner = sentId(replies[0] as never) === undefined ? 'two' : 'one';
      expect(dataOf(await recordOf(site.client, keyOf(variant, sent[0])))).toEqual({ user: 'ann', won: winner });
    });
  });
}
