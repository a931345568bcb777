import type Koa from 'koa';
import koaSession from '../../../lib/koa-session';
import minimal from '../../../lib/koa-session-minimal';
import session from '../../../lib/main';
import { interop } from '../../interop';
import { type BareSite, openBareSite } from '../sites/bare-site';
import { type Routes, sessionOf } from '../sites/session-site';
import { EmittingClient } from '../stores/emitting-client';
import { MapClient } from '../stores/map-client';

const FakeTimers = interop('@sinonjs/fake-timers') as {
  withGlobal(global: object): { install(options?: object): { uninstall(): void } };
};

const jests = (options: object) => () => {
  jest.useFakeTimers(options);
  return () => void jest.useRealTimers();
};
const sinons = (options: object) => () => {
  const clock = FakeTimers.withGlobal(globalThis).install(options);
  return () => clock.uninstall();
};
const mocked = (timer: unknown) => () => {
  const mock = jest.spyOn(globalThis, 'setTimeout').mockImplementation(() => timer as never);
  return () => mock.mockRestore();
};

/** Start a clock, and return a function that ends it. Only the real one advances by itself. */
const clocks: Record<string, () => () => void> = {
  'the real clock': () => () => undefined,
  'the fake clock of jest': jests({}),
  'the legacy fake clock of jest': jests({ legacyFakeTimers: true }),
  'the fake clock of sinon': sinons({}),
  'a fake setTimeout of sinon': sinons({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }),
  'timers that are numbers': mocked(5),
  'timers that are undefined': mocked(undefined),
  'timers that are objects without methods': mocked({}),
};

const mains: Record<string, (app: Koa) => Koa.Middleware> = {
  'in memory': () => session({ store: new session.MemoryStore(), rolling: true }),
  'in a client that can get, set and destroy': () => session({ store: new MapClient() }),
  'in a client that emits events': () => session({ store: new EmittingClient() }),
  deferred: () => session({ store: new MapClient(), defer: true, valid: () => true }),
};
const faces: Record<string, (app: Koa) => Koa.Middleware> = {
  'of koa-session, in the cookie': (app) => koaSession(app),
  'of koa-session, in a store': (app) => koaSession({ store: new MapClient() }, app),
  'of koa-session-minimal': () => minimal({ store: new MapClient() }),
};

const routes: Routes = {
  '/see': async (ctx) => ({ ...JSON.parse(JSON.stringify(await sessionOf(ctx))), cookie: undefined }),
  '/put': async (ctx) => void Object.assign(await sessionOf(ctx), ctx.query),
  '/assign': (ctx) => void Object.assign(ctx, { session: ctx.query }),
  '/logout': (ctx) => {
    ctx.session = null;
  },
  '/login': async (ctx) => {
    await ctx.regenerateSession({ keepData: true });
    Object.assign(await sessionOf(ctx), { user: 'ann' });
  },
  '/update': (ctx) =>
    ctx.sessionHandler.update((it) => {
      it['views'] = 1;
      return 'updated';
    }),
};

/** What has to hold whatever the clock and its timers are like. */
export function clockContract(names: readonly string[] = Object.keys(clocks)): void {
  describe.each(names)('With %s', (name) => {
    let end: () => void;
    beforeEach(() => {
      end = (clocks[name] as () => () => void)();
    });
    afterEach(async () => {
      end();
      await site?.close();
    });
    let site: BareSite | undefined;
    const open = async (use: (app: Koa) => Koa.Middleware) => {
      site = await openBareSite(use, routes);
      return site;
    };

    it.each(Object.entries(mains))('a session lives and ends %s', async (_where, use) => {
      const site = await open(use);
      expect(await site.go('/see')).toBe('200 {}');
      expect(await site.go('/put?a=1')).toBe('200 null');
      expect(await site.go('/login')).toBe('200 null');
      expect(await site.go('/update')).toBe('200 "updated"');
      await site.goTogether(['/put?b=1', '/put?c=1', '/put?d=1']);
      const { a, b, c, d, user, views } = JSON.parse((await site.go('/see')).slice(4));
      expect({ a, b, c, d, user, views }).toEqual({ a: '1', b: '1', c: '1', d: '1', user: 'ann', views: 1 });
      expect(await site.go('/assign?e=1')).toBe('200 null');
      expect(await site.go('/see')).toBe('200 {"e":"1"}');
      expect(await site.go('/logout')).toBe('200 null');
      expect(await site.go('/see')).toBe('200 {}');
      expect(site.errors).toEqual([]);
    });

    it.each(Object.entries(faces))('a session of another entry point lives and ends %s', async (_face, use) => {
      const site = await open(use);
      expect(await site.go('/see')).toBe('200 {}');
      expect(await site.go('/put?a=1')).toBe('200 null');
      expect(await site.go('/see')).toBe('200 {"a":"1"}');
      expect(await site.go('/logout')).toBe('200 null');
      expect(await site.go('/see')).toBe('200 {}');
      expect(site.errors).toEqual([]);
    });

    it('a lost connection is waited for', async () => {
      const client = new EmittingClient();
      const { close, store } = session({ store: client });
      client.emit('disconnect');
      const stored = store.set('sid', { cookie: {}, user: 'ann' });
      client.emit('connect');
      await stored;
      expect(await store.get('sid')).toMatchObject({ user: 'ann' });
      client.emit('disconnect');
      const failed = expect(store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_UNAVAILABLE' });
      await close();
      await failed;
    });
  });
}
