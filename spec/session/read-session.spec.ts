import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type Koa from 'koa';
import Koa2 from 'koa2';
import { type ClientOptions, type RawData, WebSocket, WebSocketServer } from 'ws';
import session, { MemoryStore, type Session, type SessionOptions, type SessionStore, StoreError } from '../../lib/main';
import { serve } from '../helpers/http/serve';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { cookieHeader, openSite, type Routes, type SiteSetup } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { MapClient, TouchableMapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

everyTestStartsAt(Date.UTC(2030, 0, 1));

const closing: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

/**
 * A site, and a function that opens a WebSocket to it and returns the result of `sessions.read(req)`, an error by its
 * code.
 */
async function open(options: SessionOptions = {}, routes?: Routes, setup: Partial<SiteSetup> = {}) {
  const sessions = session(options);
  const site = await closedAfterTest(openSite({ use: sessions, routes, ...setup }));
  return { sessions, site, visitor: site.visitor(), read: await readerOf(site.app, sessions) };
}

type Reader = (cookie?: string, path?: string, headers?: ClientOptions['headers']) => Promise<unknown>;

async function readerOf(app: Koa, sessions: session.SessionMiddleware): Promise<Reader> {
  const served = await serve(app);
  const sockets = new WebSocketServer({ noServer: true });
  served.server.on('upgrade', (req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, async (webSocket) => {
      const answer = await sessions.read(req).catch((error: session.SessionError) => error.code ?? String(error));
      webSocket.send(JSON.stringify(answer));
    });
  });
  closing.push(() => served.close());
  return async (cookie, path = '/', headers = {}) => {
    const url = `ws://127.0.0.1:${served.port}${path}`;
    const webSocket = new WebSocket(url, { headers: { ...headers, ...(cookie === undefined ? {} : { cookie }) } });
    const [message] = (await once(webSocket, 'message')) as [RawData];
    webSocket.terminate();
    return JSON.parse(String(message));
  };
}

/** The session's data as far as the application knows it. */
const ann = expect.objectContaining({ user: 'Ann' });

/** A request as a server has it, without a server. */
function requestWith(cookie: string): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { url: '/', headers: { cookie } });
}

