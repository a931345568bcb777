import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import querystring from 'node:querystring';
import { setImmediate as immediate } from 'node:timers/promises';
import { type ExpressStoreLike, fromExpressStore } from '../../lib/express';
import session, { type Session, type SessionIdStore, type SessionOptions } from '../../lib/main';
import { storeContract } from '../../lib/testing';
import { browser, type Served, serve } from '../helpers/http/serve';
import { root } from '../helpers/programs/node-program';
import { runScript } from '../helpers/programs/process-script';
import { driverOf } from '../helpers/redis/drivers';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { walkContract } from '../helpers/stores/walk-contract';
import { until } from '../helpers/time/until';
import { interop } from '../interop';

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;
const WEEK = 7 * 24 * HOUR;

type Class<S> = new (options?: object) => S & ExpressStoreLike;
type Factory<S> = (session: unknown) => Class<S>;
interface ExpressRequest extends IncomingMessage {
  session: Record<string, unknown>;
}
interface ExpressSession {
  (options: object): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
  MemoryStore: Class<{ sessions: Record<string, string> }>;
}

const expressSession = interop('express-session') as ExpressSession;
const { MemoryStore } = expressSession;
const LruStore = (interop('memorystore') as Factory<{ store: { dump(): { k: string; e: number }[] } }>)(expressSession);
const FileStore = (interop('session-file-store') as Factory<unknown>)(expressSession);
const { RedisStore } = interop('connect-redis') as { RedisStore: Class<unknown> };

const driver = driverOf('redis5');
let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
const openRedis = (port = redis.port) => driver.open({ host: '127.0.0.1', port });

interface Subject {
  store: ExpressStoreLike;
  /** Milliseconds that a key has left, by the word of the store. */
  ttlLeft(key: string): number | Promise<number>;
  end?(): Promise<void>;
}

const subjects: Record<string, () => Subject | Promise<Subject>> = {
  'the MemoryStore of express-session': () => {
    const store = new MemoryStore();
    const ttlLeft = (key: string) => {
      const { cookie } = JSON.parse(String(store.sessions[key])) as { cookie: { expires: string } };
      return Date.parse(cookie.expires) - Date.now();
    };
    return { store, ttlLeft };
  },
  memorystore: () => {
    const store = new LruStore();
    return { store, ttlLeft: (key) => Number(store.store.dump().find(({ k }) => k === key)?.e) - Date.now() };
  },
  'session-file-store': async () => {
    const path = await mkdtemp(join(tmpdir(), 'spec-sessions-'));
    const store = new FileStore({ path, retries: 0, logFn: () => undefined });
    const ttlLeft = async (key: string) => {
      const { cookie, __lastAccess } = JSON.parse(await readFile(join(path, `${key}.json`), 'utf8')) as Stored;
      return __lastAccess + cookie.originalMaxAge - Date.now();
    };
    return { store, ttlLeft, end: () => rm(path, { recursive: true }) };
  },
  'connect-redis': () => {
    const client = openRedis();
    const ttlLeft = async (key: string) => Number(await redis.command(`PTTL sess:${key}`));
    return { store: new RedisStore({ client }), ttlLeft, end: () => driver.end(client) };
  },
};

interface Stored {
  cookie: { originalMaxAge: number };
  __lastAccess: number;
}

const routes: Routes = {
  '/login': async (ctx) => {
    await ctx['regenerateSession']();
    (await sessionOf(ctx))['user'] = 'ann';
  },
  '/remember': async (ctx) => {
    (await sessionOf(ctx)).cookie.maxAge = WEEK;
  },
  '/for-now': async (ctx) => {
    const { cookie } = await sessionOf(ctx);
    cookie.maxAge = null;
    cookie.sameSite = 'strict';
  },
  '/cookie': async (ctx) => (await sessionOf(ctx)).cookie,
};

