import type Koa from 'koa';
import type { SessionError, SessionIdStore } from '../../lib/main';
import { siteWithMember } from '../helpers/races/meanwhile';
import { siteWith } from '../helpers/sites/open-sites';
import { dataOf, sessionOf } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient } from '../helpers/stores/map-client';

type Ask = (ctx: Koa.Context) => Promise<unknown>;

/** Ids in headers; before each of the three methods does its work it runs what it is given. */
function headerIds(nested: Partial<Record<keyof SessionIdStore, (ctx: Koa.Context) => unknown>>): SessionIdStore {
  return {
    async get() {
      await nested.get?.(this);
      return this.get('x-session-id');
    },
    async set(sid) {
      await nested.set?.(this);
      this.set('x-session-id', sid);
    },
    async reset() {
      await nested.reset?.(this);
      this.set('x-session-id', 'none');
    },
  };
}

describe('a custom id store that waits for its own session', () => {
  const asks: [string, Ask][] = [
    ['saves it', (ctx) => ctx.saveSession()],
    ['regenerates it', (ctx) => ctx.regenerateSession({ keepData: true })],
    ['updates it', (ctx) => ctx.sessionHandler.update(() => undefined)],
    ['ends it', (ctx) => ctx.sessionHandler.destroy()],
  ];

  describe.each(['get', 'set', 'reset'] as const)('in %s()', (method) => {
    it.each(asks)('gets an error if it %s, and the request does not hang', async (_what, ask) => {
      const codes: unknown[] = [];
      const sessionIdStore = headerIds({
        [method]: (ctx: Koa.Context) =>
          ask(ctx).then(
            () => codes.push('done'),
            ({ code }: SessionError) => codes.push(code),
          ),
      });
      const store = new MapClient();
      const site = await siteWith({ store, sessionIdStore });
      const reply = await site.visitor().get('/put?user=ann');
      const sid = reply.headers.get('x-session-id') as string;
      expect([reply.status, sid.length]).toEqual([200, 24]);
      const headers = { 'x-session-id': sid };
      expect((await site.visitor().get('/see', headers)).json()).toEqual({ user: 'ann' });
      expect((await site.visitor().get('/logout', headers)).headers.get('x-session-id')).toBe('none');
      expect(new Set(codes)).toEqual(new Set(['ERR_SESSION_NESTED']));
      expect([store.size, site.errors]).toEqual([0, []]);
    });
  });

  it('may read it, in defer mode too', async () => {
    const seen: unknown[] = [];
    const sessionIdStore = headerIds({ set: async (ctx) => seen.push(dataOf(await ctx.session)) });
    const put = async (ctx: Koa.Context) => {
      (await sessionOf(ctx))['user'] = 'ann';
    };
    for (const defer of [false, true]) {
      const site = await siteWith({ store: new MapClient(), defer, sessionIdStore }, { '/put': put });
      expect((await site.visitor().get('/put')).status).toBe(200);
    }
    expect(seen).toEqual([{ user: 'ann' }, { user: 'ann' }]);
  });
});

it.each([
  ['is not connected', 'connect', 'ERR_SESSION_STORE_UNAVAILABLE'],
  ['fails', 'get', 'ERR_SESSION_STORE'],
])('the errorHandler learns that a store %s', async (_what, type, code) => {
  const store = new EmittingClient();
  const heard: unknown[] = [];
  const errorHandler = (error: Error, about: string) => void heard.push([about, (error as SessionError).code]);
  const { ann, see } = await siteWithMember({ store, errorHandler, reconnectTimeout: 0 });
  const { get } = store;
  if (type === 'connect') store.emit('disconnect');
  else store.get = () => Promise.reject(new Error('disk is full'));
  expect((await ann.get('/see')).json()).toEqual({});
  expect(heard).toEqual([[type, code]]);
  store.emit('connect');
  store.get = get;
  expect(await see()).toEqual({ user: 'ann' });
});
