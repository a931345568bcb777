import Koa from 'koa';
import Koa2 from 'koa2';
import type { SessionOptions } from '../../../lib/main';
import { requestContract } from '../../helpers/requests/contract';
import { cookieOf, member } from '../../helpers/requests/variant';
import { siteWith } from '../../helpers/sites/open-sites';
import { dataOf, type Routes, sentId, sessionOf } from '../../helpers/sites/session-site';
import type { OpenClient } from '../../helpers/stores/open-clients';
import { WatchedCookieStore } from '../../helpers/stores/watched-cookie-store';

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('sessions sealed in the cookie, with %s', (_version, AnyKoa) => {
  describe.each([
    ['loaded up front', false],
    ['deferred', true],
  ])('%s', (_mode, defer) => {
    // A session in its cookie has no record on the server, as docs/cookie.md says.
    const newClient = () => new WatchedCookieStore() as unknown as OpenClient;
    requestContract({ Koa: AnyKoa, defer, newClient, hasRecords: false, sharesSessions: false });

    const open = (options: SessionOptions = {}, routes: Routes = {}) =>
      siteWith({ store: new WatchedCookieStore(), defer, ...options }, routes, { Koa: AnyKoa });
    const idOf: Routes = { '/id': async (ctx) => [Object.keys(dataOf(await ctx.session) ?? {}), ctx.sessionId] };

    describe('differences to other stores', () => {
      it('an assigned object replaces the session, under the same id', async () => {
        const site = await open({}, { ...idOf, '/replace': (ctx) => void Object.assign(ctx, { session: { b: 2 } }) });
        const ann = await member(site);
        const [, sid] = (await ann.get('/id')).json<[string[], string]>();
        await ann.get('/replace');
        expect((await ann.get('/id')).json()).toEqual([['b'], sid]);
      });

      it('`sessionSave = true` seals an unchanged or empty session, but not an ended one', async () => {
        const site = await open(
          {},
          {
            '/force': async (ctx) => {
              await ctx.session;
              ctx.sessionSave = true;
            },
            '/end': (ctx) => {
              ctx.sessionSave = true;
              ctx.session = null;
            },
          },
        );
        const ann = await member(site);
        expect(sentId(await ann.get('/force'))).toMatch(/^eyJ/);
        expect(sentId(await site.visitor().get('/force'))).toMatch(/^eyJ/);
        expect(sentId(await ann.get('/end'))).toBe('');
      });

      it('a session that is saved and then ended in one request has ended; one assigned after that is new', async () => {
        const site = await open(
          {},
          {
            ...idOf,
            '/out': async (ctx) => {
              (await sessionOf(ctx))['last'] = 'word';
              await ctx.saveSession();
              ctx.session = null;
            },
            '/switch': async (ctx) => {
              ctx.session = null;
              await ctx.saveSession();
              ctx.session = { bob: true };
            },
          },
        );
        for (const visitor of [await member(site), site.visitor()]) {
          const { setCookie } = await visitor.get('/out');
          expect(setCookie.filter((line) => line.startsWith('koa.sid='))).toHaveLength(1);
          expect(await cookieOf(visitor, site)).toBe('');
        }
        const ann = await member(site);
        const [, sid] = (await ann.get('/id')).json<[string[], string]>();
        await ann.get('/switch');
        expect((await ann.get('/id')).json()).toEqual([['bob'], expect.not.stringMatching(sid)]);
      });

      it('`allowEmpty` seals empty sessions, once', async () => {
        const site = await open({ allowEmpty: true });
        const visitor = site.visitor();
        expect(sentId(await visitor.get('/see'))).toMatch(/^eyJ/);
        expect((await visitor.get('/see')).setCookie).toEqual([]);
      });

      it('`rolling` seals every session in use again, but not one that ends', async () => {
        const site = await open({ rolling: true });
        const ann = await member(site);
        const sent = [ann.sid, sentId(await ann.get('/see')), sentId(await ann.get('/see'))];
        expect(new Set(sent).size).toBe(3);
        expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
        expect(sentId(await ann.get('/logout'))).toBe('');
      });

      it('`regenerateSession()` creates a new id, with or without data, and clears the cookie if the session stays empty', async () => {
        const site = await open(
          {},
          {
            ...idOf,
            '/empty': (ctx) => ctx.regenerateSession(),
            '/keep': (ctx) => ctx.regenerateSession({ keepData: true }),
          },
        );
        const ann = await member(site);
        const [, sid] = (await ann.get('/id')).json<[string[], string]>();
        await ann.get('/keep');
        expect((await ann.get('/id')).json()).toEqual([['user'], expect.not.stringMatching(sid)]);
        expect(sentId(await ann.get('/empty'))).toBe('');
        expect(await cookieOf(ann, site)).toBe('');
      });

      it('`genSid` creates the ids, and `ctx.sessionId` may be chosen', async () => {
        const site = await open(
          { genSid: () => 'made' },
          {
            ...idOf,
            '/choose': async (ctx) => {
              ctx.sessionId = 'chosen';
              (await sessionOf(ctx))['a'] = 1;
            },
          },
        );
        const ann = await member(site);
        expect((await ann.get('/id')).json()).toEqual([['user'], 'made']);
        const bob = site.visitor();
        await bob.get('/choose');
        expect((await bob.get('/id')).json()).toEqual([['a'], defer ? 'made' : 'chosen']);
      });

      it('a `valid` that refuses ends the session, and the visitor gets another', async () => {
        let isValid = true;
        const site = await open({ valid: async () => isValid }, idOf);
        const ann = await member(site);
        const [, sid] = (await ann.get('/id')).json<[string[], string]>();
        isValid = false;
        const reply = await ann.get('/id');
        expect([reply.json(), sentId(reply)]).toEqual([[[], expect.not.stringMatching(sid)], '']);
        expect(site.heard.slice(-2)).toEqual([
          { name: 'session:invalid', key: sid, value: expect.objectContaining({ user: 'ann' }) },
          { name: 'session:destroyed', key: sid, value: expect.objectContaining({ user: 'ann' }) },
        ]);
      });

      it('a handler that does not await has its session regenerated and saved before the request ends', async () => {
        const site = await open(
          {},
          {
            '/hasty': async (ctx) => {
              (await sessionOf(ctx))['hasty'] = true;
              void ctx.regenerateSession({ keepData: true });
            },
          },
        );
        const ann = await member(site);
        await ann.get('/hasty');
        expect((await ann.get('/see')).json()).toEqual({ user: 'ann', hasty: true });
      });

      it('a handler that throws may have regenerated or ended the session, and the cookie says so', async () => {
        const site = await open(
          {},
          {
            '/regenerate': async (ctx) => {
              await ctx.regenerateSession({ keepData: true });
              ctx.throw(400);
            },
            '/end': (ctx) => {
              ctx.session = null;
              ctx.throw(400);
            },
          },
        );
        const ann = await member(site);
        expect(sentId(await ann.get('/regenerate'))).toMatch(/^eyJ/);
        expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
        expect(sentId(await ann.get('/end'))).toBe('');
        expect((await ann.get('/see')).json()).toEqual({});
      });
    });
  });
});
