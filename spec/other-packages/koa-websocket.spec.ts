import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import Koa from 'koa';
import { WebSocket } from 'ws';
import { cookieStore } from '../../lib/cookie';

import koaSession = require('../../lib/koa-session');
import minimal = require('../../lib/koa-session-minimal');
import session = require('../../lib/main');

import { browser } from '../helpers/http/serve';
import { dataOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { interop } from '../interop';

type SocketApp = Koa & { ws: { use(middleware: Koa.Middleware): void; server: { close(): void } } };
type Use = (app: Koa, client: MapClient) => Koa.Middleware;
type Data = Record<string, unknown>;

const websockify = interop('koa-websocket') as (app: Koa) => SocketApp;

const servers: [Server, SocketApp][] = [];
afterEach(() => {
  for (const [server, app] of servers.splice(0)) {
    app.ws.server.close();
    server.close();
  }
});

/** A site whose session middleware runs for requests and for WebSockets; `handle` has each WebSocket's context. */
async function open(use: Use, handle: (ctx: Koa.Context) => unknown) {
  const app = websockify(new Koa());
  app.keys = ['key'];
  const errors: unknown[] = [];
  const failures: unknown[] = [];
  const client = new MapClient();
  app.on('error', (error) => errors.push(error));
  const middleware = use(app, client);
  app.use(middleware);
  app.use(async (ctx) => {
    if (ctx.path === '/put') Object.assign((await ctx.session) as object, ctx.query);
    ctx.body = dataOf(await ctx.session);
  });
  const done: ((value?: unknown) => void)[] = [];
  app.ws.use(async (_ctx, next) => {
    // koa-websocket swallows what fails.
    await next().catch((error: unknown) => failures.push(error));
    done.shift()?.();
  });
  app.ws.use(middleware);
  app.ws.use((ctx) => handle(ctx) as Promise<void>);
  const server = app.listen(0, '127.0.0.1') as unknown as Server;
  servers.push([server, app]);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const ann = browser(url);
  /** Opens a WebSocket and waits for its middleware to be done. */
  async function connect(headers: Record<string, string> = {}): Promise<void> {
    const ended = new Promise((resolve) => done.push(resolve));
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
    await Promise.all([once(socket, 'open'), ended]);
    socket.terminate();
  }
  return { ann, client, connect, cookie: () => ann.jar.getCookieString(url), errors, failures };
}

const faces: Record<string, Use> = {
  eager: (_app, store) => session({ store }),
  defer: (_app, store) => session({ store, defer: true }),
  'compare-and-set': () => session({ store: new session.MemoryStore() }),
  rolling: (_app, store) => session({ store, rolling: true }),
  allowEmpty: (_app, store) => session({ store, allowEmpty: true }),
  '/koa-session': (app, store) => koaSession({ store, rolling: true }, app),
  '/koa-session-minimal': (_app, store) => minimal({ store }),
};

describe.each(Object.entries(faces))('On a WebSocket of koa-websocket (%s)', (_face, use) => {
  it('the session is read, and its changes are saved', async () => {
    const seen: unknown[] = [];
    const { ann, connect, cookie, errors, failures } = await open(use, async (ctx) => {
      const data = (await ctx.session) as unknown as Data;
      seen.push(data['user']);
      data['socket'] = 'open';
    });
    await ann.get('/put?user=ann');
    await connect({ cookie: await cookie() });
    expect([seen, errors, failures]).toEqual([['ann'], [], []]);
    expect((await ann.get('/')).json()).toMatchObject({ user: 'ann', socket: 'open' });
  });

  it('reading alone never fails, and leaves nothing behind', async () => {
    const { client, connect, errors, failures } = await open(use, async (ctx) => void (await ctx.session));
    await connect();
    await connect({
      cookie: 'koa.sid=unknown-id-of-somebody; koa.sid.sig=wrong; koa.sess=unknown; koa.sess.sig=wrong',
    });
    expect([errors, failures, client.size]).toEqual([[], [], 0]);
  });

  it('a new session cannot reach the visitor: no record, and an error says so', async () => {
    const { client, connect, failures } = await open(use, async (ctx) => {
      ((await ctx.session) as unknown as Data)['user'] = 'ann';
    });
    await connect();
    expect(failures).toMatchObject([{ code: 'ERR_SESSION_HEADERS_SENT' }]);
    expect(client.size).toBe(0);
  });

  it('a session can be ended', async () => {
    const { ann, client, connect, cookie, failures } = await open(use, (ctx) => {
      ctx.session = null;
    });
    await ann.get('/put?user=ann');
    await connect({ cookie: await cookie() });
    expect([failures, client.size]).toEqual([[], 0]);
    expect((await ann.get('/')).json()).not.toHaveProperty('user');
  });
});

it('On a WebSocket, an id signed with an older key is valid, and no new signature is sent', async () => {
  const use: Use = (_app, store) => session({ store, rolling: true });
  const seen: unknown[] = [];
  const { ann, connect, cookie, failures } = await open(use, (ctx) => {
    ctx.app.keys = ['new key', 'key'];
    seen.push((ctx.session as Data)['user']);
  });
  await ann.get('/put?user=ann');
  const headers = { cookie: await cookie() };
  await connect(headers);
  await connect(headers);
  expect([seen, failures]).toEqual([['ann', 'ann'], []]);
});

it('On a WebSocket, a session in the cookie can be read, and a change of it causes an error', async () => {
  const use: Use = () => session({ store: cookieStore({ keys: ['ab'.repeat(64)] }), rolling: true });
  const seen: unknown[] = [];
  let changes = false;
  const { ann, connect, cookie, failures } = await open(use, (ctx) => {
    const data = ctx.session as Data;
    seen.push(data['user']);
    if (changes) data['socket'] = 'open';
  });
  await ann.get('/put?user=ann');
  const headers = { cookie: await cookie() };
  await connect(headers);
  expect([seen, failures]).toEqual([['ann'], []]);
  changes = true;
  await connect(headers);
  expect(failures).toMatchObject([{ code: 'ERR_SESSION_HEADERS_SENT' }]);
});
