import Koa from 'koa';
import Koa2 from 'koa2';
import type { SessionOptions } from '../../../lib/main';
import { butFor } from '../../helpers/requests/but-for';
import { loneRequestContract } from '../../helpers/requests/contract';
import { cookieOf, member, type Variant } from '../../helpers/requests/variant';
import { siteWith } from '../../helpers/sites/open-sites';
import { dataOf, type Routes, sentId, sessionOf } from '../../helpers/sites/session-site';
import { WatchedCookieStore } from '../../helpers/stores/watched-cookie-store';

/** What looks into a store, or compares the cookie with the id; `describe('…')` below has it in other words. */
const OF_STORES = [
  'sends a signed cookie for a day, hidden from scripts and from other sites',
  'accepts other names for cookie and keys',
  'with an id that the store does not know is left alone, and its id is not adopted',
  'with an id whose record is %j finds no session, and the record stays',
  'replaces the session: keys that the new object lacks are removed',
  'by setting it to %s destroys the record and clears the cookie',
  'does not store the data that a handler still holds',
  'true saves an unchanged session',
  'true saves an empty session',
  'true does not restore a session that was set to null',
  'saves at once: the record exists before the request ends, under the id that the visitor gets',
  'may be called any number of times: one id, one record, one write per change',
  'does not prevent a logout',
  'destroys at once if the session was set to null; a session assigned next is a new one',
  'gives a session to every visitor who uses it, with or without data',
  'extends record and cookie whenever the session is used',
  'does not extend a session that the handler ends',
  'with keepData keeps the data',
  'clears the cookie if the session stays empty',
  'stores the empty session with allowEmpty',
  'creates the ids: the handler and the visitor get what it %s',
  'creates the id of a regenerated session too',
  'decides whether a stored session is used: if it %s false, record and cookie are removed',
  'that refuses gives the visitor a new session, with a new id',
  '(%s) carries the id instead of the cookie',
  'that fails to send the id leaves no record behind',
  "is the visitor's id, existing or new",
  'that an earlier middleware has set is used instead of the cookie',
  'can be chosen for a new session only',
  'is the Store behind the middleware',
  'reports the id, whether a record exists, and the status',
  'destroy() removes record and cookie at once',
  'touch() extends record and cookie, and is false without a record',
  'regenerateId() moves the data to a new id',
  'reload() reads the record again, and discards unsaved changes',
  'report the life of a session, each with context, id and session',
  'report a session that has expired, which no request gets',
  'has the same cookie and caching headers as one that does not',
  'may have regenerated or ended the session, and the cookie says so',
  'has its session regenerated and saved before the request ends',
  'that the errorHandler lets continue removes cookie and record, although the record could not be read',
];

/** Impossible without a record on the server, as docs/cookie.md says. */
const IMPOSSIBLE = [
  'gives an empty session under a new id; the old id is worthless',
  'gets an empty session that is neither stored nor sent, so that it cannot replace the new login',
  'lets a repeated login succeed, since the first answer may have been lost',
  'moves nothing if a late request moves its data: the first request has it',
  'sends nothing if the repeated login keeps no data',
  'does not end the login if a late request logs out',
  'ends the session if a late request logs out and it was moved with its data, however often',
  'is replaced by only one of two parallel requests: the other one stores and sends nothing',
  'update() changes the stored session in one step: the function gets stored data and pending changes, and its result is returned',
  'update() loses no count of parallel requests',
  'update() rejects if the session has been destroyed, and does not restore it',
  'can change its session',
  'can end its session',
  // There is no record that could fail to end.
  'is called for a session that cannot be destroyed; the cookie is cleared nevertheless',
  'fails the request, but clears the cookie',
];

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])('sessions sealed in the cookie, with %s', (_version, AnyKoa) => {
  describe.each([
    ['loaded up front', false],
    ['deferred', true],
  ])('%s', (_mode, defer) => {
    const variant = { Koa: AnyKoa, defer, newClient: () => new WatchedCookieStore() } as unknown as Variant;

    butFor([...OF_STORES, ...IMPOSSIBLE], () => {
      loneRequestContract(variant);
    });

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
