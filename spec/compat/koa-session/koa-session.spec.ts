import { EventEmitter, once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import Koa from 'koa';
import session from '../../../lib/koa-session';
import { LastWriteRecords } from '../../../lib/persistence/last-write-records';
import { browser } from '../../helpers/http/serve';
import { type Make, ours, RecordingStore, siteOf, theirs } from '../../helpers/sites/koa-session-sites';
import { everyTestStartsAt, pass } from '../../helpers/time/fake-date';
import { gate } from '../../helpers/time/gate';
import { interop } from '../../interop';

const HOUR = 60 * 60 * 1000;

const sessionOf = (ctx: Koa.Context) => (ctx as unknown as { session: session.Session }).session;

describe('koa-evented-session/koa-session', () => {
  everyTestStartsAt(Date.UTC(2030, 0, 1));

  it('has the exports of koa-session, and is the function itself', () => {
    expect([session, session.createSession, (session as unknown as { default: unknown }).default]).toEqual(
      Array(3).fill(expect.any(Function)),
    );
    expect(Object.keys(session)).toEqual(expect.arrayContaining(Object.keys(interop('koa-session') as object)));
  });

  it.each<[string, (app: Koa) => Koa.Middleware]>([
    ['session(options, app)', (app) => session({ key: 'sid' }, app)],
    ['session(app, options)', (app) => session(app, { key: 'sid' })],
    ['session(app)', (app) => session(app)],
    ['createSession(undefined, app)', (app) => session.createSession(undefined, app)],
  ])('is called as %s', (_call, make) => {
    const app = new Koa();
    expect(make(app).name).toBe('session');
    expect('session' in app.context).toBe(true);
  });

  describe('A session of koa-session', () => {
    const both = async (options: session.CreateSessionOptions) => {
      const [old, young] = await Promise.all([siteOf(theirs, { ...options }), siteOf(ours, { ...options })]);
      const inOld = old.visitor();
      return { old, young, inOld, inYoung: browser(young.url, inOld.jar) };
    };
    const data = async (reply: Promise<{ text: string }>) => JSON.parse((await reply).text).data;

    it.each([
      ['in the cookie', () => ({})],
      ['in a store', () => ({ store: new RecordingStore(), prefix: 'app:' })],
      ["of maxAge 'session'", () => ({ store: new RecordingStore(), maxAge: 'session' as const })],
    ])('%s continues here, and the other way round', async (_place, options) => {
      const { inOld, inYoung, old, young } = await both(options());
      await inOld.get('/put?user=ann');
      expect(await data(inYoung.get('/see'))).toEqual({ user: 'ann' });
      await inYoung.get('/put?young=1');
      await inYoung.get('/age?age=5000');
      expect(JSON.parse((await inOld.get('/see')).text)).toMatchObject({
        data: { user: 'ann', young: '1' },
        maxAge: 5000,
        isNew: false,
      });
      await inOld.get('/put?old=1');
      expect(await data(inYoung.get('/see'))).toEqual({ user: 'ann', young: '1', old: '1' });
      await inYoung.get('/logout');
      expect(await data(inOld.get('/see'))).toEqual({});
      expect([old.heard, young.heard]).toEqual([[], []]);
    });

    it('that starts here continues there', async () => {
      const { inOld, inYoung } = await both({ store: new RecordingStore() });
      await inYoung.get('/put?user=ann');
      expect(await data(inOld.get('/see'))).toEqual({ user: 'ann' });
      await inOld.get('/regenerate');
      expect(await data(inYoung.get('/see'))).toEqual({ user: 'ann' });
    });
  });

  describe('ctx.session', () => {
    it('can be read without the middleware: the session in the cookie, or a new one', async () => {
      const held = (await siteOf(ours, {})).visitor();
      const cookie = (await held.get('/put?user=ann')).setCookie.map((line) => line.split(';', 1)[0]).join('; ');
      const read = (options: session.CreateSessionOptions) => {
        const app = new Koa();
        app.keys = ['a key', 'an older key'];
        session(options, app);
        const ctx = app.createContext({ headers: { cookie }, socket: {} } as never, {} as never);
        return [sessionOf(ctx).toJSON(), sessionOf(ctx).isNew, ctx['sessionOptions'].key];
      };
      expect(read({})).toEqual([{ user: 'ann' }, false, 'koa.sess']);
      expect(read({ store: new RecordingStore(), key: 'sid' })).toEqual([{}, true, 'sid']);
    });

    it('is not read from the cookie until it is used', async () => {
      let decoded = 0;
      const decode = (text: string) => {
        decoded += 1;
        return JSON.parse(Buffer.from(text, 'base64').toString());
      };
      const visitor = (await siteOf(ours, { decode })).visitor();
      await visitor.get('/put?a=1');
      await visitor.get('/idle');
      expect(decoded).toBe(0);
      await visitor.get('/see');
      expect(decoded).toBe(1);
    });

    it('cannot be broken by a stranger with names of its own methods', async () => {
      const mark = (ctx: Koa.Context) => {
        sessionOf(ctx)['marked'] = true;
        return Object.getPrototypeOf(sessionOf(ctx)) !== 'x';
      };
      const site = await siteOf(ours, { signed: false }, { routes: { '/mark': mark } });
      const data = Object.fromEntries(
        ['toJSON', 'save', 'commit', 'length', 'populated', '__proto__'].map((name) => [name, 'x']),
      );
      const cookie = `koa.sess=${Buffer.from(JSON.stringify(data)).toString('base64')}`;
      const { status, text } = await site.visitor().get('/mark', { cookie });
      expect([status, text]).toEqual([200, 'true']);
    });

    it('that cannot be saved does not hide the error of the handler', async () => {
      const fail = (ctx: Koa.Context) => {
        sessionOf(ctx)['circle'] = sessionOf(ctx);
        ctx.throw(418);
      };
      const site = await siteOf(ours, { store: new RecordingStore(), rolling: true }, { routes: { '/fail': fail } });
      const visitor = site.visitor();
      await visitor.get('/put?a=1');
      expect((await visitor.get('/fail')).status).toBe(418);
    });

    it('calls back, whether or not it could be saved', async () => {
      const store = new RecordingStore();
      const told = (ctx: Koa.Context, method: 'save' | 'regenerate') =>
        new Promise((resolve) => {
          sessionOf(ctx)[method]((error?: unknown) => resolve(error instanceof Error ? error.message : 'done'));
        });
      const routes = {
        '/saving': (ctx: Koa.Context) => told(ctx, 'save'),
        '/renewing': (ctx: Koa.Context) => told(ctx, 'regenerate'),
        '/failing': (ctx: Koa.Context) => {
          store.set = () => Promise.reject(new Error('disk is full'));
          return told(ctx, 'save');
        },
      };
      const visitor = (await siteOf(ours, { store }, { routes })).visitor();
      const answers = [];
      for (const path of ['/saving', '/renewing', '/failing']) answers.push((await visitor.get(path)).json());
      expect(answers).toEqual(['done', 'done', 'disk is full']);
    });

    it('is one session for two middlewares', async () => {
      const store = new RecordingStore();
      const both: Make = (options: session.CreateSessionOptions, app: Koa): Koa.Middleware => {
        const [first, second] = [session(options, app), session({ ...options, key: 'other' }, app)];
        return (ctx, next) => first(ctx, () => second(ctx, next));
      };
      const twice = await siteOf(both, { store });
      const { setCookie } = await twice.visitor().get('/put?a=1');
      expect([store.calls.length, setCookie.map((line) => line.split('=', 1)[0])]).toEqual([
        1,
        ['koa.sess', 'koa.sess.sig'],
      ]);
    });
  });

  describe('ctx.session before the middleware, with a store', () => {
    const KEEP: [string, (it: session.Session) => Promise<void>][] = [
      ['save()', (it) => it.save()],
      ['regenerate()', (it) => it.regenerate()],
      ['manuallyCommit()', (it) => it.manuallyCommit()],
    ];

    describe.each(KEEP)('that %s keeps', (_method, keep) => {
      afterEach(() => jest.restoreAllMocks());

      const early: Koa.Middleware = async (ctx, next) => {
        if (!ctx.path.startsWith('/early')) return next();
        const it = sessionOf(ctx);
        it['early'] = true;
        await keep(it);
        if (ctx.path === '/early') {
          ctx.body = 'early';
          return;
        }
        await next();
        it['late'] = true;
      };
      const open = async (make: Make) => {
        const store = new RecordingStore();
        const late = (ctx: Koa.Context) => sessionOf(ctx).toJSON();
        return { store, site: await siteOf(make, { store }, { before: early, routes: { '/early/late': late } }) };
      };

      it.each([
        ['koa-session', theirs],
        ['this package', ours],
      ])('is stored and sent, although the middleware never runs: %s', async (_name, make) => {
        const { store, site } = await open(make);
        const visitor = site.visitor();
        const reply = await visitor.get('/early');
        expect([reply.status, reply.setCookie.length > 0, store.records.size]).toEqual([200, true, 1]);
        expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ early: true });
      });

      it("is merged into the visitor's session, in one record", async () => {
        const { store, site } = await open(ours);
        const visitor = site.visitor();
        await visitor.get('/put?a=1');
        await visitor.get('/early');
        expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ a: '1', early: true });
        expect(store.records.size).toBe(1);
      });

      it('is the session with which the handlers continue', async () => {
        const { site } = await open(ours);
        const visitor = site.visitor();
        await visitor.get('/put?a=1');
        expect((await visitor.get('/early/late')).json()).toEqual({ a: '1', early: true });
        expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ a: '1', early: true });
      });

      it('leaves nothing behind after the response, or without one', async () => {
        const created = jest.spyOn(LastWriteRecords.prototype, 'create');
        const released = jest.spyOn(LastWriteRecords.prototype, 'release');
        const { site } = await open(ours);
        await site.visitor().get('/early');
        const app = new Koa();
        app.keys = ['a key'];
        session({ store: new RecordingStore() }, app);
        const req = new IncomingMessage(new Socket());
        const ctx = app.createContext(req, new ServerResponse(req));
        sessionOf(ctx)['early'] = true;
        await keep(sessionOf(ctx));
        await new Promise(setImmediate);
        expect([created.mock.calls.length, released.mock.calls.length]).toEqual([2, 2]);
      });
    });

    it('is one object, which handlers may have kept', async () => {
      const store = new RecordingStore();
      let kept: session.Session | undefined;
      const before: Koa.Middleware = async (ctx, next) => {
        kept = sessionOf(ctx);
        await next();
      };
      const routes = { '/kept': (ctx: Koa.Context) => [sessionOf(ctx) === kept, kept?.isNew, kept?.toJSON()] };
      const visitor = (await siteOf(ours, { store }, { before, routes })).visitor();
      expect((await visitor.get('/kept')).json()).toEqual([true, true, {}]);
      await visitor.get('/put?a=1');
      expect((await visitor.get('/kept')).json()).toEqual([true, false, { a: '1' }]);
      expect(store.calls.filter(([method]) => method === 'set')).toHaveLength(1);
    });

    it('keeps the maxAge that was set', async () => {
      const store = new RecordingStore();
      const before: Koa.Middleware = async (ctx, next) => {
        if (ctx.path === '/idle') sessionOf(ctx).maxAge = 5000;
        await next();
      };
      const visitor = (await siteOf(ours, { store }, { before })).visitor();
      await visitor.get('/put?a=1');
      await visitor.get('/idle');
      expect([...store.records.values()].map((text) => JSON.parse(text))).toEqual([
        { a: '1', _expire: Date.now() + 5000, _maxAge: 5000 },
      ]);
    });

    it('has no effect after another one is assigned', async () => {
      const before: Koa.Middleware = async (ctx, next) => {
        if (ctx.path === '/idle') {
          sessionOf(ctx)['early'] = true;
          Object.assign(ctx, { session: { other: true } });
        }
        await next();
      };
      const visitor = (await siteOf(ours, { store: new RecordingStore() }, { before })).visitor();
      await visitor.get('/put?a=1');
      await visitor.get('/idle');
      expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ other: true });
    });
  });

  it.each([
    ['koa-session', theirs],
    ['this package', ours],
  ])('ends the session that is set to null, even if it gets a new key afterwards: %s', async (_name, make) => {
    const store = new RecordingStore();
    const end = async (ctx: Koa.Context) => {
      const it = sessionOf(ctx);
      Object.assign(ctx, { session: null });
      await it.regenerate();
      return sessionOf(ctx);
    };
    const visitor = (await siteOf(make, { store }, { routes: { '/end': end } })).visitor();
    await visitor.get('/put?a=1');
    expect([(await visitor.get('/end')).text, store.records.size]).toEqual(['null', 0]);
  });

  describe('The store', () => {
    it('of one request is separate from that of the next: what is known about a key is not shared', async () => {
      const databases = { one: new RecordingStore(), two: new RecordingStore() };
      class OfTenant {
        readonly #store: RecordingStore;
        constructor(ctx: Koa.Context) {
          this.#store = databases[ctx.get('tenant') as 'one' | 'two'];
        }
        get(...args: Parameters<RecordingStore['get']>) {
          return this.#store.get(...args);
        }
        set(...args: Parameters<RecordingStore['set']>) {
          return this.#store.set(...args);
        }
        destroy(...args: Parameters<RecordingStore['destroy']>) {
          return this.#store.destroy(...args);
        }
      }
      const [begun, go] = [gate(), gate()];
      const slow = async (ctx: Koa.Context) => {
        begun.open();
        await go.opened;
        sessionOf(ctx)['slow'] = true;
        return 'done';
      };
      const externalKey = { get: () => 'device', set: () => undefined };
      const options = { ContextStore: OfTenant, externalKey, genid: () => 'device' };
      const visitor = (await siteOf(ours, options, { routes: { '/slow': slow } })).visitor();
      const data = () => Object.values(databases).map(({ records }) => JSON.parse(records.get('device') ?? 'null'));
      await visitor.get('/put?who=ann', { tenant: 'one' });
      await visitor.get('/put?who=bob', { tenant: 'two' });
      const slowly = visitor.get('/slow', { tenant: 'two' });
      await begun.opened;
      await visitor.get('/put?secret=yes', { tenant: 'one' });
      go.open();
      await slowly;
      expect(data()).toMatchObject([
        { who: 'ann', secret: 'yes' },
        { who: 'bob', slow: true },
      ]);
      expect(data()[1]).not.toHaveProperty('secret');
      await visitor.get('/logout', { tenant: 'one' });
      await visitor.get('/put?more=1', { tenant: 'two' });
      expect(data()).toEqual([null, expect.objectContaining({ who: 'bob', more: '1' })]);
    });

    it.each([
      ['given', (store: RecordingStore) => ({ store })],
      [
        'made for each request',
        (store: RecordingStore) => ({
          ContextStore: class extends RecordingStore {
            constructor() {
              super();
              // biome-ignore lint/correctness/noConstructorReturn: so that all requests have the same
              return store;
            }
          },
        }),
      ],
    ])('that all requests share, %s, keeps the changes of overlapping requests', async (_how, options) => {
      const store = new RecordingStore();
      const [begun, go] = [gate(), gate()];
      const slow = async (ctx: Koa.Context) => {
        begun.open();
        await go.opened;
        sessionOf(ctx)['slow'] = true;
        return 'done';
      };
      const visitor = (await siteOf(ours, options(store), { routes: { '/slow': slow } })).visitor();
      await visitor.get('/put?a=1');
      const slowly = visitor.get('/slow');
      await begun.opened;
      await visitor.get('/put?fast=1');
      go.open();
      await slowly;
      expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ a: '1', fast: '1', slow: true });
    });

    it('that is disconnected fails a request after `timeout`', async () => {
      const client = new EventEmitter();
      const store = Object.assign(client, {
        get: () => undefined,
        set: () => undefined,
        destroy: () => undefined,
      });
      const site = await siteOf(ours, { store, signed: false, timeout: 20 });
      client.emit('disconnect');
      expect((await site.visitor().get('/see', { cookie: 'koa.sess=a' })).status).toBe(500);
    }, 2000);

    it('may be set, replaced and removed while requests run', async () => {
      const options: session.CreateSessionOptions = {};
      const visitor = (await siteOf(ours, options)).visitor();
      const [one, other] = [new RecordingStore(), new RecordingStore()];
      await visitor.get('/put?in=cookie');
      for (const store of [one, other]) {
        options.store = store;
        await visitor.get('/put?in=store');
      }
      options.store = undefined;
      await visitor.get('/put?in=cookie');
      expect([one.records.size, other.records.size]).toEqual([1, 1]);
      expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ in: 'cookie' });
    });

    it('learns which request calls it, even if the call comes from elsewhere', async () => {
      const store = new RecordingStore();
      const routes = {
        '/later': (ctx: Koa.Context) => new Promise((resolve) => setImmediate(() => resolve(sessionOf(ctx).save()))),
      };
      const visitor = (await siteOf(ours, { store }, { routes })).visitor();
      await Promise.all(['/later', '/put?a=1', '/later'].map((path) => visitor.get(path)));
      expect(store.calls.map((call) => call.at(-1)).sort()).toEqual(['/later', '/later', '/put']);
    });

    it('may answer with generators and thunks', async () => {
      const records = new Map<string, unknown>();
      const store = {
        *get(key: string) {
          yield Promise.resolve();
          return records.get(key);
        },
        set: (key: string, record: unknown) => (done: () => void) => {
          records.set(key, record);
          done();
        },
        destroy: (key: string) => void records.delete(key),
      };
      const visitor = (await siteOf(ours, { store })).visitor();
      await visitor.get('/put?a=1');
      expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ a: '1' });
    });

    it('separates the data of visitors, even if both call at once', async () => {
      const store = new RecordingStore();
      const site = await siteOf(ours, { store });
      const visitors = Array.from({ length: 10 }, () => site.visitor());
      await Promise.all(visitors.map((visitor, n) => visitor.get(`/put?n=${n}`)));
      const seen = await Promise.all(
        visitors.map(async (visitor) => JSON.parse((await visitor.get('/see')).text).data.n),
      );
      expect(seen).toEqual(visitors.map((_, n) => String(n)));
    });
  });

  it('emits the events of koa-session immediately', async () => {
    const site = await siteOf(ours, { maxAge: HOUR });
    const visitor = site.visitor();
    const { setCookie } = await visitor.get('/put?a=1');
    pass(HOUR + 1);
    const expired = once(site.app, 'session:expired');
    await visitor.get('/see', { cookie: setCookie.map((line) => line.split(';', 1)[0]).join('; ') });
    expect(await expired).toEqual([
      { key: undefined, value: { a: '1', _expire: Date.now() - 1, _maxAge: HOUR }, ctx: expect.anything() },
    ]);
  });

  it('ends a session that has expired before it starts', async () => {
    const store = new RecordingStore();
    const visitor = (await siteOf(ours, { store })).visitor();
    await visitor.get('/put?a=1');
    const { setCookie } = await visitor.get('/age?age=-5000');
    expect([store.records.size, setCookie[0]]).toEqual([0, expect.stringMatching(/^koa.sess=;/)]);
  });

  it('reports that valid must be async to be awaited, if the session is in the cookie', async () => {
    const site = await siteOf(ours, { valid: () => Promise.resolve(true) });
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    expect((await visitor.get('/see')).status).toBe(500);
    expect(site.heard).toEqual([['error', expect.stringMatching(/Expected `valid` to return at once/)]]);
  });

  describe('An invalid option throws a TypeError at set-up', () => {
    const methods = { get() {}, set() {} };
    it.each<[object, RegExp]>([
      [{ key: 5 }, /`key` to be a string/],
      [{ key: 'a b' }, /`key` to be a cookie name/],
      [{ maxAge: '1d' }, /`maxAge` to be a number of milliseconds or 'session', got `1d`/],
      [{ maxAge: Number.NaN }, /`maxAge`/],
      [{ rolling: 1 }, /`rolling` to be `true` or `false`/],
      [{ genid: 'x' }, /`genid` to be a function/],
      [{ store: methods }, /`store`.*`destroy` is missing/],
      [{ store: 'redis' }, /`store`/],
      [{ ContextStore: methods }, /`ContextStore` to be a function/],
      [{ ContextStore: class {} }, /`ContextStore.prototype`/],
      [{ externalKey: { get() {} } }, /`externalKey`.*`set` is missing/],
      ...[-1, 0, Number.NaN, 2 ** 31, '5'].map((timeout): [object, RegExp] => [{ timeout }, /^Expected `timeout`/]),
    ])('%p', (options, message) => {
      expect(() => session({ store: new RecordingStore(), ...options } as never, new Koa())).toThrow(TypeError);
      expect(() => session({ store: new RecordingStore(), ...options } as never, new Koa())).toThrow(message);
    });

    it.each<[object, string]>([
      [{ key: 5 }, 'ZodError'],
      [{ maxAge: '1d' }, 'ZodError'],
      [{ store: methods }, 'ZodError'],
      [{ ContextStore: methods }, 'AssertionError'],
    ])('and not another error, as koa-session does: %p', (options, name) => {
      const { createSession } = interop('koa-session') as { createSession(options: object, app: Koa): unknown };
      const refusal = () => createSession(options, Object.assign(new Koa(), { keys: ['a key'] }));
      expect(refusal).toThrow(expect.objectContaining({ name }));
      expect(refusal).not.toThrow(TypeError);
    });

    it.each([[[]], [[{}]], [[null, {}]], [['text', new Koa()]]])('arguments %p', (args) => {
      expect(() => session(...(args as never as [object, Koa]))).toThrow(TypeError);
    });
  });
});
