import minimal from '../../../lib/koa-session-minimal';
import session, { Store } from '../../../lib/main';
import { EmittingClient } from '../../helpers/stores/emitting-client';
import { MapClient } from '../../helpers/stores/map-client';
import { openMinimal, type Routes } from './site';

const client = () => new MapClient();

describe('options of the entry point for koa-session-minimal', () => {
  it.each([undefined, null, {}, { key: null, store: null, cookie: null }])('may be omitted: %j', (options) => {
    expect(minimal(options)).toBeInstanceOf(Function);
  });

  it.each([
    ['a key that is not a cookie name', { key: 'a key' }, /Expected `key` to be a cookie name/],
    ['a key that is not a string', { key: 1 as never }, /Expected `key` to be a cookie name/],
    ['a cookie that is not an object', { cookie: 'koa.sid' as never }, /Expected `cookie` to be an object/],
    ['a maxAge in words', { cookie: { maxAge: '1 day' as never } }, /Expected `cookie.maxAge` to be .* got `1 day`/],
    ['a sameSite that is unknown', { cookie: { sameSite: 'loose' as never } }, /Expected `cookie.sameSite`/],
    ['a store that lacks a method', { store: { get() {}, set() {} } }, /`destroy` is missing/],
    ['a store that is a string', { store: 'redis' }, /Expected `store` to be an object/],
    [
      'a Store',
      { store: new Store(client()) },
      /Expected `store` to be the client itself, got a Store around it: pass its `client`/,
    ],
    ['a client of ioredis', { store: { get() {}, set() {}, evalsha() {} } }, /redisStore/],
    ['a promise of a store', { store: Promise.resolve(client()) }, /got a promise: `await` it first/],
  ])('are refused with %s', (_, options, message) => {
    expect(() => minimal(options)).toThrow(TypeError);
    expect(() => minimal(options)).toThrow(message);
  });

  it('are never changed', () => {
    const options = Object.freeze({ key: 'shop', cookie: Object.freeze({ maxAge: -1 }), store: client() });
    minimal(options);
    expect(options).toMatchObject({ key: 'shop', cookie: { maxAge: -1 } });
  });

  it('are refused in the request if the cookie function fails, and nothing is stored', async () => {
    const store = client();
    const cookie = () => ({ maxAge: 'soon' as never });
    const site = await openMinimal(minimal({ store, cookie }), routes);
    expect((await site.visitor().go('/put?a=1')).status).toBe(500);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_TTL' }]);
    expect(store.size).toBe(0);
  });
});

const routes: Routes = {
  '/see': (ctx) => ctx.session,
  '/put': (ctx) => Object.assign(ctx.session, ctx['query']),
  '/array': (ctx) => {
    ctx.session = ['a'];
  },
  '/instance': (ctx) => {
    class Cart {
      toJSON() {
        return { items: 2 };
      }
    }
    ctx.session = Object.assign(new Cart(), { own: 1 });
  },
  '/streamed': (ctx) => {
    ctx['res'].end('head and all');
    Object.assign(ctx.session, ctx['query']);
  },
  '/late-login': (ctx) => {
    ctx['res'].end('head and all');
    ctx.sessionHandler.regenerateId();
  },
};

describe('the middleware', () => {
  it('is also the default export', () => {
    expect((minimal as unknown as { default: unknown }).default).toBe(minimal);
  });

  it('skips a request of another middleware', async () => {
    const [outer, inner] = [client(), client()];
    const second = minimal({ store: inner, key: 'second' });
    const first = minimal({ store: outer });
    const site = await openMinimal((ctx, next) => first(ctx, () => second(ctx, next)), routes);
    await site.visitor().go('/put?a=1');
    expect([outer.size, inner.size]).toEqual([1, 0]);
  });

  it("stores the result of an object's toJSON, and refuses an array", async () => {
    const site = await openMinimal(minimal({ store: client() }), routes);
    const ann = site.visitor();
    await ann.go('/instance');
    expect((await ann.go('/see')).text).toBe('{"items":2}');
    expect((await ann.go('/array')).status).toBe(500);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_VALUE' }]);
    expect((await ann.go('/see')).text).toBe('{"items":2}');
  });

  it('keeps the data of a session whose new id came after the headers', async () => {
    const site = await openMinimal(minimal({ store: client() }), routes);
    const ann = site.visitor();
    await ann.go('/put?a=1');
    await ann.go('/late-login').catch(() => undefined);
    expect(site.errors).toMatchObject([{ code: 'ERR_SESSION_HEADERS_SENT' }]);
    expect((await ann.go('/see')).text).toBe('{"a":"1"}');
    await ann.go('/streamed?b=1').catch(() => undefined);
    expect((await ann.go('/see')).text).toBe('{"a":"1","b":"1"}');
  });

  it('works beside the main entry point in one application', async () => {
    const main = session({ store: client(), cookie: { path: '/api' } });
    const own = minimal({ store: client() });
    const site = await openMinimal((ctx, next) => main(ctx, () => own(ctx, next)), {
      ...routes,
      '/api/see': (ctx) => Object.keys(ctx.session),
      '/anew': (ctx) => {
        delete ctx.session;
        ctx.session = { anew: true };
      },
    });
    const ann = site.visitor();
    await ann.go('/api/see'); // where the main one adds its accessors to the application
    await ann.go('/put?a=1');
    expect((await ann.go('/see')).text).toBe('{"a":"1"}');
    await ann.go('/anew');
    expect((await ann.go('/see')).text).toBe('{"anew":true}');
  });

  it('reports a lost connection, and nothing after it is closed', async () => {
    const store = new EmittingClient();
    const sessions = minimal({ store });
    expect(store.listenerCount('disconnect')).toBe(1);
    await sessions.close();
    await sessions.close();
    expect(store.listenerCount('disconnect')).toBe(0);
  });

  it('keeps sessions in memory without a store', async () => {
    const ann = (await openMinimal(minimal(), routes)).visitor();
    await ann.go('/put?a=1');
    expect((await ann.go('/see')).text).toBe('{"a":"1"}');
  });
});
