import session = require('../../../lib/main');

import { dataOf, sentId, sessionOf, setCookieOf } from '../sites/session-site';
import { countCalls, failing, recordOf } from '../stores/open-clients';
import { casesIf, cookieOf, keyOf, member, siteOpener, type Variant } from './variant';

/** When a session is saved, and who has a say in it. */
export function savingContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('ctx.sessionSave', () => {
    records.it('true saves an unchanged session', async () => {
      const site = await open(
        {},
        {
          '/force': (ctx) => {
            ctx.sessionSave = true;
            return ctx.session;
          },
        },
      );
      const ann = await member(site);
      const calls = countCalls(site.client);
      expect(sentId(await ann.get('/force'))).toBe(ann.sid);
      expect(calls.of('write')).toBe(1);
    });

    records.it('true saves an empty session', async () => {
      const site = await open(
        {},
        {
          '/force': async (ctx) => {
            await ctx.session;
            ctx.sessionSave = true;
          },
        },
      );
      const visitor = site.visitor();
      expect(sentId(await visitor.get('/force'))).toMatch(/^[\w-]{24}$/);
      expect(site.client.size).toBe(1);
    });

    records.it('true does not restore a session that was set to null', async () => {
      const site = await open(
        {},
        {
          '/end': (ctx) => {
            ctx.sessionSave = true;
            ctx.session = null;
          },
        },
      );
      const ann = await member(site);
      expect(sentId(await ann.get('/end'))).toBe('');
      expect(site.client.size).toBe(0);
    });

    it('false drops all changes', async () => {
      const site = await open(
        {},
        {
          '/dry': async (ctx) => {
            ctx.sessionSave = false;
            (await sessionOf(ctx))['user'] = 'bob';
          },
          '/dry-logout': (ctx) => {
            ctx.sessionSave = false;
            ctx.session = null;
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/dry')).setCookie).toEqual([]);
      expect((await ann.get('/dry-logout')).setCookie).toEqual([]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect((await site.visitor().get('/dry')).setCookie).toEqual([]);
      expect(site.client.size).toBe(1);
    });

    it('is null by default, and returns what was set', async () => {
      const site = await open(
        {},
        {
          '/tell': (ctx) => {
            const before = ctx.sessionSave;
            ctx.sessionSave = false;
            return [before, ctx.sessionSave];
          },
        },
      );
      expect((await site.visitor().get('/tell')).json()).toEqual([null, false]);
    });
  });

  describe('ctx.saveSession()', () => {
    records.it(
      'saves at once: the record exists before the request ends, under the id that the visitor gets',
      async () => {
        const client = variant.newClient();
        const site = await open(
          {},
          {
            '/early': async (ctx) => {
              (await sessionOf(ctx))['user'] = 'ann';
              await ctx.saveSession();
              return dataOf(await recordOf(client, keyOf(variant, ctx.sessionId)));
            },
          },
          { client },
        );
        const reply = await site.visitor().get('/early');
        expect(reply.json()).toEqual({ user: 'ann' });
        expect(await recordOf(client, keyOf(variant, sentId(reply)))).toMatchObject({ user: 'ann' });
        expect(client.size).toBe(1);
      },
    );

    records.it('may be called any number of times: one id, one record, one write per change', async () => {
      const site = await open(
        {},
        {
          '/often': async (ctx) => {
            const current = await sessionOf(ctx);
            const ids: string[] = [];
            for (const step of [1, 1, 2, 2]) {
              current['step'] = step;
              await ctx.saveSession();
              ids.push(ctx.sessionId);
            }
            await Promise.all([ctx.saveSession(), ctx.saveSession()]);
            return [...new Set(ids)];
          },
        },
      );
      const calls = countCalls(site.client);
      const reply = await site.visitor().get('/often');
      expect(reply.json()).toEqual([sentId(reply)]);
      expect(reply.setCookie).toHaveLength(2);
      expect([calls.of('write'), calls.of('read'), site.client.size]).toEqual([2, 0, 1]);
    });

    it('leaves later changes to the end of the request', async () => {
      const site = await open(
        {},
        {
          '/both': async (ctx) => {
            const current = await sessionOf(ctx);
            current['first'] = 1;
            await ctx.saveSession();
            current['second'] = 2;
          },
        },
      );
      const ann = await member(site);
      await ann.get('/both');
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', first: 1, second: 2 });
    });

    it('saves nothing for an empty new session', async () => {
      const site = await open({}, { '/save': (ctx) => ctx.saveSession() });
      expect((await site.visitor().get('/save')).setCookie).toEqual([]);
      expect(site.client.size).toBe(0);
    });

    records.it('does not prevent a logout', async () => {
      const site = await open(
        {},
        {
          '/out': async (ctx) => {
            (await sessionOf(ctx))['last'] = 'word';
            await ctx.saveSession();
            ctx.session = null;
          },
        },
      );
      const ann = await member(site);
      expect(sentId(await ann.get('/out'))).toBe('');
      expect(site.client.size).toBe(0);
      const bob = site.visitor();
      await bob.get('/out');
      expect([site.client.size, await cookieOf(bob, site)]).toEqual([0, '']);
    });

    records.it('destroys at once if the session was set to null; a session assigned next is a new one', async () => {
      const site = await open(
        {},
        {
          '/switch': async (ctx) => {
            ctx.session = null;
            await ctx.saveSession();
            ctx.session = { user: 'bob' };
          },
        },
      );
      const ann = await member(site);
      const reply = await ann.get('/switch');
      expect(sentId(reply)).toMatch(/^[\w-]{24}$/);
      expect(sentId(reply)).not.toBe(ann.sid);
      expect((await ann.get('/see')).json()).toEqual({ user: 'bob' });
      expect(site.client.size).toBe(1);
    });

    it('reports a failure of the store to the handler', async () => {
      const site = await open(
        {},
        {
          '/save': async (ctx) => {
            (await sessionOf(ctx))['user'] = 'bob';
            return ctx.saveSession().then(
              () => 'saved',
              (error: Error) => error.message,
            );
          },
        },
      );
      const ann = await member(site);
      failing(site.client, 'write');
      expect((await ann.get('/save')).status).toBe(500);
      expect(site.errors.map(({ message }) => message)).toEqual(['store is broken']);
    });
  });

  describe('autoCommit: false', () => {
    it('saves only what saveSession() saves', async () => {
      const site = await open(
        { autoCommit: false },
        {
          '/save': async (ctx) => {
            (await sessionOf(ctx))['saved'] = true;
            await ctx.saveSession();
            (await sessionOf(ctx))['unsaved'] = true;
          },
        },
      );
      const visitor = site.visitor();
      expect((await visitor.get('/put?user=ann')).setCookie).toEqual([]);
      expect(site.client.size).toBe(0);
      await visitor.get('/save');
      expect((await visitor.get('/see')).json()).toEqual({ saved: true });
      expect(setCookieOf(await visitor.get('/logout'))).toBeUndefined();
      expect(site.client.size).toBe(1);
    });
  });

  describe('allowEmpty', () => {
    records.it('gives a session to every visitor who uses it, with or without data', async () => {
      const site = await open({ allowEmpty: true });
      const visitor = site.visitor();
      const sid = sentId(await visitor.get('/see'));
      expect(sid).toMatch(/^[\w-]{24}$/);
      expect(await recordOf(site.client, keyOf(variant, sid))).toHaveProperty('cookie');
      expect((await visitor.get('/see')).setCookie).toEqual([]);
    });
  });

  describe('rolling', () => {
    records.it('extends record and cookie whenever the session is used', async () => {
      const site = await open({ rolling: true });
      const ann = await member(site);
      const calls = countCalls(site.client);
      for (let visit = 1; visit <= 3; visit += 1) expect(sentId(await ann.get('/see'))).toBe(ann.sid);
      expect(calls.of('touch') || calls.of('write')).toBe(3);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });

    it('gives no session to visitors without data', async () => {
      const site = await open({ rolling: true });
      expect((await site.visitor().get('/see')).setCookie).toEqual([]);
      expect(site.client.size).toBe(0);
    });

    records.it('does not extend a session that the handler ends', async () => {
      const site = await open({ rolling: true });
      const ann = await member(site);
      expect(sentId(await ann.get('/logout'))).toBe('');
      expect(site.client.size).toBe(0);
    });
  });

  describe('data that cannot be stored', () => {
    it('fails the request, and the session stays unchanged', async () => {
      const site = await open(
        {},
        {
          '/loop': async (ctx) => {
            const current = await sessionOf(ctx);
            current['self'] = current;
          },
        },
      );
      const ann = await member(site);
      expect((await ann.get('/loop')).status).toBe(500);
      expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_SERIALIZE' })]);
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect(site.errors[0]).toBeInstanceOf(session.SessionError);
    });
  });
}
