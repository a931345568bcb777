import { setImmediate as turn } from 'node:timers/promises';
import { type ErrorType, Store, type StoreError, StoreUnavailableError } from '../../lib/main';
import { runScript } from '../helpers/programs/process-script';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { siteWith } from '../helpers/sites/open-sites';
import { EmittingClient } from '../helpers/stores/emitting-client';

import session = require('../../lib/main');

const ways: [string, (sessions: session.SessionMiddleware) => Promise<void>][] = [
  ['close()', (sessions) => sessions.close()],
  ['Symbol.asyncDispose', (sessions) => sessions[Symbol.asyncDispose]()],
  [
    'await using',
    async (opened) => {
      await using sessions = opened;
      expect(sessions.store.status).toBe('pending');
    },
  ],
];

describe.each(ways)('%s, while the store is away', (_way, close) => {
  let client: EmittingClient;
  let sessions: session.SessionMiddleware;
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    client = new EmittingClient();
    sessions = session({ store: client });
    client.emit('disconnect');
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('fails all pending requests, and all later ones', async () => {
    const failure = (work: Promise<unknown>) => work.then(String, (error: StoreError) => error);
    const waiting = [
      failure(sessions.store.get('sid')),
      failure(sessions.store.set('sid', { cookie: {} })),
      failure(sessions.store.destroy('sid')),
    ];
    await turn();
    await close(sessions);
    const failures = await Promise.all([...waiting, failure(sessions.store.get('sid'))]);
    for (const error of failures) expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(failures.map((error) => (error as StoreError).operation)).toEqual(['get', 'set', 'destroy', 'get']);
  });

  it('leaves no timer behind', async () => {
    const waiting = Promise.allSettled([sessions.store.get('sid'), sessions.store.destroy('sid')]);
    await turn();
    expect(jest.getTimerCount()).toBeGreaterThan(0);
    await close(sessions);
    await waiting;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stops listening: a client that comes back causes no event', async () => {
    const heard: string[] = [];
    sessions.store.on('connect', () => heard.push('connect'));
    await close(sessions);
    client.emit('connect');
    client.emit('disconnect');
    expect([client.eventNames(), heard, sessions.store.status]).toEqual([[], [], 'closed']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('may be called twice', async () => {
    await close(sessions);
    await sessions.close();
    expect(sessions.store.status).toBe('closed');
  });
});

describe('After close()', () => {
  it('a request with a session fails at once, and the errorHandler gets that the store is not connected', async () => {
    const heard: ErrorType[] = [];
    const errorHandler = (error: Error, type: ErrorType) => {
      heard.push(type);
      throw error;
    };
    const sessions = session({ store: new EmittingClient(), errorHandler });
    const site = await siteWith({}, {}, { use: sessions });
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    await sessions.close();
    expect((await ann.get('/see')).status).toBe(500);
    expect(heard).toEqual(['connect']);
    expect(site.errors).toEqual([expect.any(StoreUnavailableError)]);
    // Who has no session needs no store.
    expect((await site.visitor().get('/see')).text).toBe('{}');
  });
});

describe('A Store that two middlewares share', () => {
  it('closes with the last of them', async () => {
    const client = new EmittingClient();
    const store = new Store(client);
    const [shop, blog] = [session({ store, key: 'shop.sid' }), session({ store, key: 'blog.sid' })];
    const site = await siteWith({}, {}, { use: blog });
    const ann = site.visitor();
    await ann.get('/put?user=ann');

    await shop.close();
    await shop.close();
    expect([store.status, client.listenerCount('disconnect')]).toEqual(['available', 1]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });

    await blog.close();
    expect([store.status, client.eventNames()]).toEqual(['closed', []]);
    expect((await ann.get('/see')).status).toBe(500);
  });
});

describe('The process of an application that shuts down', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.stop());

  // A visitor who has a session comes again as the process ends: their request is on its way then.
  const application = `
    const { once } = require('node:events');
    const Koa = require('koa');
    const client = require('koa-redis')({ host: '127.0.0.1', port: args.port, disconnectTimeout: 50 });
    const sessions = session({ store: client, reconnectTimeout: 600_000 });
    const app = new Koa();
    app.silent = true;
    app.keys = ['the key of the specs, of more than 32 bytes'];
    app.use(sessions);
    app.use((ctx) => {
      ctx.session.n = (ctx.session.n ?? 0) + 1;
      ctx.body = 'count ' + ctx.session.n;
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const visit = async (cookie = '') => {
      const reply = await fetch('http://127.0.0.1:' + server.address().port, { headers: { cookie } });
      console.log(reply.status, await reply.text());
      return reply.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
    };
    const cookie = await visit();`;

  it('ends by itself, its sessions closed and its client quit', async () => {
    const shutdown = `
      await visit(cookie);
      server.close();
      server.closeIdleConnections();
      await sessions.close();
      await client.quit();`;
    const ended = await runScript('own', application + shutdown, { port: redis.port });
    expect(ended).toEqual({ code: 0, signal: null, stdout: '200 count 1\n200 count 2\n', stderr: '' });
  });

  it('ends by itself while Redis is away, and pending requests get an error', async () => {
    const shutdown = `
      process.kill(args.pid, 'SIGKILL');
      await once(sessions.store, 'disconnect');
      const last = visit(cookie);
      await once(server, 'request');
      await new Promise(setImmediate);
      server.close();
      await sessions.close();
      await last;
      server.closeIdleConnections();
      await client.quit();`;
    const ended = await runScript('own', application + shutdown, { port: redis.port, pid: redis.pid });
    expect(ended).toEqual({ code: 0, signal: null, stdout: '200 count 1\n500 Internal Server Error\n', stderr: '' });
  });

  it('would run as long as the client does, which only the application may close', async () => {
    const shutdown = `
      server.close();
      server.closeIdleConnections();
      await sessions.close();
      setTimeout(async () => {
        console.log('the client is', client.status);
        await client.quit();
      }, 100).unref();`;
    const ended = await runScript('own', application + shutdown, { port: redis.port });
    expect(ended).toMatchObject({ code: 0, stdout: '200 count 1\nthe client is ready\n', stderr: '' });
  });
});
