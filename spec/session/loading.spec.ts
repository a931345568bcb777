import { siteWithMember } from '../helpers/races/meanwhile';
import { lifetime } from '../helpers/sites/session-cookies';
import { type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { recordOf } from '../helpers/stores/open-clients';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const SECOND = 1000;
const DAY = 86_400_000;

everyTestStartsAt(Date.UTC(2030, 0, 1));

describe('a visitor whose session has expired, with a client that still returns it,', () => {
  const routes: Routes = {
    '/shortly': async (ctx) => {
      const { cookie } = await sessionOf(ctx);
      Object.assign(cookie, { expires: new Date(Date.now() + SECOND), sameSite: 'strict' });
    },
    '/login': async (ctx) => {
      (await sessionOf(ctx))['user'] = 'bob';
    },
    '/assign': (ctx) => {
      ctx.session = { user: 'bob' };
    },
    '/update': (ctx) =>
      ctx.sessionHandler.update((session) => {
        session['user'] = 'bob';
      }),
    '/regenerate': async (ctx) => {
      await ctx.regenerateSession();
      (await sessionOf(ctx))['user'] = 'bob';
    },
  };

  describe.each([false, true])('(defer: %s)', (defer) => {
    it.each(Object.keys(routes).slice(1))('starts a new one by %s, with the current cookie options', async (path) => {
      const client = new MapClient();
      const { site, ann, see } = await siteWithMember({ store: client, defer }, () => routes);
      const cookie = await ann.jar.getCookieString(site.url);
      await ann.get('/shortly');
      pass(2 * SECOND);
      site.heard.length = 0;

      const reply = await ann.get(path, { cookie });
      expect([reply.status, site.errors]).toEqual([200, []]);
      const sid = sentId(reply) as string;
      expect(sid).toHaveLength(24);
      expect(sid).not.toBe(ann.sid);
      expect(lifetime(setCookieOf(reply))).toBe(DAY);
      expect(setCookieOf(reply)).toContain('samesite=lax');
      expect(await recordOf(client, `koa:sess:${sid}`)).toMatchObject({
        user: 'bob',
        cookie: { maxAge: DAY, own: [] },
      });
      expect(site.events()).toEqual(expect.arrayContaining(['session:expired', 'session:missed', 'session:created']));
      expect(site.events().filter((name) => name === 'session:expired')).toHaveLength(1);
      expect(await see()).toEqual({ user: 'bob' });
    });

    it('does not see it, and gets no cookie as long as nothing is stored', async () => {
      const client = new MapClient();
      const { site, ann } = await siteWithMember({ store: client, defer }, () => routes);
      const cookie = await ann.jar.getCookieString(site.url);
      await ann.get('/shortly');
      pass(2 * SECOND);
      const reply = await ann.get('/see', { cookie });
      expect([reply.json(), reply.setCookie]).toEqual([{}, []]);
    });
  });
});

it('a deferred session that valid refuses keeps what the handler has assigned', async () => {
  const client = new MapClient();
  const { ann, see } = await siteWithMember(
    { store: client, defer: true, valid: (_ctx, session) => session['user'] !== 'ann' },
    () => ({
      '/assign': (ctx) => {
        ctx.session = { user: 'bob' };
      },
    }),
  );
  const reply = await ann.get('/assign');
  expect(sentId(reply)).not.toBe(ann.sid);
  expect([await see(), client.size]).toEqual([{ user: 'bob' }, 1]);
});