describe('sessions.read(req) of a WebSocket', () => {
  it.each<[string, Partial<SiteSetup>, () => SessionStore]>([
    ['Koa 3, compare-and-set', {}, () => new MemoryStore()],
    ['Koa 3, last-write', {}, () => new MapClient()],
    ['Koa 2, last-write', { Koa: Koa2 as unknown as typeof Koa }, () => new MapClient()],
  ])('returns the session of the visitor: %s', async (_what, setup, makeStore) => {
    const { visitor, read } = await open({ store: makeStore() }, undefined, setup);
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    expect(await read(cookie)).toEqual({
      user: 'Ann',
      cookie: {
        path: '/',
        httpOnly: true,
        overwrite: true,
        signed: true,
        sameSite: 'lax',
        maxAge: 86_400_000,
      },
    });
  });

  it('works in defer mode too, and with another prefix and key', async () => {
    const { visitor, read } = await open({ defer: true, prefix: 'shop:', key: 'shop.sid' });
    expect(await read(cookieHeader(await visitor.get('/put?user=Ann')))).toEqual(ann);
  });

  it('accepts a signature by an older key, and no other', async () => {
    const store = new MapClient();
    const { visitor } = await open({ store }, undefined, { keys: ['older'] });
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    const rotated = await open({ store }, undefined, { keys: ['newer', 'older'] });
    await rotated.visitor.get('/idle');
    expect(await rotated.read(cookie)).toEqual(ann);
    expect(await rotated.read(cookie.replace(/sig=./, 'sig='))).toBeNull();
    expect(await rotated.read(cookie.replace(/; .*/, ''))).toBeNull();
  });

  it('finds the id as `sessionIdStore` does', async () => {
    const { visitor, read } = await open({
      sessionIdStore: {
        async get() {
          return this.get('X-Session');
        },
        set(sid) {
          this.set('X-Session', sid);
        },
        reset: () => undefined,
      },
    });
    const sid = (await visitor.get('/put?user=Ann')).headers.get('x-session') as string;
    expect(await read(undefined, '/', { 'x-session': sid })).toEqual(ann);
    expect(await read()).toBeNull();
  });

  it.each<[string, () => SessionStore]>([
    ['compare-and-set', () => new MemoryStore()],
    ['last-write', () => new MapClient()],
  ])('resolves to null if the middleware would start a new session: %s', async (_what, makeStore) => {
    const store = makeStore();
    const regenerate = (ctx: Koa.Context) => ctx.regenerateSession();
    const { visitor, site, read } = await open({ store }, { '/regenerate': regenerate });
    await visitor.get('/idle');
    expect(await read()).toBeNull();
    const known = cookieHeader(await visitor.get('/put?user=Ann'));
    await visitor.get('/regenerate');
    expect(await read(known)).toBeNull();

    const other = site.visitor();
    const ended = cookieHeader(await other.get('/put?user=Bea'));
    expect(await read(ended)).not.toBeNull();
    await other.get('/logout');
    expect(await read(ended)).toBeNull();
  });

  it.each([
    ['made up', 'made-up'],
    ['a name that objects inherit', '__proto__'],
    ['too long', 'x'.repeat(5000)],
  ])('resolves to null for an unknown id: %s', async (_what, id) => {
    const store = new MapClient();
    const get = jest.spyOn(store, 'get');
    const { visitor, read } = await open({ store, cookie: { signed: false } });
    await visitor.get('/idle');
    expect(await read(`koa.sid=${id}`)).toBeNull();
    // What cannot be an id is not asked for.
    expect(get).toHaveBeenCalledTimes(id === 'made-up' ? 1 : 0);
  });

  it.each(['5', '[]', 'no json', '"text"'])(
    'resolves to null for a record that is not a session, and keeps it: %s',
    async (record) => {
      const store = new MemoryStore();
      store.create('koa:sess:known', record, 60_000);
      const { visitor, read } = await open({ store, cookie: { signed: false } });
      await visitor.get('/idle');
      expect(await read('koa.sid=known')).toBeNull();
      expect(store.load('koa:sess:known')?.record).toBe(record);
    },
  );

  it('resolves to null outside the path of the cookie', async () => {
    const { visitor, read } = await open(
      { cookie: { path: '/shop' } },
      { '/shop': (ctx) => Object.assign(ctx.session as Session, { user: 'Ann' }) },
    );
    const cookie = cookieHeader(await visitor.get('/shop'));
    expect(await read(cookie, '/shop/live?room=1')).toEqual(ann);
    expect(await read(cookie, '/shopping')).toBeNull();
    expect(await read(cookie, '/')).toBeNull();
  });

  it('resolves to null after the cookie of the session has expired, even if the client still returns it', async () => {
    const expire = (ctx: Koa.Context) =>
      (Object.assign(ctx.session as Session, { user: 'Ann' }).cookie = { expires: new Date(Date.now() + 1000) });
    const { visitor, read } = await open({ store: new MapClient() }, { '/login': expire });
    const cookie = cookieHeader(await visitor.get('/login'));
    expect(await read(cookie)).toEqual(ann);
    pass(1000);
    expect(await read(cookie)).toBeNull();
  });

  it('resolves to null for a session that `valid` refuses, which stays for a request with a response to end', async () => {
    const store = new MapClient();
    const valid = async (ctx: Koa.Context) => ctx.get('x-agent') !== 'other';
    const { visitor, read } = await open({ store, valid });
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    expect(await read(cookie, '/', { 'x-agent': 'other' })).toBeNull();
    expect(store.size).toBe(1);
    expect(await read(cookie)).toEqual(ann);
  });
});

