import { setTimeout as pause } from 'node:timers/promises';
import type Koa from 'koa';
import type { Session, SessionError, SessionIdStore } from '../../lib/main';
import { MemoryStore } from '../../lib/main';
import { eitherClient, siteWithMember } from '../helpers/races/meanwhile';
import { cookieOf } from '../helpers/requests/variant';
import { siteWith } from '../helpers/sites/open-sites';
import { type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';
import { failing } from '../helpers/stores/open-clients';

const moving: Routes = { '/move': (ctx) => ctx.regenerateSession({ keepData: true }) };

describe.each(eitherClient)(
  'a session in %s that cannot be regenerated stays unchanged in its place',
  (_what, make) => {
    it.each<[string, 'throw' | (() => never), string]>([
      ["onConflict: 'throw'", 'throw', 'changed the session'],
      ['an onConflict that throws', () => throwing('undecided'), 'undecided'],
    ])('if another request changed the same key, with %s', async (_how, onConflict, message) => {
      const { site, ann, see } = await siteWithMember({ store: make(), onConflict }, (meanwhile) => ({
        '/late': async (ctx) => {
          (await sessionOf(ctx))['n'] = 'late';
          await meanwhile('/put?n=early');
          await ctx.regenerateSession({ keepData: true });
        },
      }));
      const reply = await ann.get('/late');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect(site.errors[0]?.message).toContain(message);
      expect(await see()).toEqual({ user: 'ann', n: 'early' });
      expect(await cookieOf(ann, site)).toBe(ann.sid);
    });

    it.each<[string, unknown, string]>([
      ['data that JSON cannot hold', { big: 1n }, 'ERR_SESSION_SERIALIZE'],
      ['a cookie that cannot be sent', { cookie: { sameSite: 'some' } }, 'ERR_SESSION_COOKIE'],
    ])('if it holds %s', async (_how, data, code) => {
      const { site, ann, see } = await siteWithMember({ store: make() }, () => ({
        '/move': async (ctx) => {
          Object.assign(await sessionOf(ctx), data);
          await ctx.regenerateSession({ keepData: true });
        },
      }));
      const reply = await ann.get('/move');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect(site.errors[0]).toMatchObject({ code });
      expect([await see(), await cookieOf(ann, site)]).toEqual([{ user: 'ann' }, ann.sid]);
    });

    it.each([true, false])('if genSid fails, and the request may continue (keepData: %s)', async (keepData) => {
      let ids = 0;
      const genSid = () => {
        ids += 1;
        return ids === 2 ? throwing('out of ids') : `id-${ids}`;
      };
      const { site, ann, see } = await siteWithMember({ store: make(), genSid }, () => ({
        '/move': async (ctx) => {
          const message = await ctx.regenerateSession({ keepData }).catch((error: Error) => error.message);
          (await sessionOf(ctx))['after'] = true;
          return message;
        },
      }));
      const reply = await ann.get('/move');
      expect([reply.status, reply.text]).toEqual([200, '"out of ids"']);
      expect([await see(), await cookieOf(ann, site), site.errors]).toEqual([
        { user: 'ann', after: true },
        ann.sid,
        [],
      ]);
    });

    it('if the store fails, and is saved and extended in later requests', async () => {
      const client = make();
      const { site, ann, see } = await siteWithMember({ store: client }, () => moving);
      const recover = [failing(client, 'destroy'), failing(client, 'write')];
      expect((await ann.get('/move')).status).toBe(500);
      for (const end of recover) end();
      expect(setCookieOf(await ann.get('/put?later=1'))).toBeDefined();
      expect([await see(), await cookieOf(ann, site)]).toEqual([{ user: 'ann', later: '1' }, ann.sid]);
      expect(sentId(await ann.get('/move'))).not.toBe(ann.sid);
      expect(await see()).toEqual({ user: 'ann', later: '1' });
    });

    it('if the errorHandler accepts the failure', async () => {
      const client = make();
      const heard: unknown[] = [];
      const errorHandler = (error: Error, type: string) => void heard.push([error.message, type]);
      const { ann, see, site } = await siteWithMember({ store: client, errorHandler }, () => ({
        '/move': async (ctx) => {
          await ctx.regenerateSession({ keepData: true });
          (await sessionOf(ctx))['lost'] = true;
        },
      }));
      const recover = [failing(client, 'destroy'), failing(client, 'write')];
      const reply = await ann.get('/move');
      for (const end of recover) end();
      expect([reply.status, reply.setCookie]).toEqual([200, []]);
      expect(heard).toEqual([['store is broken', 'set']]);
      expect([await see(), await cookieOf(ann, site)]).toEqual([{ user: 'ann' }, ann.sid]);
    });

    it('if only its end fails: the record under the new id is removed', async () => {
      const client = make();
      const { site, ann, see } = await siteWithMember({ store: client }, () => moving);
      const recover = [failing(client, 'destroy'), failing(client, 'replace')];
      const reply = await ann.get('/move');
      for (const end of recover) end();
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect([await see(), await cookieOf(ann, site)]).toEqual([{ user: 'ann' }, ann.sid]);
    });
  },
);

describe.each(eitherClient)('a session in %s that has ended', (_what, make) => {
  it.each(['/save-and-move', '/update-and-move'])('does not come back with its data by %s', async (path) => {
    let id: string | undefined;
    const late: Routes = {
      '/rotate-and-leave': async (ctx) => {
        await ctx.regenerateSession({ keepData: true });
        await ctx.saveSession();
        id = ctx.sessionId;
        ctx.session = null;
      },
    };
    const { ann } = await siteWithMember({ store: make() }, (meanwhile) => ({
      ...late,
      '/save-and-move': async (ctx) => {
        (await sessionOf(ctx))['seen'] = true;
        await meanwhile('/rotate-and-leave');
        await ctx.saveSession();
        await ctx.regenerateSession({ keepData: true });
      },
      '/update-and-move': async (ctx) => {
        await ctx.session;
        await meanwhile('/rotate-and-leave');
        await ctx.sessionHandler.update(() => undefined).catch(() => undefined);
        await ctx.sessionHandler.regenerateId();
      },
    }));
    const reply = await ann.get(path);
    expect(id).toMatch(/./);
    expect([reply.status, sentId(reply)]).toEqual([200, undefined]);
    expect((await ann.get('/see')).json()).toEqual({});
  });
});

it('a session that cannot be regenerated leaves no record under the new id when its request has failed', async () => {
  class LateStore extends MemoryStore {
    override remove(...args: Parameters<MemoryStore['remove']>): never {
      return pause(50).then(() => super.remove(...args)) as never;
    }
  }
  const store = new LateStore();
  const { ann } = await siteWithMember({ store, onConflict: 'throw' }, (meanwhile) => ({
    '/late': async (ctx) => {
      (await sessionOf(ctx))['n'] = 'late';
      await meanwhile('/put?n=early');
      await ctx.regenerateSession({ keepData: true });
    },
  }));
  expect((await ann.get('/late')).status).toBe(500);
  expect(store.size).toBe(1);
});

const isOver = { ttl: (session: Session) => (session['over'] ? -1 : 60_000) };

describe.each(eitherClient)(
  'a session in %s that the ttl rule ends before it is stored under its new id',
  (_what, make) => {
    const login = async (ctx: Parameters<Routes[string]>[0], keepData: boolean) => {
      await ctx.session;
      await ctx.regenerateSession({ keepData });
      (await sessionOf(ctx))['over'] = true;
    };

    it.each<[string, boolean, (ctx: Parameters<Routes[string]>[0]) => Promise<unknown>]>([
      ['the end of the request', false, async () => undefined],
      ['the end of the request', true, async () => undefined],
      ['saveSession()', false, (ctx) => ctx.saveSession()],
      ['saveSession()', true, (ctx) => ctx.saveSession()],
      ['update()', false, (ctx) => ctx.sessionHandler.update(() => undefined)],
      ['update()', true, (ctx) => ctx.sessionHandler.update(() => undefined).catch(() => undefined)],
    ])('ends for the visitor and in the store at %s (keepData: %s)', async (_when, keepData, end) => {
      const { site, ann } = await siteWithMember({ store: make(), ...isOver }, () => ({
        '/end': async (ctx) => {
          await login(ctx, keepData);
          await end(ctx);
        },
      }));
      const cookie = await ann.jar.getCookieString(site.url);
      const reply = await ann.get('/end');
      expect([reply.status, sentId(reply), site.errors]).toEqual([200, '', []]);
      expect(await cookieOf(ann, site)).toBe('');
      expect((await site.visitor().get('/see', { cookie })).json()).toEqual({});
      expect(site.events().filter((event) => event === 'session:expired')).toHaveLength(1);
    });

    it('is null for the rest of the request, and what is assigned then is stored', async () => {
      const { ann, see } = await siteWithMember({ store: make(), ...isOver }, () => ({
        '/end': async (ctx) => {
          await login(ctx, true);
          await ctx.saveSession();
          const ended = await ctx.session;
          ctx.session = { user: 'bob' };
          return ended;
        },
      }));
      expect((await ann.get('/end')).json()).toBe(null);
      expect(await see()).toEqual({ user: 'bob' });
    });

    it.each([true, false])(
      'keeps the session that another request has regenerated meanwhile (keepData: %s)',
      async (keepData) => {
        const { site, ann, see } = await siteWithMember({ store: make(), ...isOver }, (meanwhile) => ({
          ...moving,
          '/end': async (ctx) => {
            await login(ctx, keepData);
            await meanwhile('/move');
          },
        }));
        const reply = await ann.get('/end');
        expect([reply.status, reply.setCookie, site.errors]).toEqual([200, [], []]);
        expect(await see()).toEqual({ user: 'ann' });
      },
    );

    it('stays if the store fails', async () => {
      const client = make();
      const { ann, see } = await siteWithMember({ store: client, ...isOver }, () => ({
        '/end': (ctx) => login(ctx, true),
      }));
      const recover = [failing(client, 'destroy'), failing(client, 'write')];
      expect((await ann.get('/end')).status).toBe(500);
      for (const end of recover) end();
      expect(await see()).toEqual({ user: 'ann' });
    });
  },
);

describe.each(eitherClient)('a session in %s that another request has moved', (_what, make) => {
  it('goes on if a late request destroys the new one that reload() has given it', async () => {
    const key = 'koa.sid';
    const sessionIdStore: SessionIdStore = {
      get(this: Koa.Context) {
        return this.state['isRefused'] ? undefined : this.cookies.get(key);
      },
      set(this: Koa.Context, sid) {
        this.cookies.set(key, sid);
      },
      reset(this: Koa.Context) {
        this.cookies.set(key, null);
      },
    };
    const { site, ann, see } = await siteWithMember({ store: make(), sessionIdStore }, (meanwhile) => ({
      ...moving,
      '/late': async (ctx) => {
        (await sessionOf(ctx))['late'] = true;
        await meanwhile('/move');
        await ctx.saveSession();
        ctx.state['isRefused'] = true;
        await ctx.sessionHandler.reload();
        await ctx.sessionHandler.destroy();
      },
    }));
    await ann.get('/late');
    expect([site.errors, await see()]).toEqual([[], { user: 'ann' }]);
  });
});

describe('a logout during a failure of the store', () => {
  it.each([false, true])('has happened for the visitor, but not for the record (errorHandler: %s)', async (handles) => {
    const client = new MapClient();
    const errorHandler = handles ? () => undefined : null;
    const { site, ann } = await siteWithMember({ store: client, errorHandler });
    const cookie = await ann.jar.getCookieString(site.url);
    const recover = failing(client, 'destroy');
    const reply = await ann.get('/logout');
    expect([reply.status, sentId(reply)]).toEqual([handles ? 200 : 500, '']);
    recover();
    // Any request with the cookie has the session, which continues like any other.
    expect((await site.visitor().get('/put?later=1', { cookie })).status).toBe(200);
    expect((await site.visitor().get('/see', { cookie })).json()).toEqual({ user: 'ann', later: '1' });
    expect(site.events()).not.toContain('session:gone');
  });
});

it('a logout during a failure of the store has happened for the visitor once a slow sessionIdStore has cleared the id', async () => {
  const client = new MapClient();
  const sessionIdStore: SessionIdStore = {
    get(this: Koa.Context) {
      return this.get('x-session') || undefined;
    },
    set(this: Koa.Context, sid) {
      this.set('x-session', sid);
    },
    async reset(this: Koa.Context) {
      await new Promise((resolve) => setImmediate(resolve));
      this.set('x-session', 'none');
    },
  };
  const site = await siteWith({ store: client, sessionIdStore, errorHandler: () => undefined });
  const sid = (await site.visitor().get('/put?user=ann')).headers.get('x-session') as string;
  failing(client, 'destroy');
  const { headers } = await site.visitor().get('/logout', { 'x-session': sid });
  expect(headers.get('x-session')).toBe('none');
});

it.each([false, true])(
  'a session that `valid` refuses and the store does not end has ended for the visitor (errorHandler: %s)',
  async (handles) => {
    const client = new MapClient();
    const heard: unknown[] = [];
    const errorHandler = handles ? (error: Error, type: string) => heard.push([error.message, type]) : null;
    const { site, ann } = await siteWithMember({ store: client, errorHandler, valid: () => false });
    failing(client, 'destroy');
    const reply = await ann.get('/see');
    expect([reply.status, sentId(reply)]).toEqual([handles ? 200 : 500, '']);
    if (handles) expect(heard).toEqual([['store is broken', 'destroy']]);
    else expect(site.errors[0]).toMatchObject({ message: 'store is broken', operation: 'destroy' });
    expect(site.events()).not.toContain('session:destroyed');
  },
);

it.each(['/move', '/logout'])(
  '%s without a connection leaves a session unchanged that others continue with',
  async (path) => {
    const client = new EmittingClient();
    const disconnected: Routes = {
      '/move': async (ctx) => {
        await ctx.regenerateSession({ keepData: true });
        client.emit('disconnect');
      },
      '/logout': async (ctx) => {
        client.emit('disconnect');
        await ctx.sessionHandler.destroy();
      },
    };
    const { site, ann } = await siteWithMember({ store: client, reconnectTimeout: 0 }, () => disconnected);
    const cookie = await ann.jar.getCookieString(site.url);
    expect((await ann.get(path)).status).toBe(500);
    client.emit('connect');
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_STORE_UNAVAILABLE' } satisfies Partial<SessionError>]);
    await site.visitor().get('/put?later=1', { cookie });
    expect((await site.visitor().get('/see', { cookie })).json()).toEqual({ user: 'ann', later: '1' });
  },
);

function throwing(message: string): never {
  throw new Error(message);
}
