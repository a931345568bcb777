import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import Keygrip from 'keygrip';
import type Koa from 'koa';
import { CookieJar } from 'tough-cookie';
import { cookieStore } from '../../lib/cookie';
import session, { type CookieOptions, MemoryStore, type SessionOptions, type SessionStore } from '../../lib/main';
import { regeneratedMarker } from '../../lib/record/marker';
import { browser, type Reply } from '../helpers/http/serve';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { dataOf, openSite, type Routes, SITE_KEYS, sentId, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const MINUTE = 60_000;

everyTestStartsAt(Date.UTC(2030, 0, 1));

const routes: Routes = {
  '/shop/put': async (ctx) => {
    Object.assign(await sessionOf(ctx), ctx.query);
  },
  '/shop/see': async (ctx) => dataOf(await ctx.session),
  '/shop/login': async (ctx) => {
    await ctx.regenerateSession();
    Object.assign(await sessionOf(ctx), { user: 'ann' });
  },
  '/shop/regenerate': (ctx) => ctx.regenerateSession(),
  '/shop/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
  '/shop/logout': (ctx) => {
    ctx.session = null;
  },
  '/shop/logout-and-fail': (ctx) => {
    ctx.session = null;
    throw new Error('no');
  },
};

/** A visitor of www.example.com, whatever deployment serves it, with a browser that keeps cookies by domain and path. */
function visitorOf(open: (cookie: CookieOptions) => ReturnType<typeof siteWith>) {
  const jar = new CookieJar();
  let url = '';
  const at = (path: string) => `http://www.example.com/shop/${path}`;
  return {
    deploy: async (cookie: CookieOptions) => {
      ({ url } = await open(cookie));
    },
    cookies: () => jar.getCookieString(at('see')),
    async get(path: string, status = 200): Promise<Reply> {
      const reply = await browser(url).get(`/shop/${path}`, { cookie: await jar.getCookieString(at(path)) });
      expect(reply.status).toBe(status);
      for (const line of reply.setCookie) await jar.setCookie(line, at(path));
      return reply;
    },
    async see() {
      return (await this.get('see')).json();
    },
  };
}

const HOST_ONLY = {};
const DOMAIN = { domain: 'example.com' };
const PATH = { path: '/shop' };

describe.each<[string, (at: CookieOptions) => CookieOptions, () => SessionOptions['store']]>([
  ['signed, compare-and-set', (at) => at, () => new MemoryStore()],
  ['signed, last-write', (at) => at, () => new MapClient()],
  ['unsigned', (at) => ({ ...at, signed: false }), () => new MemoryStore()],
  ['sealed', (at) => at, () => cookieStore({ keys: [Buffer.alloc(64, 's')] })],
])('A deployment that moves the session cookie (%s)', (_kind, cookieAt, newStore) => {
  it.each<[string, CookieOptions, CookieOptions]>([
    ['host to domain', HOST_ONLY, DOMAIN],
    ['domain to host', DOMAIN, HOST_ONLY],
    ['path to path below', HOST_ONLY, PATH],
    ['path to path above', PATH, HOST_ONLY],
  ])('lets visitors log in again after a logout: %s', async (_what, before, after) => {
    const store = newStore() as SessionStore;
    const ann = visitorOf((cookie) => siteWith({ store, cookie: cookieAt(cookie) }, routes));
    await ann.deploy(before);
    await ann.get('login');
    await ann.deploy(after);
    await ann.get('put?cart=tea');
    expect(await ann.see()).toEqual({ user: 'ann', cart: 'tea' });
    await ann.get('logout');
    expect(await ann.cookies()).toBe('');
    expect(await ann.see()).toEqual({});
    await ann.get('put?user=ann');
    expect(await ann.see()).toEqual({ user: 'ann' });
    await ann.get('logout');
    pass(MINUTE);
    await ann.get('login');
    pass(MINUTE);
    expect(await ann.see()).toEqual({ user: 'ann' });
  });

  it.each<[string, (ann: ReturnType<typeof visitorOf>) => Promise<unknown>]>([
    ['a login', (ann) => ann.get('login')],
    ['a login after a change', (ann) => ann.get('put?cart=tea').then(() => ann.get('login'))],
    ['a new id', (ann) => ann.get('put?cart=tea').then(() => ann.get('rotate'))],
  ])('leaves one cookie after %s', async (_what, change) => {
    const store = newStore() as SessionStore;
    const ann = visitorOf((cookie) => siteWith({ store, cookie: cookieAt(cookie) }, routes));
    await ann.deploy(PATH);
    await ann.get('put?user=ann');
    await ann.deploy(DOMAIN);
    await change(ann);
    expect((await ann.cookies()).match(/koa.sid=/g)).toHaveLength(1);
    expect(await ann.see()).toMatchObject({ user: 'ann' });
    await ann.get('logout');
    expect(await ann.cookies()).toBe('');
  });

  it('leaves no cookie after a logout whose handler fails', async () => {
    const store = newStore() as SessionStore;
    const ann = visitorOf((cookie) => siteWith({ store, cookie: cookieAt(cookie) }, routes));
    await ann.deploy(PATH);
    await ann.get('put?user=ann');
    await ann.deploy(DOMAIN);
    await ann.get('put?cart=tea');
    await ann.get('logout-and-fail', 500);
    expect(await ann.cookies()).toBe('');
  });

  it('clears the cookie of an invalid session, and of an emptied login, in its place', async () => {
    const store = newStore() as SessionStore;
    const valid: SessionOptions['valid'] = (ctx) => ctx.query['refuse'] === undefined;
    const ann = visitorOf((cookie) => siteWith({ store, cookie: cookieAt(cookie), valid }, routes));
    await ann.deploy(HOST_ONLY);
    for (const path of ['see?refuse', 'regenerate']) {
      await ann.deploy(PATH);
      await ann.get('put?user=ann');
      await ann.deploy(DOMAIN);
      await ann.get('put?cart=tea');
      await ann.get(path);
      expect(await ann.cookies()).toBe('');
    }
  });
});

const sign = (sid: string, key: string = SITE_KEYS[0]) => new Keygrip([key]).sign(`koa.sid=${sid}`);
const sidOf = (sid: string) => `koa.sid=${sid}`;
const signatureOf = (sid: string, key?: string) => `koa.sid.sig=${sign(sid, key)}`;
/** What browsers send of ids, in this order. */
const cookies = (...ids: string[]) => ids.flatMap((sid) => [sidOf(sid), signatureOf(sid)]).join('; ');

/** What is stored, by id: the data is the id's. The dead have no record. */
const RECORDS: Record<string, string> = {
  a: '{"is":"a","cookie":{}}',
  b: '{"is":"b","cookie":{}}',
  list: '[1]',
  over: '{"is":"over","cookie":{"own":["expires"],"expires":"2029-12-31T00:00:00.000Z"}}',
  toB: regeneratedMarker({ successor: 'b', keepsData: false }),
  toToB: regeneratedMarker({ successor: 'toB', keepsData: true }),
  toDead: regeneratedMarker({ successor: 'dead', keepsData: false }),
  toSomebody: regeneratedMarker({ successor: 'somebody', keepsData: false }),
  toNobody: 'null',
};

/** A site with those records, which counts how often each was asked for. */
async function open(options: Partial<SessionOptions> = {}, before: Koa.Middleware[] = []) {
  const store = new MemoryStore();
  for (const [sid, record] of Object.entries(RECORDS)) store.create(`koa:sess:${sid}`, record, MINUTE);
  const asked: string[] = [];
  const load = store.load.bind(store);
  store.load = (key, how) => {
    asked.push(key.slice('koa:sess:'.length));
    return load(key, how);
  };
  const sessions = session({ store, ...options });
  const site = await closedAfterTest(openSite({ use: [...before, sessions], routes }));
  return {
    site,
    sessions,
    asked,
    get: (path: string, cookie: string) => site.visitor().get(`/shop/${path}`, { cookie }),
  };
}

const requestWith = (cookie: string) =>
  Object.assign(new IncomingMessage(new Socket()), { url: '/', headers: { cookie } });

describe('Of several cookies of one name', () => {
  const forged = `${sidOf('forged')}; koa.sid.sig=${sign('a')}`;

  it.each<[string, string, object, string[]]>([
    ['the first counts', cookies('a', 'b'), { is: 'a' }, ['a']],
    ['the first counts, sent twice', cookies('a', 'a', 'b'), { is: 'a' }, ['a']],
    ['the first with a record counts', cookies('dead', 'gone', 'b', 'a'), { is: 'b' }, ['dead', 'gone', 'b']],
    ['the fifth does not count', cookies('1', '2', '3', '4', 'b'), {}, ['1', '2', '3', '4']],
    ['none is asked for twice', cookies('dead', 'dead', 'gone', 'dead'), {}, ['dead', 'gone']],
    ['one that cannot be an id does not count', cookies('__proto__', 'b'), { is: 'b' }, ['b']],
    ['an empty one does not count', `koa.sid=; koa.sid.sig=; ${cookies('b')}`, { is: 'b' }, ['b']],
    ['a record that is not a session does not count', cookies('list', 'b'), { is: 'b' }, ['list', 'b']],
    ['a session that has expired does not count', cookies('over', 'b'), { is: 'b' }, ['over', 'b']],
    ['one without a good signature does not count', `${forged}; ${cookies('b')}`, { is: 'b' }, ['b']],
    [
      'quotes do not count',
      `koa.sid="dead"; ${signatureOf('dead')}; koa.sid="b"; ${signatureOf('b')}`,
      { is: 'b' },
      ['dead', 'b'],
    ],
    ['other names do not count', `${cookies('dead')}; akoa.sid=a; koa-sid=a; ${signatureOf('a')}`, {}, ['dead']],
    ['the one that a marker names counts', cookies('toB', 'a', 'b'), { is: 'b' }, ['toB', 'b']],
    [
      'the one that a marker names through another one counts',
      cookies('toToB', 'b', 'a', 'toB'),
      { is: 'b' },
      ['toToB', 'toB', 'b'],
    ],
    ['none counts after a marker that names none of them', cookies('toSomebody', 'a'), {}, ['toSomebody']],
    ['none counts after a marker without a successor', cookies('toNobody', 'a'), {}, ['toNobody']],
    ['none counts after a marker that names an ended one', cookies('dead', 'toDead', 'a'), {}, ['dead', 'toDead']],
  ])('%s', async (_what, cookie, expected, asked) => {
    const { sessions, get, ...site } = await open();
    expect((await get('see', cookie)).json()).toEqual(expected);
    expect(site.asked).toEqual(asked);
    expect({ ...(await sessions.read(requestWith(cookie))), cookie: undefined }).toEqual(expected);
    expect(site.asked).toEqual([...asked, ...asked]);
    const deferring = await open({ defer: true, rolling: true });
    expect((await deferring.get('see', cookie)).json()).toEqual(expected);
  });

  it.each<[string, string]>([
    ['in another order', `${sidOf('dead')}; ${sidOf('b')}; ${signatureOf('b')}; ${signatureOf('dead')}`],
    ['of one of them', `${sidOf('dead')}; ${sidOf('b')}; ${signatureOf('b')}`],
    ['of one cookie, twice', `${signatureOf('b', 'forgotten key')}; ${signatureOf('b')}; ${sidOf('b')}`],
  ])('the signatures may come %s', async (_how, cookie) => {
    const { get } = await open();
    expect((await get('see', cookie)).json()).toEqual({ is: 'b' });
  });

  it('each is looked up if they are not signed', async () => {
    const { get, asked } = await open({ cookie: { signed: false } });
    expect((await get('see', 'koa.sid=dead; koa.sid=__proto__; koa.sid=; koa.sid=b')).json()).toEqual({ is: 'b' });
    expect(asked).toEqual(['dead', 'b']);
  });

  it('the one that counts is signed with the new key, once', async () => {
    const { get } = await open();
    const cookie = `${cookies('dead')}; ${sidOf('b')}; ${signatureOf('b', SITE_KEYS[1])}`;
    const { setCookie } = await get('see', cookie);
    expect(setCookie).toEqual([expect.stringContaining(`${signatureOf('b')};`)]);
    expect((await get('see', `${cookie}; ${signatureOf('b')}`)).setCookie).toEqual([]);
    // Another one's signature is its own affair.
    const other = `${sidOf('dead')}; ${signatureOf('dead', SITE_KEYS[1])}; ${cookies('b')}`;
    expect((await get('see', other)).setCookie).toEqual([]);
  });

  it('a change is stored under the id that counts, and that one is sent', async () => {
    const { get, site } = await open();
    expect(sentId(await get('put?cart=tea', cookies('dead', 'b')))).toBe('b');
    expect((await get('see', cookies('b'))).json()).toEqual({ is: 'b', cart: 'tea' });
    await get('logout', cookies('dead', 'b', 'a'));
    expect((await get('see', cookies('b'))).json()).toEqual({});
    expect((await get('see', cookies('a'))).json()).toEqual({ is: 'a' });
    expect(site.events()).toEqual(['session:saved', 'session:destroyed', 'session:missed']);
  });

  it('a late one gets no session and no cookie; a visitor who also has the new id gets a new session', async () => {
    const { get } = await open();
    expect((await get('put?user=ann', cookies('toSomebody', 'a'))).setCookie).toEqual([]);
    expect(sentId(await get('put?user=ann', cookies('dead', 'toDead')))).toMatch(/^[\w-]{24}$/);
  });

  it('none counts beside an id from an earlier middleware or a custom id store', async () => {
    const earlier: Koa.Middleware = (ctx, next) => {
      ctx.sessionId = 'dead';
      return next();
    };
    const one = await open({}, [earlier]);
    expect((await one.get('see', cookies('dead', 'b'))).json()).toEqual({});
    const idStore = { get: () => 'dead', set() {}, reset() {} };
    const other = await open({ sessionIdStore: idStore });
    expect((await other.get('see', cookies('dead', 'b'))).json()).toEqual({});
    expect([one.asked, other.asked]).toEqual([['dead'], ['dead']]);
  });

  it('only a few are looked up, so that a stranger cannot make requests expensive', async () => {
    const keygrip = new Keygrip([SITE_KEYS[0]]);
    let compared = 0;
    const keys = {
      sign: (data: string) => keygrip.sign(data),
      index: (data: string, signature: string) => {
        compared += 1;
        return keygrip.index(data, signature);
      },
    };
    const { get, site } = await open();
    Object.assign(site.app, { keys });
    const stranger = Array.from({ length: 100 }, (_, n) => `${sidOf(`x${n}`)}; koa.sid.sig=${sign('y')}`).join('; ');
    expect((await get('see', stranger)).json()).toEqual({});
    expect(compared).toBeLessThanOrEqual(17);
  });
});
