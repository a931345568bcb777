import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type Koa = require('koa');

import koaSession = require('../../lib/koa-session');
import session = require('../../lib/main');

import { heardDebugLines } from '../helpers/programs/debug-lines';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { openSite, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

const told = heardDebugLines();

describe('debug output', () => {
  it('reports what happens to the session of each request, without ids and data', async () => {
    const site = await siteWith(
      { rolling: true, cookie: { maxAge: 60_000 }, valid: (_ctx, stored) => stored['bad'] === undefined },
      { '/regenerate': (ctx) => ctx.regenerateSession() },
    );
    const ann = site.visitor();
    const tellsOf = async (path: string, cookie?: string) => {
      await ann.get(path, cookie === undefined ? {} : { cookie });
      return told();
    };
    expect(await tellsOf('/see')).toEqual([]);
    expect(await tellsOf('/put?user=secret')).toEqual(['session written: some bytes, attempts: 1', 'session created']);
    expect(await tellsOf('/see')).toEqual(['session loaded', 'session touched: 60000 ms from now on']);
    expect(await tellsOf('/put?user=secret2')).toEqual([
      'session loaded',
      'session written: some bytes, attempts: 1',
      'session saved',
    ]);
    const cookie = await ann.jar.getCookieString(site.url);
    expect(await tellsOf('/regenerate')).toEqual(expect.arrayContaining(['session loaded', 'session regenerated']));
    expect(await tellsOf('/put?bad=1')).toContain('session created');
    expect(await tellsOf('/see')).toEqual(['session invalid', 'session destroyed']);
    expect(await tellsOf('/see', cookie)).toEqual(['session gone']);
    await ann.get('/put?user=secret');
    const last = await ann.jar.getCookieString(site.url);
    told();
    expect(await tellsOf('/logout')).toEqual(['session loaded', 'session destroyed']);
    expect(await tellsOf('/see', last)).toEqual(['session missed']);
  });

  it.each([
    ['a store', { store: new MapClient() as never }],
    ['the cookie', {}],
  ])('reports it with the entry point for koa-session too: %s', async (_where, options) => {
    let isValid = true;
    const site = await closedAfterTest(openSite({ use: (ctx, next) => use?.(ctx, next) }));
    const use = koaSession({ ...options, valid: () => isValid }, site.app);
    const ann = site.visitor();
    // The store may be slow on a busy machine.
    const ofSession = () => told().filter((line) => line.startsWith('session '));
    await ann.get('/put?user=secret');
    expect(ofSession()).toEqual(['session written: some bytes, attempts: 1', 'session created']);
    await ann.get('/see');
    expect(ofSession()).toEqual(['session loaded']);
    isValid = false;
    await ann.get('/see');
    expect(ofSession()).toContain('session invalid');
  });

  it.each([
    ['the main entry point', () => session()],
    ['that for koa-session', (app: Koa) => koaSession({}, app)],
  ])('reports a wrong or missing signature: %s', async (_which, made) => {
    const site = await closedAfterTest(openSite({ use: (ctx, next) => use(ctx, next) }));
    const use = made(site.app) as Koa.Middleware;
    const ann = site.visitor();
    await ann.get('/put?user=secret');
    const cookie = await ann.jar.getCookieString(site.url);
    told();
    await ann.get('/see', { cookie });
    expect(told()).toEqual(['session loaded']);
    const refused = 'session refused: the signature of the cookie is wrong or missing';
    await ann.get('/see', { cookie: cookie.replace(/; [^;]*\.sig=[^;]*/, '') });
    expect(told()).toEqual([refused]);
    site.app.keys = ['another secret, of another process'];
    await ann.get('/see', { cookie });
    expect(told()).toEqual([refused]);
    await ann.get('/see', { cookie: '' });
    expect(told()).toEqual([]);
  });

  it('reports that a write was repeated, and that a request waited for the connection', async () => {
    const client = new EventEmitter();
    const memory = new session.MemoryStore();
    const store = Object.assign(client, {
      get: (key: string) => memory.get(key),
      set: (...args: Parameters<typeof memory.set>) => memory.set(...args),
      destroy: (key: string) => memory.destroy(key),
      load: (...args: Parameters<typeof memory.load>) => memory.load(...args),
      create: (...args: Parameters<typeof memory.create>) => memory.create(...args),
      swap: (...args: Parameters<typeof memory.swap>) => memory.swap(...args),
      touch: (...args: Parameters<typeof memory.touch>) => memory.touch(...args),
    });
    const site = await closedAfterTest(
      openSite({
        use: session({ store }),
        routes: {
          '/overtaken': async (ctx) => {
            (await sessionOf(ctx))['mine'] = 1;
            await memory.set(`koa:sess:${ctx.sessionId}`, { cookie: {}, theirs: 1 }, 60_000);
          },
        },
      }),
    );
    const ann = site.visitor();
    await ann.get('/put?user=secret');
    told();
    await ann.get('/overtaken');
    expect(told()).toEqual([
      'session loaded',
      'store conflict: another writer came first, and the change is tried again',
      'session written: some bytes, attempts: 2',
      'session saved',
    ]);
    client.emit('disconnect');
    const waiting = ann.get('/see');
    setTimeout(() => client.emit('connect'), 20);
    await waiting;
    const heard = told();
    expect(heard[0]).toBe('store disconnect');
    expect(heard).toContain('session loaded');
    expect(heard.find((line) => line.startsWith('store waited'))).toMatch(/: \d+ ms, available$/);
  });

  it('reports a wait for a slow store, but not for a quick one', async () => {
    const memory = new session.MemoryStore();
    let isSlow = false;
    // At once, however busy the machine is; or not.
    const slowly = <T>(answer: T) => (isSlow ? sleep(60, answer) : answer);
    const store = {
      get: (key: string) => slowly(memory.get(key)),
      set: (...args: Parameters<typeof memory.set>) => slowly(memory.set(...args)),
      destroy: (key: string) => memory.destroy(key),
    };
    const site = await closedAfterTest(openSite({ use: session({ store }) }));
    const ann = site.visitor();
    await ann.get('/put?user=secret');
    expect(told()).toEqual(['session written: some bytes, attempts: 1', 'session created']);
    isSlow = true;
    await ann.get('/put?user=secret2');
    expect(told().map((line) => line.replace(/\d+ ms/, 'some ms'))).toEqual([
      'store waited for the answer to "get": some ms',
      'session loaded',
      'store waited for the answer to "set": some ms',
      'session written: some bytes, attempts: 1',
      'session saved',
    ]);
  });
});