describe.each(Object.entries(subjects))('%s', (name, open) => {
  storeContract('keeps the contract:', async () => {
    const { store, ...subject } = await open();
    return { client: fromExpressStore(store), ...subject };
  });

  describe('in a Store', () => {
    const ends: (() => unknown)[] = [];
    afterEach(() => Promise.all(ends.splice(0).map((end) => end())));
    const client = async () => {
      const { store, end } = await open();
      if (end) ends.push(end);
      return fromExpressStore(store);
    };
    if (name !== 'session-file-store') walkContract(client);
    else {
      it('cannot list its sessions', async () => {
        const store = new session.Store(await client());
        await expect(store.count()).rejects.toThrow(/^Expected `store` to list its records: use redisStore/);
      });
    }
  });

  describe('keeps the sessions of a site', () => {
    let subject: Subject;
    let express: Served | undefined;
    beforeEach(async () => {
      express = undefined;
      subject = await open();
    });
    afterEach(async () => {
      await express?.close();
      await subject.end?.();
    });

    const siteOf = async (options: SessionOptions = {}) => {
      const use = session({ store: fromExpressStore(subject.store), ...options });
      const site = await openSite({ use, routes });
      const close = () => Promise.all([site.close(), use.close()]).then(() => undefined);
      await closedAfterTest(Promise.resolve({ ...site, close }));
      const ann = site.visitor();
      const key = `koa:sess:${sentId(await ann.get('/put?user=nobody'))}`;
      const see = async () => (await ann.get('/see')).json();
      return { site, ann, key, see, store: use.store };
    };
    const stored = (key: string): Promise<Session | undefined> => fromExpressStore(subject.store).get(key);

    it('in which users log in and out', async () => {
      const { site, ann, key, see } = await siteOf();
      const fresh = `koa:sess:${sentId(await ann.get('/login'))}`;
      expect(await see()).toEqual({ user: 'ann' });
      expect([await stored(key), await stored(fresh)]).toEqual([undefined, expect.objectContaining({ user: 'ann' })]);
      const cookie = await ann.jar.getCookieString(site.url);
      expect(sentId(await ann.get('/logout'))).toBe('');
      expect(await stored(fresh)).toBeUndefined();
      expect((await site.visitor().get('/see', { cookie })).json()).toEqual({});
    });

    it('for the lifetime of their cookies', async () => {
      const { ann, key } = await siteOf({ cookie: { maxAge: 2 * HOUR } });
      await expectLeft(subject, key, 2 * HOUR);
      await ann.get('/remember');
      await expectLeft(subject, key, WEEK);
    });

    it('with the attributes that handlers set on the cookie; a browser session lives for a day', async () => {
      const { ann, key } = await siteOf({ cookie: { maxAge: 2 * HOUR } });
      await ann.get('/for-now');
      await expectLeft(subject, key, 24 * HOUR);
      expect((await ann.get('/cookie')).json()).toMatchObject({
        maxAge: null,
        sameSite: 'strict',
        own: expect.anything(),
      });
      const reply = await ann.get('/put?more=1');
      expect(reply.status).toBe(200);
      expect((await ann.get('/cookie')).json()).toMatchObject({ maxAge: null, sameSite: 'strict' });
    });

    it('and extends sessions that are read with `rolling`, without other changes', async () => {
      const { ann, key, see } = await siteOf({ rolling: true });
      await ann.get('/remember');
      const before = await stored(key);
      await fromExpressStore(subject.store).touch?.(key, MINUTE);
      await expectLeft(subject, key, MINUTE);
      const reply = await ann.get('/see');
      expect(setCookieOf(reply)).toMatch(/expires=/);
      await expectLeft(subject, key, WEEK);
      expect(await stored(key)).toEqual(before);
      expect(await see()).toEqual({ user: 'nobody' });
    });

    it('and loses no changes of parallel requests', async () => {
      const { ann, see } = await siteOf({ rolling: true });
      const names = Array.from({ length: 20 }, (_, n) => `k${n}`);
      await Promise.all(names.flatMap((name) => [ann.get(`/put?${name}=1`), ann.get('/see')]));
      expect(await see()).toEqual({ user: 'nobody', ...Object.fromEntries(names.map((name) => [name, '1'])) });
    });

    it('and does not restore sessions that were logged out while others were read', async () => {
      const { ann } = await siteOf({ rolling: true });
      for (let round = 1; round <= 5; round += 1) {
        const key = `koa:sess:${sentId(await ann.get('/login'))}`;
        const reads = () => Array.from({ length: 4 }, () => ann.get('/see'));
        await Promise.all([...reads(), ann.get('/logout'), ...reads()]);
        expect(await stored(key)).toBeUndefined();
      }
    });

    it('and prevents a pending touch from restoring a destroyed session', async () => {
      const client = fromExpressStore(subject.store);
      for (let delay = 0; delay < 36; delay += 1) {
        await client.set('sid', { cookie: {}, user: 'ann' }, HOUR);
        const touch = client.touch?.('sid', HOUR);
        for (let turn = 0; turn < delay % 12; turn += 1) await immediate();
        await client.destroy('sid');
        await touch;
        expect(await client.get('sid')).toBeUndefined();
      }
    });

    it('and shares them with express-session', async () => {
      const store = fromExpressStore(subject.store);
      const koa = await closedAfterTest(
        openSite({
          use: session({ store, prefix: '', sessionIdStore: expressIds, cookie: { signed: false } }),
          routes,
        }),
      );
      const use = expressSession({
        store: subject.store,
        secret,
        resave: false,
        saveUninitialized: false,
        rolling: true,
      });
      express = await serve({
        callback: () => (request, response) =>
          use(request, response, () => {
            const { searchParams, pathname } = new URL(String(request.url), 'http://host');
            const its = (request as ExpressRequest).session;
            if (pathname === '/put') Object.assign(its, Object.fromEntries(searchParams));
            const { cookie: _, ...data } = its;
            response.end(JSON.stringify(data));
          }),
      });
      const ann = browser(express.url);
      await ann.get('/put?user=ann');
      const there = browser(koa.url, ann.jar);
      expect((await there.get('/see')).json()).toEqual({ user: 'ann' });
      await there.get('/put?cart=tea');
      expect((await ann.get('/put?seen=1')).json()).toMatchObject({ user: 'ann', cart: 'tea', seen: '1' });
      expect((await there.get('/see')).json()).toEqual({ user: 'ann', cart: 'tea', seen: '1' });
      await there.get('/logout');
      expect((await ann.get('/see')).json()).toEqual({});
      await there.get('/put?user=bob');
      expect((await ann.get('/see')).json()).toMatchObject({ user: 'bob' });
    });
  });
});

