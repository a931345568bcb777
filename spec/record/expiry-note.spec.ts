import predecessor from 'koa-generic-session';
import session, { type Session, type SessionOptions, Store } from '../../lib/main';
import { mayOutlive, untilEnd, withEnd, withoutEnd } from '../../lib/record/expiry-note';
import { browser } from '../helpers/http/serve';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { openSite, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient, TouchableMapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
everyTestStartsAt(Date.UTC(2030, 0, 1));

const cookieIn = (client: MapClient) => {
  const [record = ''] = client.records.values();
  return (JSON.parse(record) as Session).cookie as Record<string, unknown>;
};

describe('A session on a client that never expires records', () => {
  const open = async (options: SessionOptions = {}) => {
    const client = new MapClient();
    const site = await siteWith({ store: client, ttl: MINUTE, ...options }, { '/counts': count, '/cookie': cookie });
    const ann = site.visitor();
    const created = await ann.get('/put?user=ann');
    return { client, site, ann, created, see: async () => (await ann.get('/see')).json() };
  };
  const count = (ctx: Parameters<typeof sessionOf>[0]) =>
    ctx['sessionHandler'].update((it: Session) => {
      it['count'] = Number(it['count'] ?? 0) + 1;
    });
  const cookie = async (ctx: Parameters<typeof sessionOf>[0]) => (await sessionOf(ctx)).cookie;

  it('is found until it expires, and is missing after that', async () => {
    const { site, ann, created, see } = await open();
    pass(MINUTE - 1);
    expect(await see()).toEqual({ user: 'ann' });
    pass(1);
    const reply = await ann.get('/see');
    const events = site.events().slice(1);
    expect([reply.json(), setCookieOf(reply), events]).toEqual([{}, undefined, ['session:expired', 'session:missed']]);
    expect(site.heard.at(-2)).toMatchObject({ key: sentId(created), value: { user: 'ann' } });
  });

  it('is missing in defer mode too', async () => {
    const { site, see } = await open({ defer: true });
    pass(MINUTE);
    expect([await see(), site.events().slice(1)]).toEqual([{}, ['session:expired', 'session:missed']]);
  });

  it('stays stored, since others may read it', async () => {
    const { client, see } = await open();
    pass(MINUTE);
    await see();
    expect(client.size).toBe(1);
  });

  it.each<[string, SessionOptions, number]>([
    ['the ttl option', { ttl: 5 * MINUTE }, 5 * MINUTE],
    ['a ttl function', { ttl: () => 7 * MINUTE }, 7 * MINUTE],
    ['the maxAge of its cookie', { ttl: null, cookie: { maxAge: 3 * MINUTE } }, 3 * MINUTE],
    ['the day of a browser session', { ttl: null, cookie: { maxAge: null } }, DAY],
  ])('ends by %s', async (_rule, options, ms) => {
    const { site, ann } = await open(options);
    // The browser would have dropped its cookie.
    const held = { cookie: await ann.jar.getCookieString(site.url) };
    pass(ms - 1);
    expect((await ann.get('/see', held)).json()).toEqual({ user: 'ann' });
    pass(1);
    expect((await ann.get('/see', held)).json()).toEqual({});
  });

  it.each<[string, SessionOptions, string]>([
    ['changed', {}, '/put?more=1'],
    ['changed in one step', {}, '/counts'],
    ['used, with `rolling`,', { rolling: true }, '/see'],
  ])('has its full lifetime again after it was %s', async (_how, options, path) => {
    const { ann, see } = await open(options);
    pass(MINUTE - 1);
    await ann.get(path);
    pass(MINUTE - 1);
    expect(await see()).toMatchObject({ user: 'ann' });
    pass(options.rolling ? MINUTE : 1);
    expect(await see()).toEqual({});
  });

  it('is stored again, and not over the expired one, when its visitor returns', async () => {
    const { client, ann, see } = await open();
    pass(MINUTE);
    expect(setCookieOf(await ann.get('/put?user=bob'))).toBeDefined();
    expect([await see(), client.size]).toEqual([{ user: 'bob' }, 2]);
  });

  it('is not written by a request that continues after its end', async () => {
    const client = new MapClient();
    let late: Promise<unknown> | undefined;
    let go = () => {};
    const told = new Promise<void>((resolve) => {
      go = resolve;
    });
    const site = await siteWith(
      { store: client, ttl: MINUTE },
      {
        '/late': async (ctx) => {
          const it = await sessionOf(ctx);
          late = told.then(() => {
            it['late'] = true;
            return ctx['saveSession']();
          });
        },
      },
    );
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    await ann.get('/late');
    pass(MINUTE);
    go();
    await late;
    expect([[...client.records.values()].join(), site.events().at(-1)]).toEqual([
      expect.not.stringContaining('late'),
      'session:gone',
    ]);
  });

  it('hides the note from handlers', async () => {
    const { client, ann } = await open();
    expect(cookieIn(client)).toMatchObject({ ends: Date.now() + MINUTE, maxage: null });
    const seen = (await ann.get('/cookie')).json() as object;
    expect(Object.keys(seen)).not.toContain('ends');
    expect(Object.keys(seen)).not.toContain('maxage');
  });

  it('is not changed by reading: without a change, nothing is written', async () => {
    const { client, ann } = await open();
    const [before] = client.records.values();
    await ann.get('/cookie');
    await ann.get('/see');
    expect([...client.records.values()]).toEqual([before]);
  });

  it('has expired for Store#get too', async () => {
    const { client } = await open();
    const store = new Store(client, { prefix: '' });
    const [key = ''] = client.records.keys();
    const stored = (await store.get(key)) as Session;
    expect([stored['user'], Object.keys(stored.cookie)]).toEqual(['ann', expect.not.arrayContaining(['ends'])]);
    pass(MINUTE);
    expect(await store.get(key)).toBeUndefined();
  });

  it('is stored by Store#set unchanged', async () => {
    const client = new MapClient();
    const it = { cookie: { maxAge: MINUTE }, user: 'ann' };
    await new Store(client, { prefix: '' }).set('a', it);
    expect(client.records.get('a')).toBe(JSON.stringify(it));
  });
});

describe('Beside koa-generic-session on such a client', () => {
  const open = async (options = {}) => {
    const client = new MapClient();
    const shared = { store: client, ttl: MINUTE };
    const young = await closedAfterTest(openSite({ use: session(shared) }));
    const week = (ctx: Parameters<typeof sessionOf>[0]) => {
      (ctx.session as Session).cookie.maxAge = 7 * DAY;
    };
    const old = await closedAfterTest(
      openSite({ use: predecessor({ ...shared, ...options }), routes: { '/week': week } }),
    );
    const inYoung = young.visitor();
    await inYoung.get('/put?user=ann');
    return { client, inYoung, inOld: browser(old.url, inYoung.jar) };
  };

  it('a session that it has written since has the lifetime that it set', async () => {
    const { client, inYoung, inOld } = await open();
    pass(MINUTE - 1);
    await inOld.get('/put?old=1');
    pass(MINUTE - 1);
    expect((await inYoung.get('/see')).json()).toEqual({ user: 'ann', old: '1' });
    await inYoung.get('/put?young=1');
    expect(cookieIn(client)).toMatchObject({ ends: Date.now() + MINUTE, maxage: null });
  });

  it('a session that it has extended without a change has the lifetime that it set', async () => {
    const { inYoung, inOld } = await open({ rolling: true });
    pass(MINUTE - 1);
    await inOld.get('/see');
    pass(1);
    expect((await inYoung.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('a maxAge that its handlers set counts in both packages', async () => {
    const { inYoung, inOld } = await open();
    const days = (line = '') => Math.round((Date.parse(line.match(/expires=([^;]+)/i)?.[1] ?? '') - Date.now()) / DAY);
    expect(days(setCookieOf(await inOld.get('/week')))).toBe(7);
    expect(days(setCookieOf(await inYoung.get('/put?young=1')))).toBe(7);
  });
});

describe('The end of a record', () => {
  const cookie = { path: '/' };

  const noted = async (client: MapClient) => {
    const site = await siteWith({ store: client });
    await site.visitor().get('/put?user=ann');
    return [mayOutlive(client), 'ends' in cookieIn(client)];
  };

  it.each<[string, MapClient]>([
    ['a client with three methods', new MapClient()],
    ['a client whose `touch` is not there', Object.assign(new MapClient(), { touch: undefined })],
  ])('is noted for %s', async (_kind, client) => {
    expect(await noted(client)).toEqual([true, true]);
  });

  it.each<[string, MapClient]>([
    ['a client that can touch', new TouchableMapClient()],
    ['a client with the status of a Redis connection', Object.assign(new MapClient(), { status: 'ready' })],
  ])('is not noted for %s', async (_kind, client) => {
    expect(await noted(client)).toEqual([false, false]);
  });

  it('is noted in a copy', () => {
    const it = Object.freeze({ cookie: Object.freeze({ path: '/' }), user: 'ann' });
    expect(withEnd(it, 1000)).toEqual({ cookie: { path: '/', ends: Date.now() + 1000, maxage: null }, user: 'ann' });
    const noted = Object.freeze(withEnd(it, 1000));
    expect([untilEnd(noted), withoutEnd(noted)]).toEqual([it, it]);
    pass(1000);
    const expired = { cookie: { path: '/', expires: new Date() }, user: 'ann' };
    expect([untilEnd(noted), withoutEnd(noted)]).toEqual([undefined, expired]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a text', 'text'],
    ['a list', [1]],
    ['a session without a cookie', { user: 'ann' }],
    ['a session whose cookie is none', { cookie: 'no', user: 'ann' }],
    ['a session without a note', { cookie: { path: '/' } }],
  ])('is not read from %s', (_kind, answer) => {
    expect(untilEnd(answer)).toBe(answer);
    expect(withoutEnd(answer)).toBe(answer);
  });

  it.each<[string, object]>([
    ['is no number', { ends: 'soon', maxage: null }],
    ['has lost what makes it good', { ends: 5 }],
    ['somebody else has a `maxage` beside', { ends: 5, maxage: 5 }],
  ])('does not count if it %s', (_how, note) => {
    const noted = { cookie: { ...cookie, ...note } };
    expect([untilEnd(noted), withoutEnd(noted)]).toEqual([{ cookie }, { cookie }]);
  });

  it('is not noted without a cookie', () => {
    expect(withEnd({ user: 'ann' }, 1000)).toEqual({ user: 'ann' });
  });
});
