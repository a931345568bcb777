import session from '../../lib/main';
import { type Browser, browser } from '../helpers/http/serve';
import { deepFreeze } from '../helpers/options/deep-freeze';
import { type NodeProgram, startNode } from '../helpers/programs/node-program';
import { siteWith } from '../helpers/sites/open-sites';
import { HOUR, proxiedRoutes } from '../helpers/sites/proxied-routes';
import { type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { countCalls } from '../helpers/stores/open-clients';
import { interop } from '../interop';

type Wrap = (value: object) => object;

const { reactive, shallowReactive } = interop('@vue/reactivity') as Record<'reactive' | 'shallowReactive', Wrap>;
const { observable, configure } = interop('mobx') as { observable: Wrap; configure(options: object): void };
configure({ enforceActions: 'never' });

/** A Proxy before whatever is read, a new one each time. */
function deepProxy(value: object): object {
  return new Proxy(value, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      return typeof member === 'object' && member !== null ? deepProxy(member) : member;
    },
  });
}

const wraps: Record<string, Wrap> = { reactive, shallowReactive, observable, deepProxy };
const each = Object.entries(wraps).flatMap(([name, wrap]) =>
  [false, true].map((defer) => [name, defer, wrap] as const),
);

/** What every Proxy before a session has to keep; `visitor` begins another visit. */
async function expectTaken(visitor: () => Browser): Promise<void> {
  const ann = visitor();
  for (const path of ['/whole', '/same', '/nested', '/through', '/saved', '/updated', '/regenerated']) {
    const { status } = await ann.get(path);
    expect([path, status]).toEqual([path, 200]);
  }
  expect((await ann.get('/see')).json()).toEqual({ user: 'ann', cart: { items: ['tea'] }, views: 1 });
  expect((await ann.get('/cookie')).json()).toEqual({ maxAge: HOUR, path: '/', httpOnly: true, json: '/' });

  const bob = visitor();
  expect((await bob.get('/same')).setCookie).toEqual([]);
  const whole = setCookieOf(await bob.get('/whole'));
  const end = Date.parse(/expires=([^;]+)/.exec(whole ?? '')?.[1] ?? '');
  expect(Math.abs(end - Date.now() - HOUR)).toBeLessThan(60_000);
  expect((await bob.get('/see')).json()).toEqual({ user: 'ann', cart: { items: ['tea', 'milk'] } });

  const carl = visitor();
  expect((await carl.get('/new-object')).status).toBe(200);
  expect((await carl.get('/new-object')).status).toBe(200);
  expect((await carl.get('/see')).json()).toEqual({ user: 'ann', cart: { items: ['tea'] } });
  expect((await carl.get('/saved')).json()).toEqual([false, 'unmodified']);
  const old = sentId(await carl.get('/whole'));
  expect(sentId(await carl.get('/regenerated'))).not.toBe(old);
  expect((await carl.get('/see')).json()).toMatchObject({ user: 'ann' });
}

describe('A Proxy of the session', () => {
  it.each(each)('counts as the session: %s, with defer %s', async (_name, defer, wrap) => {
    const store = new session.MemoryStore();
    const site = await siteWith({ store, defer }, proxiedRoutes(wrap));
    await expectTaken(site.visitor);
    expect(site.errors).toEqual([]);
    store.close();
  });

  describe('of on-change', () => {
    let program: NodeProgram | undefined;
    afterEach(() => program?.end());

    it.each(['false', 'true'])('counts as the session, with defer %s', async (DEFER) => {
      program = await startNode(['spec/helpers/programs/on-change-app.mjs'], { DEFER });
      const [url] = await program.says(/^http:\S+$/m);
      await expectTaken(() => browser(url));
    });
  });

  it.each(each)('causes no change: %s, with defer %s', async (_name, defer, wrap) => {
    const store = new MapClient();
    const site = await siteWith({ store, defer }, proxiedRoutes(wrap));
    const visitor = site.visitor();
    expect((await visitor.get('/whole')).status).toBe(200);
    const calls = countCalls(store);
    expect((await visitor.get('/same')).setCookie).toEqual([]);
    expect(calls.of('write')).toBe(0);
  });

  it.each(Object.entries(wraps))(
    'has the cookie of its record, if it was assigned before that was loaded: %s',
    async (_name, wrap) => {
      const site = await siteWith({ defer: true }, proxiedRoutes(wrap));
      const visitor = site.visitor();
      await visitor.get('/whole');
      await visitor.get('/new-object');
      expect((await visitor.get('/cookie')).json()).toMatchObject({ maxAge: HOUR });
    },
  );
});

describe('A deeply frozen session', () => {
  it.each<[string, session.SessionOptions]>([
    ['', {}],
    [', with ids of the application', { genSid: () => `${Math.random()}`.padEnd(24, 'x') }],
    [', with conflicts that count', { onConflict: 'throw' }],
  ])('is stored%s', async (_what, options) => {
    const routes: Routes = {
      '/freeze': async (ctx) => {
        ctx.session = deepFreeze({ ...(await sessionOf(ctx)), ...ctx.query });
      },
    };
    const site = await siteWith({ store: new MapClient(), ...options }, routes);
    const visitor = site.visitor();
    await visitor.get('/freeze?user=ann');
    await visitor.get('/freeze?cart=tea');
    expect((await visitor.get('/see')).json()).toEqual({ user: 'ann', cart: 'tea' });
    expect(site.errors).toEqual([]);
  });
});
