import Koa from 'koa';
import mount from 'koa-mount';
import type session from '../../../lib/koa-session';
import {
  type KoaSessionSite,
  type Make,
  ours,
  RecordingStore,
  siteOf,
  theirs,
} from '../../helpers/sites/koa-session-sites';
import { sentId } from '../../helpers/sites/session-site';
import { everyTestStartsAt } from '../../helpers/time/fake-date';
import { type Gate, gate } from '../../helpers/time/gate';

const NAME = 'koa.sess';

/** Two texts whose CRC32 is the same, within any other text too. */
const COLLISION = ['plumless', 'buckeroo'];

/** The results of both packages for the same scenario. */
function mends<T>(
  title: string,
  scenario: (make: Make) => Promise<T>,
  { fault, right }: { fault: NoInfer<T>; right: NoInfer<T> },
) {
  describe(title, () => {
    it('happens with koa-session', async () => {
      expect(await scenario(theirs)).toEqual(fault);
    });
    it('does not happen here', async () => {
      expect(await scenario(ours)).toEqual(right);
    });
  });
}

const dataIn = (store: RecordingStore) =>
  [...store.records.values()].map((text) => {
    const { _expire, _maxAge, ...data } = JSON.parse(text);
    return data;
  });

const sessionOf = (ctx: Koa.Context) => (ctx as unknown as { session: session.Session }).session;

/** A handler that continues when the gate opens, and a promise that it has started. */
function slow(handler: (ctx: Koa.Context) => unknown): {
  begun: Gate;
  go: Gate;
  route: (ctx: Koa.Context) => Promise<unknown>;
} {
  const begun = gate();
  const go = gate();
  const route = async (ctx: Koa.Context) => {
    void sessionOf(ctx)['a'];
    begun.open();
    await go.opened;
    return handler(ctx);
  };
  return { begun, go, route };
}

