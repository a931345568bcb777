import predecessor = require('koa-generic-session');
import session = require('../../lib/main');

import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, sessionOf } from '../helpers/sites/session-site';

type Make = (options?: session.SessionOptions) => ReturnType<typeof session>;
type Memory = { get(key: string): unknown; set(key: string, value: object, ttl: number): unknown };

const stores = predecessor as unknown as { MemoryStore: new () => Memory };

describe('the store in memory', () => {
  const siteOf = (make: Make) =>
    closedAfterTest(
      openSite({
        use: [make()],
        routes: {
          '/peek': async (ctx) => {
            ctx.sessionSave = false;
            ((await sessionOf(ctx))['list'] as unknown[]).push('unsaved');
          },
          '/list': async (ctx) => {
            (await sessionOf(ctx))['list'] = [];
          },
        },
      }),
    );

  it.each<[string, Make, unknown[]]>([
    ['happens with koa-generic-session', predecessor as unknown as Make, ['unsaved']],
    ['does not happen here', session, []],
  ])('keeps changes of a request that did not save: %s', async (_what, make, list) => {
    const visitor = (await siteOf(make)).visitor();
    await visitor.get('/list');
    await visitor.get('/peek');
    expect((await visitor.get('/see')).json()).toEqual({ list });
  });

  it.each<[string, () => Memory, unknown]>([
    ['happens with koa-generic-session', () => new stores.MemoryStore(), { cookie: {} }],
    ['does not happen here', () => new session.MemoryStore() as Memory, undefined],
  ])('returns an expired session: %s', (_what, newStore, expected) => {
    const store = newStore();
    store.set('a', { cookie: {} }, 1000);
    jest.useFakeTimers({ now: Date.now() + 1001 });
    expect(store.get('a')).toEqual(expected);
    jest.useRealTimers();
  });
});
