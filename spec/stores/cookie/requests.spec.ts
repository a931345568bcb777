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
  'takes other names for cookie and keys',
  'with an id that the store does not know gives that id to nobody, and stays',
  'with an id whose record is %j finds no session, and the record stays',
  'replaces the session: the keys that the new object lacks are gone',
  'happens by setting it to %s: record and cookie go',
  'keeps the data that a handler still holds out of the store',
  'true saves what has not changed',
  'true saves an empty session',
  'true does not bring back what was set to null',
  'saves at once: the record is there before the request ends, under the id that the visitor gets',
  'may be called any number of times: one id, one record, one write for each change',
  'does not keep a logout from happening',
  'destroys at once where the session was set to null; what is assigned next is another session',
  'gives a session to every visitor who uses it, with data or without',
  'extends record and cookie whenever the session is used',
  'does not extend what the handler ends',
  'with keepData carries the data over',
  'clears the cookie where the session stays empty',
  'stores the empty session where allowEmpty says so',
  'makes the ids: what it %s is known to the handler and sent to the visitor',
  'makes the id of a regenerated session too',
  'decides whether a stored session is used: where it %s false, record and cookie go',
  'that refuses leaves the visitor a new session, with a new id',
  '(%s) carries the id instead of the cookie',
  'that fails to hand the id out leaves no record behind',
  'is the id that the visitor has or gets',
  'that an earlier middleware has set is used in place of the cookie',
  'may be chosen for a new session, and for no other',
  'is the Store behind the middleware',
  'tells the id, whether a record exists, and where the session stands',
  'destroy() removes record and cookie at once',
  'touch() extends record and cookie; it is false where there is no record',
  'regenerateId() moves the data under a new id',
  'reload() reads the record again, and drops what is not saved',
  'tell the life of a session, each with context, id and session',
  'tell a session that has expired, which no request gets',
  'has the same cookie and caching headers as one that does not',
  'may have regenerated or ended the session: the cookie says so',
  'has its session regenerated and saved before the request ends',
  'that the errorHandler lets go on takes cookie and record, though nobody could read it',
];

/** What nobody can promise who keeps nothing: docs/cookie.md says so. */
const IMPOSSIBLE = [
  'gives an empty session under a new id; the old id is worth nothing',
  'gets an empty session that is neither stored nor sent, so that it cannot replace the new login',
  'lets a login that is tried again succeed, since the first answer may have been lost',
  'takes nothing over where a late request moves its data: the winner has them',
  'is sent nothing where the login that is tried again keeps nothing',
  'does not end the login by a late logout',
  'ends the session by a late logout where that was moved with its data, however often',
  'is claimed by one of two parallel requests: the other one stores and sends nothing',
  'update() changes the stored session as one step: stored data and own pending changes in, the result out',
  'update() loses no count of parallel requests',
  'update() rejects where the session has been destroyed meanwhile, and brings nothing back',
  'can change its session',
  'can end its session',
  // There is no record whose end could fail.
  'hears of a session that cannot be destroyed; the cookie is cleared all the same',
  'fails the request, but the visitor is out',
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
