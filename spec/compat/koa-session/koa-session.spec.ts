import { once } from 'node:events';
import Koa from 'koa';
import session from '../../../lib/koa-session';
import { everyTestStartsAt, pass } from '../../helpers/fake-date';
import { browser } from '../../helpers/http';
import { type Make, ours, RecordingStore, siteOf, theirs } from '../../helpers/koa-session-sites';
import { interop } from '../../interop';

const HOUR = 60 * 60 * 1000;

const sessionOf = (ctx: Koa.Context) => (ctx as unknown as { session: session.Session }).session;

describe('koa-evented-session/koa-session', () => {
  everyTestStartsAt(Date.UTC(2030, 0, 1));

  it('is what koa-session exports, and the function itself', () => {
    expect([session, session.createSession, (session as unknown as { default: unknown }).default]).toEqual(
      Array(3).fill(expect.any(Function)),
    );
    const { SessionOptions: _schema, ...exported } = interop('koa-session') as object & { SessionOptions: unknown };
    expect(Object.keys(session)).toEqual(expect.arrayContaining(Object.keys(exported)));
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
    ])('%s goes on here, and the other way round', async (_place, options) => {
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

    it('that begins here goes on there', async () => {
      const { inOld, inYoung } = await both({ store: new RecordingStore() });
      await inYoung.get('/put?user=ann');
      expect(await data(inOld.get('/see'))).toEqual({ user: 'ann' });
      await inOld.get('/regenerate');
      expect(await data(inYoung.get('/see'))).toEqual({ user: 'ann' });
    });
  });

  describe('ctx.session', () => {
    it('can be read where the middleware never runs: what is in the cookie, or a new session', async () => {
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

    it('is not read from the cookie unless somebody asks', async () => {
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

    it('is none that a stranger can break with names of its own methods', async () => {
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

    it('calls back, whether it could be saved or not', async () => {
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

  describe('The store', () => {
    it('may be given, exchanged and taken away while requests run', async () => {
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

    it('hears on whose behalf it is asked, also where it is asked from elsewhere', async () => {
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

    it('keeps the data of one visitor apart from those of another, were it asked by both at once', async () => {
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

  it('emits what koa-session emits, at once', async () => {
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

  it('ends a session whose time is over before it begins', async () => {
    const store = new RecordingStore();
    const visitor = (await siteOf(ours, { store })).visitor();
    await visitor.get('/put?a=1');
    const { setCookie } = await visitor.get('/age?age=-5000');
    expect([store.records.size, setCookie[0]]).toEqual([0, expect.stringMatching(/^koa.sess=;/)]);
  });

  it('tells that valid has to be async to be waited for, where the session is in the cookie', async () => {
    const site = await siteOf(ours, { valid: () => Promise.resolve(true) });
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    expect((await visitor.get('/see')).status).toBe(500);
    expect(site.heard).toEqual([['error', expect.stringMatching(/Expected `valid` to answer at once/)]]);
  });

  describe('What cannot be right is a TypeError at set-up', () => {
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
      [{ timeout: -1 }, /`timeout`/],
    ])('%p', (options, message) => {
      expect(() => session({ store: new RecordingStore(), ...options } as never, new Koa())).toThrow(TypeError);
      expect(() => session({ store: new RecordingStore(), ...options } as never, new Koa())).toThrow(message);
    });

    it.each([[[]], [[{}]], [[null, {}]], [['text', new Koa()]]])('arguments %p', (args) => {
      expect(() => session(...(args as never as [object, Koa]))).toThrow(TypeError);
    });
  });
});
