import { setImmediate as turn } from 'node:timers/promises';
import type Koa from 'koa';
import predecessor from 'koa-generic-session';
import session from '../../lib/main';
import { runScript } from '../helpers/programs/process-script';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { openSite, type Site } from '../helpers/sites/session-site';
import { EmittingClient } from '../helpers/stores/emitting-client';

type Make = (options: session.SessionOptions) => ReturnType<typeof predecessor>;
const makers = { predecessor: predecessor as Make, own: session as Make };
type Maker = keyof typeof makers;

const ownNames: Record<Maker, string> = { predecessor: 'koa-generic-session', own: 'this package' };
const both = (fates: Record<Maker, unknown>) =>
  (Object.keys(fates) as Maker[]).map((maker) => [ownNames[maker], maker, fates[maker]] as const);

const fakeTimeouts = () =>
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance'] });

/** Resolves to a function that says whether the waiting request has ended. */
const waits = (app: Koa) => new Promise<() => boolean>((resolve) => app.once('waits', resolve));

describe('The life cycle of a store', () => {
  let site: Site | undefined;
  afterEach(async () => {
    jest.useRealTimers();
    await site?.close();
    site = undefined;
  });
  /** A site whose app emits that a request waits, and a way to find out whether it has ended. */
  const open = async (maker: Maker, options: session.SessionOptions) => {
    const announce: Koa.Middleware = (ctx, next) => {
      let ended = false;
      const done = next().finally(() => {
        ended = true;
      });
      setImmediate(() => ctx.app.emit('waits', () => ended));
      return done;
    };
    site = await openSite({ use: [announce, makers[maker](options)] });
    return site;
  };

  describe('that is disconnected while no request waits', () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());

    // Ends the store as an application does at its end, while some work continues for longer than reconnectTimeout.
    const quit = `
      const { once } = require('node:events');
      const store = require('koa-redis')({ host: '127.0.0.1', port: args.port });
      session({ store, reconnectTimeout: 20 });
      await once(store, 'ready');
      const ended = once(store, 'end');
      await store.quit();
      await ended;
      setTimeout(() => console.log('the last work is done'), 200);`;

    it.each(
      both({
        predecessor: { code: 1, stdout: '', stderr: expect.stringContaining('session store is unavailable') },
        own: { code: 0, stdout: 'the last work is done\n', stderr: '' },
      }),
    )('ends the process, or does not: %s', async (_name, maker, fate) => {
      expect(await runScript(maker, quit, { port: redis.port })).toMatchObject(fate as object);
    });
  });

  describe('that was disconnected for a moment', () => {
    const outage = `
      const { EventEmitter } = require('node:events');
      const nothing = () => undefined;
      const store = Object.assign(new EventEmitter(), { get: nothing, set: nothing, destroy: nothing });
      session({ store, reconnectTimeout: args.reconnectTimeout });
      store.emit('disconnect');
      if (args.comesBack) store.emit('connect');
      const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
      process.stdout.write(timers.length + ' timers');
      if (args.leaves) setImmediate(() => process.exit());`;

    it.each(both({ predecessor: '1 timers', own: '0 timers' }))(
      'keeps the process alive with a timer, or does not: %s',
      async (_name, maker, stdout) => {
        const args = { reconnectTimeout: 600_000, comesBack: true, leaves: true };
        expect(await runScript(maker, outage, args)).toMatchObject({ stdout });
      },
    );

    it.each([
      ['is back', true],
      ['stays away', false],
    ])('lets the process end by itself when it %s', async (_how, comesBack) => {
      const ended = await runScript('own', outage, { reconnectTimeout: 600_000, comesBack });
      expect(ended).toEqual({ code: 0, signal: null, stdout: '0 timers', stderr: '' });
    });

    it.each(both({ predecessor: 500, own: 200 }))(
      'has less time for a second outage, or does not: %s',
      async (_name, maker, status) => {
        const client = new EmittingClient();
        const { app, visitor } = await open(maker, { store: client });
        const ann = visitor();
        await ann.get('/put?user=ann');
        fakeTimeouts();
        client.emit('disconnect');
        jest.advanceTimersByTime(9_000);
        client.emit('connect');
        client.emit('disconnect');
        jest.advanceTimersByTime(1_500);
        const [reply] = [ann.get('/see'), await waits(app)];
        // Long before the ten seconds of this outage are over.
        client.emit('connect');
        expect((await reply).status).toBe(status);
      },
    );
  });

  describe('that is unavailable', () => {
    /** A site whose store went away for good. */
    const openWithout = async (maker: Maker, options: session.SessionOptions = {}) => {
      const client = new EmittingClient();
      const opened = await open(maker, { store: client, reconnectTimeout: 1, ...options });
      const ann = opened.visitor();
      await ann.get('/put?user=ann');
      fakeTimeouts();
      // Somebody waits, or else the predecessor ends the process.
      client.emit('disconnect');
      const [waiting] = [ann.get('/see'), await waits(opened.app)];
      jest.advanceTimersByTime(1);
      await waiting;
      jest.useRealTimers();
      return ann;
    };

    it.each(both({ predecessor: ['neither heard nor served', 500], own: ['connect', 200] }))(
      'is reported to the errorHandler, which may let the request continue: %s',
      async (_name, maker, fate) => {
        let heard = 'neither heard nor served';
        const errorHandler = (_error: Error, type: string) => {
          heard = type;
        };
        const ann = await openWithout(maker, { errorHandler });
        const { status } = await ann.get('/idle');
        expect([heard, status]).toEqual(fate);
      },
    );

    it('does not affect routes that never use the session, in defer mode', async () => {
      const ann = await openWithout('own', { defer: true });
      expect((await ann.get('/idle')).text).toBe('"idle"');
      expect((await ann.get('/see')).status).toBe(500);
    });
  });

  describe('that fails to destroy a session', () => {
    it.each(both({ predecessor: [[], 500], own: [['destroy'], 200] }))(
      'is reported to the errorHandler, or is not: %s',
      async (_name, maker, fate) => {
        const client = new EmittingClient();
        client.destroy = () => Promise.reject(new Error('disk is full'));
        const heard: string[] = [];
        const errorHandler = (_error: Error, type: string) => void heard.push(type);
        const { visitor } = await open(maker, { store: client, errorHandler });
        const ann = visitor();
        await ann.get('/put?user=ann');
        const { status } = await ann.get('/logout');
        expect([heard, status]).toEqual(fate);
      },
    );
  });

  describe('with one client for many middlewares', () => {
    const eleven = `
      const { EventEmitter } = require('node:events');
      const nothing = () => undefined;
      const store = Object.assign(new EventEmitter(), { get: nothing, set: nothing, destroy: nothing });
      for (let n = 0; n < 11; n += 1) session({ store, prefix: n + ':' });
      process.stdout.write(store.listenerCount('connect') + ' listeners');`;

    it.each(
      both({
        predecessor: { stdout: '11 listeners', stderr: expect.stringContaining('MaxListenersExceededWarning') },
        own: { stdout: '1 listeners', stderr: '' },
      }),
    )('adds a listener for each of them, or does not: %s', async (_name, maker, fate) => {
      expect(await runScript(maker, eleven)).toMatchObject({ code: 0, ...(fate as object) });
    });

    it('removes its listeners when the last of them is closed', async () => {
      const client = new EmittingClient();
      const uses = Array.from({ length: 11 }, () => session({ store: client }));
      await Promise.all(uses.slice(1).map((use) => use.close()));
      expect(client.listenerCount('connect')).toBe(1);
      await uses[0]?.close();
      expect(client.eventNames()).toEqual([]);
    });
  });

  describe('that never answers', () => {
    it.each(both({ predecessor: 'no reply after a day', own: 500 }))(
      'makes the request hang, or does not: %s',
      async (_name, maker, fate) => {
        const client = new EmittingClient();
        const opened = await open(maker, { store: client });
        const ann = opened.visitor();
        await ann.get('/put?user=ann');
        let answer: (nothing: null) => void = () => undefined;
        client.get = () =>
          new Promise((resolve) => {
            answer = resolve;
          });
        fakeTimeouts();
        const [reply, ended] = [ann.get('/see'), await waits(opened.app)];
        jest.advanceTimersByTime(86_400_000);
        jest.useRealTimers();
        await turn();
        expect(ended() ? (await reply).status : 'no reply after a day').toBe(fate);
        answer(null);
        await reply;
      },
    );
  });
});