const secret = 'the secret of the specs';
const { sign, unsign } = interop('cookie-signature') as {
  sign(value: string, secret: string): string;
  unsign(value: string, secret: string): string | false;
};

/** Ids as express-session sends them, as in the documentation. */
const expressIds: SessionIdStore = {
  get() {
    const value = querystring.unescape(this.cookies.get('connect.sid', { signed: false }) ?? '');
    return (value.startsWith('s:') && unsign(value.slice(2), secret)) || undefined;
  },
  set(sid, { cookie }) {
    this.cookies.set('connect.sid', querystring.escape(`s:${sign(sid, secret)}`), cookie as object);
  },
  reset() {
    this.cookies.set('connect.sid', null, { signed: false });
  },
};

describe('connect-redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('reports an outage to the application, and continues after it', async () => {
    const client = openRedis(server.port);
    await until(() => driver.isReady(client));
    const sessions = session({
      store: fromExpressStore(new RedisStore({ client })),
      reconnectTimeout: 50,
      timeout: 10_000,
    });
    const heard: string[] = [];
    for (const event of ['connect', 'disconnect'] as const) sessions.store.on(event, () => heard.push(event));
    await sessions.store.set('sid', { cookie: {}, user: 'ann' });

    const gone = once(sessions.store, 'disconnect');
    await server.kill('SIGKILL');
    await gone;
    await expect(sessions.store.get('sid')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE_UNAVAILABLE' });

    const back = once(sessions.store, 'connect');
    await server.restart();
    await back;
    expect(await sessions.store.get('sid')).toBeUndefined();
    expect(heard).toEqual(['disconnect', 'connect']);
    await sessions.close();
    await driver.end(client);
  });

  it('is waited for if its client is still connecting', async () => {
    const client = openRedis(server.port);
    const sessions = session({ store: fromExpressStore(new RedisStore({ client })) });
    expect(sessions.store.status).toBe('pending');
    await sessions.store.set('early', { cookie: {}, user: 'ann' });
    expect(await sessions.store.get('early')).toMatchObject({ user: 'ann' });
    await sessions.close();
    await driver.end(client);
  });
});

describe('A process', () => {
  it('ends by itself once its work with session-file-store is done', async () => {
    const path = await mkdtemp(join(tmpdir(), 'spec-sessions-'));
    const script = `
      const { createRequire } = require('node:module');
      const { fromExpressStore } = require(args.express);
      const interop = createRequire(args.interop);
      const FileStore = interop('session-file-store')(interop('express-session'));
      const store = fromExpressStore(new FileStore({ path: args.path, logFn: () => undefined }));
      const sessions = session({ store });
      await sessions.store.set('sid', { cookie: {}, user: 'ann' });
      await store.touch(sessions.store.keyOf('sid'), 60000);
      console.log((await sessions.store.get('sid')).user);
      await sessions.close();`;
    const express = join(root, 'dist', 'express.js');
    const args = { express, interop: join(root, 'spec', 'interop', 'package.json'), path };
    const start = performance.now();
    expect(await runScript('own', script, args)).toEqual({ code: 0, signal: null, stdout: 'ann\n', stderr: '' });
    // No timer of ours is waited for, which would be ten seconds.
    expect(performance.now() - start).toBeLessThan(9_000);
    await rm(path, { recursive: true });
  });
});

async function expectLeft(subject: Subject, key: string, ms: number): Promise<void> {
  const left = await subject.ttlLeft(key);
  expect(left).toBeGreaterThan(ms - MINUTE / 2);
  expect(left).toBeLessThanOrEqual(ms + 1000);
}