describe('sessions.read(req)', () => {
  it('writes, extends and emits nothing', async () => {
    class Recording extends TouchableMapClient {
      readonly asked: string[] = [];
      override get(key: string) {
        this.asked.push('get');
        return super.get(key);
      }
      override set(key: string, record: Session, ttl: number) {
        this.asked.push('set');
        return super.set(key, record, ttl);
      }
      override touch(key: string, ttl: number) {
        this.asked.push('touch');
        return super.touch(key, ttl);
      }
      override destroy(key: string) {
        this.asked.push('destroy');
        return super.destroy(key);
      }
    }
    const store = new Recording();
    const { visitor, site, read } = await open({ store, rolling: true, valid: (ctx) => ctx.query['ok'] !== 'no' });
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    const heard = site.heard.length;
    store.asked.length = 0;
    await read(cookie);
    await read(cookie, '/?ok=no');
    await read(cookie.replace('koa.sid=', 'koa.sid=x'));
    expect([store.asked, site.heard.length - heard, site.errors]).toEqual([['get', 'get'], 0, []]);
  });

  it('returns a copy that cannot be changed, whatever it contains', async () => {
    const { sessions, visitor } = await open(
      {},
      { '/cart': (ctx) => Object.assign(ctx.session as Session, { cart: { items: [1] } }) },
    );
    const cookie = cookieHeader(await visitor.get('/cart'));
    const found = (await sessions.read(requestWith(cookie))) as { cart: { items: number[] }; cookie: object };
    expect(() => found.cart.items.push(2)).toThrow(TypeError);
    expect(() => Object.assign(found.cart, { a: 1 })).toThrow(TypeError);
    expect(() => Object.assign(found, { a: 1 })).toThrow(TypeError);
    expect(() => Object.assign(found.cookie, { a: 1 })).toThrow(TypeError);
  });

  it('neither changes nor freezes what a client keeps, or what `valid` adds', async () => {
    const kept = { cart: { items: [1] }, cookie: {} } as unknown as Session;
    const shared = { name: 'Ann' };
    const valid = (_ctx: Koa.Context, stored: Session) => {
      stored['user'] = shared;
      (stored['cart'] as { items: number[] }).items.push(2);
      return true;
    };
    const store = { get: () => kept, set: () => undefined, destroy: () => undefined };
    const { sessions, site } = await open({ store, valid, cookie: { signed: false } });
    await site.visitor().get('/idle');
    expect(await sessions.read(requestWith('koa.sid=known'))).toMatchObject({ user: shared, cart: { items: [1, 2] } });
    expect(kept).toEqual({ cart: { items: [1] }, cookie: {} });
    expect([Object.isFrozen(shared), Object.isFrozen(kept)]).toEqual([false, false]);
  });

  it.each<[string, () => object]>([
    ['a function', () => ({ user: 'Ann', greet: () => 'hello' })],
    ['a Proxy', () => ({ user: 'Ann', cart: new Proxy({ items: [1] }, {}) })],
  ])('keeps what JSON keeps of an object from a client, with %s in it', async (_what, make) => {
    const kept = { ...make(), cookie: {} } as unknown as Session;
    const store = { get: () => kept, set: () => undefined, destroy: () => undefined };
    const { sessions, site } = await open({ store, cookie: { signed: false } });
    await site.visitor().get('/idle');
    const { cookie: _cookie, ...found } = (await sessions.read(requestWith('koa.sid=known'))) as Session;
    const { cookie: _own, ...expected } = JSON.parse(JSON.stringify(kept)) as Session;
    expect(found).toEqual(expected);
  });

  it('returns the end of the cookie as a separate Date, as in `ctx.session`', async () => {
    const end = new Date(Date.now() + 60_000);
    let fromHook: Date | undefined;
    const { sessions, visitor } = await open(
      {
        valid: (_ctx, stored) => {
          fromHook = stored.cookie.expires as Date;
          return true;
        },
      },
      {
        '/put': (ctx) => {
          const session = ctx.session as Session;
          Object.assign(session, { user: 'Ann' });
          session.cookie.expires = end;
        },
      },
    );
    const cookie = cookieHeader(await visitor.get('/put'));
    const found = await sessions.read(requestWith(cookie));
    expect(found?.cookie.expires).toEqual(end);
    expect(found?.cookie.expires).not.toBe(fromHook);
  });

  it('counts an existing record as alive, as the middleware does, whatever ttl its client reports', async () => {
    class Idle extends MemoryStore {
      override load(...asked: Parameters<MemoryStore['load']>) {
        const stored = super.load(...asked);
        return stored && { ...stored, ttl: 0 };
      }
    }
    const { sessions, visitor } = await open({ store: new Idle() });
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    expect(await sessions.read(requestWith(cookie))).toEqual(ann);
  });

  it('keeps no memory of the records that it has read', async () => {
    const { visitor, sessions } = await open({ store: new MapClient() });
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    const release = jest.spyOn(sessions.store.records, 'release');
    await sessions.read(requestWith(cookie));
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('waits for a store that is away, and continues with it', async () => {
    const store = new EmittingClient();
    const { visitor, sessions } = await open({ store });
    const cookie = cookieHeader(await visitor.get('/put?user=Ann'));
    store.emit('disconnect');
    const reading = sessions.read(requestWith(cookie));
    store.emit('connect');
    expect(await reading).toEqual(ann);
  });

  it.each<[string, SessionOptions & { store: SessionStore }, object]>([
    [
      'fails',
      {
        store: new (class extends MapClient {
          override async get(): Promise<never> {
            throw new Error('ECONNRESET');
          }
        })(),
      },
      { code: 'ERR_SESSION_STORE', operation: 'get', message: 'ECONNRESET' },
    ],
    [
      'never answers',
      { store: Object.assign(new MapClient(), { get: () => new Promise<never>(() => undefined) }), timeout: 20 },
      { code: 'ERR_SESSION_STORE_TIMEOUT', operation: 'get' },
    ],
    [
      'is away',
      { store: Object.assign(new EmittingClient(), { connected: false }), reconnectTimeout: 0 },
      { code: 'ERR_SESSION_STORE_UNAVAILABLE', operation: 'get' },
    ],
  ])(
    'rejects with the StoreError of a store that %s, and does not call the errorHandler',
    async (_how, options, error) => {
      const errorHandler = jest.fn();
      const { sessions, site } = await open({ ...options, errorHandler, cookie: { signed: false }, defer: true });
      await site.visitor().get('/idle');
      const reading = sessions.read(requestWith('koa.sid=known'));
      await expect(reading).rejects.toThrow(StoreError);
      await expect(reading).rejects.toMatchObject(error);
      expect(errorHandler).not.toHaveBeenCalled();
    },
  );

  it('rejects if `app.keys` are missing', async () => {
    const { sessions, site } = await open({ defer: true });
    site.app.keys = [];
    await site.visitor().get('/idle');
    await expect(sessions.read(requestWith('koa.sid=known'))).rejects.toMatchObject({ code: 'ERR_SESSION_KEYS' });
  });

  it.each<[string, (ctx: Koa.Context) => unknown, string]>([
    ['nothing', () => undefined, 'got `undefined`'],
    ['a cookie', () => 'koa.sid=1', 'got `koa.sid=1` (string)'],
    ['a context', (ctx) => ctx, 'got an object of Koa: pass `ctx.req`, or use `ctx.session`'],
    ['a request of Koa', (ctx) => ctx.request, 'got an object of Koa: pass `ctx.req`, or use `ctx.session`'],
    ['a Request of Fetch', () => new Request('http://localhost/'), 'got an object: a Fetch `Request` is not supported'],
    ['a look-alike', () => ({ headers: {}, url: '/' }), 'got an object: a Fetch `Request` is not supported'],
  ])('rejects anything but a Node request: %s', async (_what, given, got) => {
    const mistaken = (ctx: Koa.Context) => sessions.read(given(ctx) as IncomingMessage).catch(String);
    const { sessions, visitor } = await open({}, { '/mistaken': mistaken });
    expect((await visitor.get('/mistaken')).json()).toBe(
      `TypeError: Expected \`req\` to be a request of Node (http.IncomingMessage), ${got}`,
    );
  });
});

describe('the application that sessions.read(req) needs', () => {
  it('is known before the first request if it is given as an option', async () => {
    const store = new MapClient();
    const cookie = cookieHeader(await (await open({ store })).visitor.get('/put?user=Ann'));
    // As after a restart of the server, when WebSockets come back first.
    const { site } = await open();
    const restarted = session({ store, app: site.app });
    site.app.use(restarted);
    expect(await restarted.read(requestWith(cookie))).toEqual(ann);
  });

  it('is otherwise that of the first request, and before that, the error says what to do', async () => {
    const { sessions, visitor } = await open();
    await expect(sessions.read(requestWith('koa.sid=1'))).rejects.toMatchObject({
      name: 'SessionError',
      code: 'ERR_SESSION_APP',
      message: expect.stringContaining(
        'no request has come through the middleware yet. Set the option `app`: `session({ app })`',
      ),
      docs: 'docs/errors.md#err_session_app',
    });
    await visitor.get('/idle');
    expect(await sessions.read(requestWith('koa.sid=1'))).toBeNull();
  });

  it('throws a TypeError at set-up if it is not an application', () => {
    expect(() => session({ app: {} as Koa })).toThrow(
      new TypeError('Expected `app` to have the method `createContext`, but `createContext` is missing'),
    );
  });
});
