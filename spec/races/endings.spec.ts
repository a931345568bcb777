import { Lately } from '../../lib/base/lately';
import { MemoryStore, type SessionError, Store } from '../../lib/main';
import { eitherClient, siteWithMember } from '../helpers/races/meanwhile';
import { member } from '../helpers/requests/variant';
import { siteWith } from '../helpers/sites/open-sites';
import { dataOf, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';
import { fakeDate, pass } from '../helpers/time/fake-date';
import { gate } from '../helpers/time/gate';

describe.each(eitherClient)('in %s, the end of one session', (_what, make) => {
  it('does not affect the writes of other visitors', async () => {
    const { site, ann } = await siteWithMember({ store: make() });
    const bob = await member(site);
    await ann.get('/logout');
    expect(setCookieOf(await bob.get('/put?a=1'))).toBeDefined();
    expect((await bob.get('/see')).json()).toMatchObject({ a: '1' });
    expect(site.events()).not.toContain('session:gone');
  });

  it('and one of another session are both final: late writes bring neither back', async () => {
    const store = make();
    const doors = [gate(), gate()];
    const inside = [gate(), gate()];
    const late = (n: 0 | 1) => async (ctx: Parameters<typeof sessionOf>[0]) => {
      (await sessionOf(ctx))['late'] = n;
      inside[n]?.open();
      await doors[n]?.opened;
    };
    const site = await siteWith({ store }, { '/late-0': late(0), '/late-1': late(1) });
    const visitors = [await member(site), await member(site)];
    const writers = visitors.map((visitor, n) => visitor.get(`/late-${n}`));
    await Promise.all(inside.map(({ opened }) => opened));
    for (const visitor of visitors) await visitor.get('/logout');
    for (const door of doors) door.open();
    const replies = await Promise.all(writers);
    expect(replies.map(({ setCookie }) => setCookie)).toEqual([[], []]);
    expect(site.events().filter((name) => name === 'session:gone')).toHaveLength(2);
    expect(store.size).toBe(0);
  });

  it('is forgotten after a minute, so that memory does not grow', async () => {
    const remembered = jest.spyOn(Lately.prototype, 'add');
    fakeDate();
    try {
      const store = new Store(make());
      const sizes: number[] = [];
      for (const ms of [0, 59_999, 1]) {
        pass(ms);
        await store.destroy(`sid-${sizes.length}`);
        sizes.push(remembered.mock.contexts.at(-1)?.size ?? 0);
      }
      expect(sizes).toEqual([1, 2, 2]);
    } finally {
      remembered.mockRestore();
      jest.useRealTimers();
    }
  });

  it('happens if two requests together have brought its ttl to an end', async () => {
    const store = make();
    const ttl = (session: object) => ('a' in session && 'b' in session ? -1 : 60_000);
    const { ann } = await siteWithMember({ store, ttl }, (meanwhile) => ({
      '/late': async (ctx) => {
        (await sessionOf(ctx))['a'] = 1;
        await meanwhile('/put?b=1');
      },
    }));
    await ann.get('/late');
    expect(store.size).toBe(0);
  });
});

it('a logout that waits for a slow writer ends with its own time-out', async () => {
  const client = new MapClient();
  const [started, answer] = [gate(), gate()];
  const { site, ann } = await siteWithMember({ store: client, timeout: 30_000 });
  const hasty = await siteWith({ store: client, timeout: 100, reconnectTimeout: 100 });
  const cookie = await ann.jar.getCookieString(site.url);
  client.set = () => {
    started.open();
    return answer.opened;
  };
  const write = ann.get('/put?a=1');
  await started.opened;
  expect((await hasty.visitor().get('/logout', { cookie })).status).toBe(500);
  expect(hasty.errors).toMatchObject([{ code: 'ERR_SESSION_STORE_TIMEOUT', operation: 'destroy' }]);
  answer.open();
  expect((await write).status).toBe(200);
});

it('a waiting writer fails at reconnectTimeout, not after its budget, if the store goes away', async () => {
  const client = new EmittingClient();
  const [started, asked, broken] = [gate(), gate(), gate()];
  const { site, ann } = await siteWithMember({ store: client, timeout: 30_000, reconnectTimeout: 50 }, () => ({
    '/behind': async (ctx) => {
      (await sessionOf(ctx))['b'] = 1;
      await started.opened;
      const saved = ctx.saveSession();
      asked.open();
      await saved.finally(() => {
        ctx.sessionSave = false;
      });
    },
  }));
  client.set = async () => {
    started.open();
    await broken.opened;
    throw new Error('connection lost');
  };
  const began = performance.now();
  const requests = [ann.get('/put?a=1'), ann.get('/behind')];
  await asked.opened;
  client.emit('disconnect');
  broken.open();
  await Promise.all(requests);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(site.errors.map((error) => (error as SessionError).code).sort()).toEqual([
    'ERR_SESSION_STORE',
    'ERR_SESSION_STORE_UNAVAILABLE',
  ]);
});

it('two visitors with the same data never share an id that genSid has created twice', async () => {
  const site = await siteWith({ store: new MemoryStore(), genSid: () => 'twice' });
  const [ann, bob] = [site.visitor(), site.visitor()];
  await ann.get('/put?a=1');
  const reply = await bob.get('/put?a=1');
  expect([reply.status, reply.setCookie]).toEqual([500, []]);
  expect((await ann.get('/see')).json()).toEqual({ a: '1' });
});

it.each(eitherClient)('in %s, an update that throws writes nothing, not even pending changes', async (_what, make) => {
  const store = make();
  const { ann, see } = await siteWithMember({ store }, () => ({
    '/update': async (ctx) => {
      const message = await ctx.sessionHandler
        .update((session) => {
          session['n'] = 5;
          throw new Error('changed my mind');
        })
        .catch((error: Error) => error.message);
      return [message, dataOf(await ctx.session)];
    },
  }));
  expect((await ann.get('/update')).json()).toEqual(['changed my mind', { user: 'ann' }]);
  expect(await see()).toEqual({ user: 'ann' });
});

it('a value that JSON cannot hold is no error if sessionSave is false', async () => {
  const { site, ann, see } = await siteWithMember({}, () => ({
    '/big': async (ctx) => {
      (await sessionOf(ctx))['big'] = 1n;
      ctx.sessionSave = false;
    },
  }));
  const reply = await ann.get('/big');
  expect([reply.status, reply.setCookie, site.errors]).toEqual([200, [], []]);
  expect(await see()).toEqual({ user: 'ann' });
});

it.each(eitherClient)('in %s, a session that was regenerated and then expired clears its cookie', async (_w, make) => {
  const store = make();
  const { ann } = await siteWithMember({ store }, () => ({
    '/move': async (ctx) => {
      await ctx.regenerateSession({ keepData: true });
      await ctx.saveSession();
      (await sessionOf(ctx)).cookie.expires = new Date(Date.now() - 1000);
    },
  }));
  const reply = await ann.get('/move');
  expect(reply.status).toBe(200);
  expect(reply.setCookie.filter((line) => line.startsWith('koa.sid=')).map((line) => line.slice(0, 9))).toEqual([
    'koa.sid=;',
  ]);
  expect((await ann.get('/see')).json()).toEqual({});
});