describe('Faults of koa-session', () => {
  everyTestStartsAt(Date.UTC(2030, 0, 1));

  mends(
    'a session in which every value is undefined or a symbol is stored, and a cookie sent',
    async (make) => {
      const routes = {
        '/values': (ctx: Koa.Context) => void Object.assign(sessionOf(ctx), { a: undefined, b: Symbol('b') }),
      };
      const store = new RecordingStore();
      const reply = await (await siteOf(make, { store }, { routes })).visitor().get('/values');
      return [sentId(reply, NAME) !== undefined, dataIn(store)];
    },
    { fault: [true, [{}]], right: [false, []] },
  );

  mends(
    'a handler that fails loses its changes: the visitor never gets the cookie',
    async (make) => {
      const store = new RecordingStore();
      const fail = (ctx: Koa.Context) => {
        sessionOf(ctx)['user'] = 'ann';
        ctx.throw(500);
      };
      const site = await siteOf(make, { store }, { routes: { '/fail': fail } });
      const visitor = site.visitor();
      await visitor.get('/fail');
      await visitor.get('/fail');
      return [store.records.size, JSON.parse((await visitor.get('/see')).text).data];
    },
    { fault: [2, {}], right: [1, { user: 'ann' }] },
  );

  mends(
    'the last of two parallel requests undoes the changes of the other',
    async (make) => {
      const store = new RecordingStore();
      const { begun, go, route } = slow((ctx) => Object.assign(sessionOf(ctx), { slow: 1 }) && 1);
      const visitor = (await siteOf(make, { store }, { routes: { '/slow': route } })).visitor();
      await visitor.get('/put?a=1');
      const slowly = visitor.get('/slow');
      await begun.opened;
      await visitor.get('/put?fast=1');
      go.open();
      await slowly;
      return dataIn(store);
    },
    { fault: [{ a: '1', slow: 1 }], right: [{ a: '1', fast: '1', slow: 1 }] },
  );

  mends(
    'a request that ends after the logout brings the session back, and logs the visitor in again',
    async (make) => {
      const store = new RecordingStore();
      const { begun, go, route } = slow((ctx) => Object.assign(sessionOf(ctx), { slow: 1 }) && 1);
      const visitor = (await siteOf(make, { store }, { routes: { '/slow': route } })).visitor();
      await visitor.get('/put?user=ann');
      const slowly = visitor.get('/slow');
      await begun.opened;
      await visitor.get('/logout');
      go.open();
      const late = await slowly;
      return [dataIn(store), late.setCookie.length, JSON.parse((await visitor.get('/see')).text).data];
    },
    { fault: [[{ user: 'ann', slow: 1 }], 2, { user: 'ann', slow: 1 }], right: [[], 0, {}] },
  );

  mends(
    'a session that is saved by hand is written twice',
    async (make) => {
      const store = new RecordingStore();
      const save = async (ctx: Koa.Context) => {
        sessionOf(ctx)['a'] = 1;
        await sessionOf(ctx).save();
      };
      await (await siteOf(make, { store }, { routes: { '/save': save } })).visitor().get('/save');
      return store.calls.map(([method]) => method);
    },
    { fault: ['set', 'set'], right: ['set'] },
  );

  mends(
    "a session of maxAge 'session' lives for a day once it is saved by hand",
    async (make) => {
      const store = new RecordingStore();
      const save = async (ctx: Koa.Context) => {
        sessionOf(ctx)['a'] = 1;
        await sessionOf(ctx).save();
      };
      await (await siteOf(make, { store, maxAge: 'session' }, { routes: { '/save': save } })).visitor().get('/save');
      return JSON.parse([...store.records.values()][0] as string);
    },
    { fault: { a: 1, _expire: Date.UTC(2030, 0, 2), _maxAge: 86_400_000 }, right: { a: 1, _session: true } },
  );

  mends(
    'two texts with the same CRC32 count as the same data',
    async (make) => {
      const store = new RecordingStore();
      const visitor = (await siteOf(make, { store }, {})).visitor();
      const [first, second] = COLLISION;
      await visitor.get(`/put?a=${first}`);
      await visitor.get(`/put?a=${second}`);
      return dataIn(store).map(({ a }) => COLLISION.indexOf(a as string));
    },
    { fault: [0], right: [1] },
  );

  mends(
    'an async valid lets everybody pass',
    async (make) => {
      const sees = async (options: session.CreateSessionOptions) => {
        const visitor = (await siteOf(make, { ...options, valid: async () => false })).visitor();
        await visitor.get('/put?user=mallory');
        return JSON.parse((await visitor.get('/see')).text).data;
      };
      return [await sees({ store: new RecordingStore() }), await sees({})];
    },
    { fault: [{ user: 'mallory' }, { user: 'mallory' }], right: [{}, {}] },
  );

  mends(
    'an async beforeSave comes too late',
    async (make) => {
      const store = new RecordingStore();
      const beforeSave = async (_ctx: Koa.Context, it: session.Session) => {
        await new Promise(setImmediate);
        it['saved'] = true;
      };
      await (await siteOf(make, { store, beforeSave })).visitor().get('/put?a=1');
      return dataIn(store);
    },
    { fault: [{ a: '1' }], right: [{ a: '1', saved: true }] },
  );

  mends(
    'a store is told that a session under a new key has not changed, so that one that only extends those has none',
    async (make) => {
      const changed: unknown[] = [];
      const store = new (class extends RecordingStore {
        override async set(...args: Parameters<RecordingStore['set']>) {
          changed.push((args[3] as unknown as { changed: boolean }).changed);
          return super.set(...args);
        }
      })();
      const visitor = (await siteOf(make, { store, rolling: true })).visitor();
      for (const path of ['/put?a=1', '/see', '/regenerate', '/age?age=5000', '/idle']) await visitor.get(path);
      return changed;
    },
    { fault: [true, false, false, false, false, false], right: [true, false, true, true, false] },
  );

  mends(
    'after regenerate(), a handler sees the old key',
    async (make) => {
      const regenerate = async (ctx: Koa.Context) => {
        await sessionOf(ctx).regenerate();
        return sessionOf(ctx).externalKey;
      };
      const site = await siteOf(make, { store: new RecordingStore() }, { routes: { '/key': regenerate } });
      const visitor = site.visitor();
      await visitor.get('/put?a=1');
      const reply = await visitor.get('/key');
      return JSON.parse(reply.text) === sentId(reply, NAME);
    },
    { fault: false, right: true },
  );

  mends(
    'a cookie that is too long for browsers is sent, and the session is lost silently',
    async (make) => {
      const big = (ctx: Koa.Context) => Object.assign(sessionOf(ctx), { big: 'x'.repeat(3100) }) && 1;
      const site = await siteOf(make, {}, { routes: { '/big': big } });
      const reply = await site.visitor().get('/big');
      return [reply.status, reply.setCookie.length, site.heard.map(([what]) => what)];
    },
    { fault: [200, 2, []], right: [500, 0, ['error']] },
  );

  mends(
    'a cookie that decode cannot read is a server error',
    async (make) => {
      const decode = () => {
        throw new RangeError('no');
      };
      const site = await siteOf(make, { signed: false, decode });
      return (await site.visitor().get('/see', { cookie: `${NAME}=x` })).status;
    },
    { fault: 500, right: 200 },
  );

  mends(
    'a cookie without an object becomes a session of the letters of a text',
    async (make) => {
      const site = await siteOf(make, { signed: false });
      const cookie = `${NAME}=${Buffer.from('"ab"').toString('base64')}`;
      return JSON.parse((await site.visitor().get('/see', { cookie })).text).data;
    },
    { fault: { 0: 'a', 1: 'b' }, right: {} },
  );

  mends(
    'an empty object does not replace a session in the cookie that was not read',
    async (make) => {
      const empty = (ctx: Koa.Context) => Object.assign(ctx, { session: {} }) && 1;
      const visitor = (await siteOf(make, {}, { routes: { '/empty': empty } })).visitor();
      await visitor.get('/put?user=ann');
      await visitor.get('/empty');
      return JSON.parse((await visitor.get('/see')).text).data;
    },
    { fault: { user: 'ann' }, right: {} },
  );

  mends(
    'changes before the middleware has run are lost with a store',
    async (make) => {
      const before: Koa.Middleware = (ctx, next) => {
        if (ctx.path === '/see') sessionOf(ctx)['early'] = true;
        return next();
      };
      const visitor = (await siteOf(make, { store: new RecordingStore() }, { before })).visitor();
      await visitor.get('/put?a=1');
      return JSON.parse((await visitor.get('/see')).text).data;
    },
    { fault: { a: '1' }, right: { a: '1', early: true } },
  );

  mends(
    'a session that cannot be sent stays in the store',
    async (make) => {
      const store = new RecordingStore();
      const site = await siteOf(make, { store, secure: true });
      const { status } = await site.visitor().get('/put?a=1');
      return [status, store.records.size];
    },
    { fault: [500, 1], right: [500, 0] },
  );

  mends(
    'a shared cache may send one visitor’s cookie to another',
    async (make) => {
      const { headers } = await (await siteOf(make, {})).visitor().get('/put?a=1');
      return [headers.get('vary'), headers.get('cache-control')];
    },
    { fault: [null, null], right: ['Cookie', 'no-store'] },
  );

  mends(
    'the options that its own manual shows are refused',
    async (make) => {
      const tries: session.CreateSessionOptions[] = [
        { sameSite: null },
        { store: null },
        { valid: null },
        { maxAge: null },
      ];
      return Promise.all(
        tries.map((options) =>
          siteOf(make, options).then(
            () => true,
            () => false,
          ),
        ),
      );
    },
    { fault: [false, false, false, false], right: [true, true, true, true] },
  );

  mends(
    'the application’s options are changed',
    async (make) => {
      const options = {};
      await siteOf(make, options);
      return Object.keys(options).length > 0;
    },
    { fault: true, right: false },
  );

  mends(
    'an application that is mounted in another has no session',
    async (make) => {
      const inner = new Koa();
      inner.use(make({ signed: false }, inner));
      inner.use((ctx) => {
        ctx.body = String(sessionOf(ctx).isNew);
      });
      const site = await siteOf((() => mount('/inner', inner)) as unknown as Make, {});
      return (await site.visitor().get('/inner')).status;
    },
    { fault: 500, right: 200 },
  );

  it('a store that never answers fails the request after the given time; koa-session waits for ever', async () => {
    const store = { get: () => new Promise(() => undefined), set: () => undefined, destroy: () => undefined };
    const site: KoaSessionSite = await siteOf(ours, { store, signed: false, timeout: 20 });
    expect((await site.visitor().get('/see', { cookie: `${NAME}=a` })).status).toBe(500);
    expect(site.heard).toEqual([['error', expect.stringContaining('20')]]);
  });
});
