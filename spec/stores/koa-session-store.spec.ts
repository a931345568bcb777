import { EventEmitter } from 'node:events';
import type Koa from 'koa';
import { fromKoaSessionStore, type KoaSessionStoreLike } from '../../lib/koa-session-store';
import session, { type Session, Store } from '../../lib/main';
import { storeContract } from '../../lib/testing';
import { browser } from '../helpers/http/serve';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { openSite, setCookieOf } from '../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';
import { interop } from '../interop';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

interface LocalStore extends KoaSessionStoreLike {
  readonly sessions: Map<string, { json: Record<string, unknown>; ttl: number }>;
}
const LocalSessionStore = interop('koa-session-local') as new (options?: object) => LocalStore;
const { createSession } = interop('koa-session') as { createSession(options: object, app: Koa): Koa.Middleware };

/** A store whose every method does the same. */
const doing = (act: (...args: unknown[]) => unknown): KoaSessionStoreLike => ({ get: act, set: act, destroy: act });

storeContract(
  'koa-session-local',
  () => {
    const store = new LocalSessionStore();
    const ttlLeft = (key: string) => Number(store.sessions.get(key)?.json['_expire']) - Date.now();
    return { client: fromKoaSessionStore(store), ttlLeft };
  },
  { guarantee: 'last-write' },
);

storeContract('koa-session-local that clears up with each read', () =>
  fromKoaSessionStore(new LocalSessionStore({ gc: true, probability: 1, maxlifetime: 1 })),
);

describe('fromKoaSessionStore', () => {
  everyTestStartsAt(Date.UTC(2030, 0, 1));

  it('calls the store as koa-session does', async () => {
    const calls: unknown[][] = [];
    const store = new Store(fromKoaSessionStore(doing((...args) => void calls.push(args))), { prefix: '' });
    await store.set('a', { cookie: {}, user: 'ann' }, 5000);
    await store.get('a');
    await store.destroy('a');
    expect(calls).toEqual([
      [
        'a',
        { cookie: {}, user: 'ann', _expire: Date.now() + 5000, _maxAge: 5000 },
        5000,
        { changed: true, rolling: false },
      ],
      ['a', undefined, { rolling: false }],
      ['a', {}],
    ]);
  });

  it('returns no expired session, which stores leave to koa-session', async () => {
    const record = { user: 'ann', _expire: Date.now() + 5, _maxAge: 5 };
    const client = fromKoaSessionStore(doing(() => record));
    expect(await client.get('a')).toEqual({ user: 'ann' });
    pass(5);
    expect(await client.get('a')).toBeUndefined();
  });

  it.each([null, undefined])('treats %p as missing', async (nothing) => {
    expect(await fromKoaSessionStore(doing(() => nothing)).get('a')).toBeUndefined();
  });

  it('passes on a value that is not a session', async () => {
    const site = await siteWith({ store: fromKoaSessionStore(doing(() => 'text')), cookie: { signed: false } });
    await site.visitor().get('/see', { cookie: 'koa.sid=a' });
    expect(site.events()).toEqual(['session:invalid', 'session:missed']);
  });

  it('reports why the store failed', async () => {
    const store = new Store(
      fromKoaSessionStore(
        doing(() => {
          throw new RangeError('disk is full');
        }),
      ),
    );
    await expect(store.set('a', { cookie: {} })).rejects.toMatchObject({
      operation: 'set',
      message: 'disk is full',
      cause: expect.any(RangeError),
    });
  });

  it('is one client per store, however often it is called', () => {
    const store = new LocalSessionStore();
    expect(fromKoaSessionStore(store)).toBe(fromKoaSessionStore(store));
    expect(fromKoaSessionStore(store).store).toBe(store);
  });

  it('passes on connect and disconnect, if the store has them', () => {
    const store = Object.assign(
      new EventEmitter(),
      doing(() => undefined),
    );
    const heard: string[] = [];
    const evented = new Store(fromKoaSessionStore(store));
    for (const event of ['connect', 'disconnect'] as const) evented.on(event, () => heard.push(event));
    store.emit('disconnect');
    store.emit('connect');
    expect(heard).toEqual(['disconnect', 'connect']);
  });

  it.each([[undefined], [null], [LocalSessionStore], [{ get() {} }]])('refuses %p', (store) => {
    expect(() => fromKoaSessionStore(store as unknown as KoaSessionStoreLike)).toThrow(TypeError);
    expect(() => fromKoaSessionStore(store as unknown as KoaSessionStoreLike)).toThrow(/Expected `store` to/);
  });
});

describe('Beside koa-session on koa-session-local', () => {
  const open = async () => {
    const store = new LocalSessionStore();
    const old = await closedAfterTest(
      openSite({
        use: (ctx, next) => createSession({ key: 'sid', store, prefix: 'app:' }, ctx.app)(ctx, next),
        routes: { '/see': (ctx) => ctx.session },
      }),
    );
    const use = session({ key: 'sid', prefix: '', store: fromKoaSessionStore(store) });
    const young = await closedAfterTest(openSite({ use }));
    const inOld = old.visitor();
    return { store, young, inOld, inYoung: browser(young.url, inOld.jar) };
  };

  it('a session of koa-session continues here', async () => {
    const { inOld, inYoung, young } = await open();
    await inOld.get('/put?user=ann');
    expect([(await inYoung.get('/see')).json(), young.events()]).toEqual([{ user: 'ann' }, []]);
    await inYoung.get('/put?young=1');
    expect((await inOld.get('/see')).json()).toMatchObject({ user: 'ann', young: '1' });
  });

  it('a session of this package continues in koa-session', async () => {
    const { inOld, inYoung } = await open();
    await inYoung.get('/put?user=ann');
    expect((await inOld.get('/see')).json()).toMatchObject({ user: 'ann' });
    await inOld.get('/put?old=1');
    expect((await inYoung.get('/see')).json()).toEqual({ user: 'ann', old: '1' });
  });

  it('a session that has ended here has ended there', async () => {
    const { store, inOld, inYoung, young } = await open();
    await inOld.get('/put?user=ann');
    const held = await inOld.jar.getCookieString(young.url);
    expect(setCookieOf(await inYoung.get('/logout'), 'sid')).toMatch(/^sid=;/);
    expect(store.sessions.size).toBe(0);
    expect((await inOld.get('/see', { cookie: held })).json()).toEqual({});
  });

  it('a record states its lifetime as koa-session does', async () => {
    const { store, inYoung } = await open();
    await inYoung.get('/put?user=ann');
    const [{ json, ttl } = { json: {}, ttl: 0 }] = store.sessions.values();
    const { _expire: end, _maxAge, cookie, ...data } = json as unknown as Session & { _expire: number };
    expect([_maxAge, ttl, Math.round((end - Date.now()) / MINUTE), data]).toEqual([DAY, DAY, 1440, { user: 'ann' }]);
    expect(cookie).toMatchObject({ maxAge: DAY });
  });
});
