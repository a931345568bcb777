import type Koa from 'koa';
import type { Session, SessionError } from '../../lib/main';
import { eitherClient, siteWithMember } from '../helpers/races/meanwhile';
import { siteWith } from '../helpers/sites/open-sites';
import { dataOf, type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { failing, recordOf } from '../helpers/stores/open-clients';
import { everyTestStartsAt } from '../helpers/time/fake-date';

everyTestStartsAt(Date.UTC(2030, 0, 1));

type Change = (session: Session) => unknown;

const updating = (change: Change): Routes => ({
  '/update': (ctx) =>
    ctx.sessionHandler.update((session) => change(session) ?? null).catch((error: SessionError) => error.code),
});

describe.each(eitherClient)('update() in %s', (_what, make) => {
  describe.each([false, true])('(defer: %s)', (defer) => {
    it('keeps what an assigned session has, and what others have stored in the keys that it kept', async () => {
      const { ann, see } = await siteWithMember({ store: make(), defer }, () => ({
        '/assign': async (ctx) => {
          ctx.session = { user: 'ann', b: 2 };
          await ctx.sessionHandler.update((session) => {
            session['c'] = 3;
          });
          return dataOf(await ctx.session);
        },
      }));
      expect((await ann.get('/assign')).json()).toEqual({ user: 'ann', b: 2, c: 3 });
      expect(await see()).toEqual({ user: 'ann', b: 2, c: 3 });
    });

    it('removes the keys that an assigned session lacks', async () => {
      const { ann, see } = await siteWithMember({ store: make(), defer }, () => ({
        '/assign': async (ctx) => {
          ctx.session = { b: 2 };
          await ctx.sessionHandler.update((session) => {
            session['c'] = 3;
          });
        },
      }));
      await ann.get('/assign');
      expect(await see()).toEqual({ b: 2, c: 3 });
    });
  });

  it('loses no count of another request while the session gets a new id', async () => {
    const { ann, see } = await siteWithMember({ store: make() }, (meanwhile) => {
      const count: Routes[string] = (ctx) =>
        ctx.sessionHandler.update((session) => {
          session['count'] = Number(session['count'] ?? 0) + 1;
        });
      return {
        '/count': count,
        '/move-and-count': async (ctx) => {
          await ctx.regenerateSession({ keepData: true });
          await meanwhile('/count');
          await count(ctx);
        },
      };
    });
    await ann.get('/move-and-count');
    expect(await see()).toEqual({ user: 'ann', count: 2 });
  });

  it('stores a pending change, and what other requests have stored', async () => {
    const { ann, see } = await siteWithMember({ store: make() }, (meanwhile) => ({
      '/late': async (ctx) => {
        (await sessionOf(ctx))['pending'] = 1;
        await meanwhile('/put?early=1');
        await ctx.sessionHandler.update((session) => {
          session['seen'] = [session['pending'], session['early']];
        });
      },
    }));
    await ann.get('/late');
    expect(await see()).toEqual({ user: 'ann', early: '1', pending: 1, seen: [1, '1'] });
  });

  it('runs beforeSave on the session that it is about to store', async () => {
    const beforeSave = (_ctx: Koa.Context, session: Session) => {
      session['saved'] = Number(session['saved'] ?? 0) + 1;
    };
    const { ann, see } = await siteWithMember({ store: make(), beforeSave }, () =>
      updating((session) => {
        session['n'] = session['saved'];
      }),
    );
    await ann.get('/update');
    expect(await see()).toEqual({ user: 'ann', n: 1, saved: 2 });
  });

  describe.each(['a new visitor', 'a member'])('by %s', (who) => {
    const visit = async (routes: Routes, options: object = {}) => {
      const store = make();
      const { site, ann } = await siteWithMember({ store, ...options }, () => routes);
      const visitor = who === 'a member' ? ann : site.visitor();
      const stored = () => recordOf(store, `koa:sess:${ann.sid}`);
      return { store, site, visitor, stored };
    };

    it('returns its result after it is stored', async () => {
      const { visitor } = await visit(
        updating((session) => {
          session['n'] = 5;
          return session['n'];
        }),
      );
      expect((await visitor.get('/update')).text).toBe('5');
      expect((await visitor.get('/see')).json()).toMatchObject({ n: 5 });
    });

    it('rejects if nothing could be stored, even if the errorHandler lets the request continue', async () => {
      const heard: unknown[] = [];
      const errorHandler = (_error: Error, type: string) => void heard.push(type);
      const { store, site, visitor } = await visit(
        {
          '/update': async (ctx) => {
            const recover = failing(store, 'write');
            const outcome = await ctx.sessionHandler
              .update((session) => {
                session['n'] = 5;
              })
              .catch((error: SessionError) => error.code);
            ctx.sessionSave = false;
            recover();
            return outcome;
          },
        },
        { errorHandler },
      );
      const reply = await visitor.get('/update');
      expect([reply.json(), setCookieOf(reply)]).toEqual(['ERR_SESSION_STORE', undefined]);
      expect([heard, store.size, site.errors]).toEqual([['set'], 1, []]);
    });

    it.each<[string, Change, string]>([
      ['a time that is none', (session) => Object.assign(session.cookie, { maxAge: Number.NaN }), 'ERR_SESSION_TTL'],
      ['a date that is none', (session) => Object.assign(session.cookie, { expires: 'soon' }), 'ERR_SESSION_TTL'],
      [
        'an attribute that is none',
        (session) => Object.assign(session.cookie, { sameSite: 'some' }),
        'ERR_SESSION_COOKIE',
      ],
      [
        'what JSON cannot hold',
        (session) => {
          session['big'] = 1n;
        },
        'ERR_SESSION_SERIALIZE',
      ],
    ])('rejects if it turns the session into %s, and stores nothing of it', async (_case, change, code) => {
      const { visitor, store, stored } = await visit(
        updating((session) => {
          session['n'] = 5;
          change(session);
        }),
      );
      const reply = await visitor.get('/update');
      expect([reply.json(), reply.setCookie]).toEqual([code, []]);
      expect([store.size, dataOf(await stored())]).toEqual([1, { user: 'ann' }]);
    });

    it('ends a session to which it gives an expired lifetime', async () => {
      const { visitor, site, store } = await visit(
        updating((session) => {
          session['n'] = 5;
          session.cookie.expires = new Date(Date.now() - 1000);
          return 'ended';
        }),
      );
      const reply = await visitor.get('/update');
      expect(reply.json()).toBe('ended');
      expect(site.events()).toContain('session:expired');
      expect([store.size, sentId(reply)]).toEqual(who === 'a member' ? [0, ''] : [1, undefined]);
    });

    it('is refused after the session was set to null', async () => {
      const { visitor } = await visit({
        '/update': (ctx) => {
          ctx.session = null;
          return ctx.sessionHandler.update(() => 1).catch((error: SessionError) => error.code);
        },
      });
      expect((await visitor.get('/update')).json()).toBe('ERR_SESSION_GONE');
    });
  });

  it('is refused while the store cannot be read', async () => {
    const store = make();
    const { ann } = await siteWithMember({ store, errorHandler: () => undefined }, () => updating(() => 1));
    const recover = failing(store, 'read');
    expect((await ann.get('/update')).json()).toBe('ERR_SESSION_GONE');
    recover();
  });
});

it('update() by a new visitor that adds no data stores nothing', async () => {
  const site = await siteWith(
    {},
    updating(() => 'nothing'),
  );
  const reply = await site.visitor().get('/update');
  expect([reply.json(), reply.setCookie]).toEqual(['nothing', []]);
});

it('update() by a new visitor stores nothing if sessionSave forbids it', async () => {
  const store = new MapClient();
  const routes: Routes = {
    '/update': async (ctx) => {
      ctx.sessionSave = false;
      await ctx.sessionHandler.update((session) => {
        session['n'] = 1;
      });
      return dataOf(await ctx.session);
    },
  };
  const reply = await (await siteWith({ store }, routes)).visitor().get('/update');
  expect([reply.json(), reply.setCookie, store.size]).toEqual([{ n: 1 }, [], 0]);
});
