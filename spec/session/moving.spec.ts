import crypto = require('node:crypto');
import session = require('../../lib/main');

import type { IncomingMessage } from 'node:http';
import type { SessionIds, SessionOptions } from '../../lib/main';
import { readMarker } from '../../lib/record/marker';
import { sealed } from '../../lib/sealed';
import { MemoryStore } from '../../lib/stores/memory';
import { type Browser, browser } from '../helpers/http/serve';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, type Routes, type Site, sentId, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { KEY, OLD } from '../helpers/stores/sealing';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const START = Date.UTC(2030, 0, 1);
const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;
const until = new Date(START + 3 * DAY);
const toHashed: SessionIds = { hashed: true, readPlainUntil: until };
const toPlain: SessionIds = { hashed: false, readHashedUntil: until };
const prefix = 'koa:sess:';

everyTestStartsAt(START);

const hashOf = (sid: string) => crypto.createHash('sha256').update(sid).digest('base64url');

/** The calls of the middleware, by name. */
class HeardStore extends MemoryStore {
  readonly calls: string[] = [];

  constructor() {
    super();
    const methods = ['get', 'set', 'destroy', 'load', 'create', 'swap', 'touch', 'remove', 'take', 'mark'] as const;
    for (const name of [...methods, 'enroll', 'dismiss'] as const) {
      const call = this[name].bind(this) as (...args: unknown[]) => unknown;
      const heard = (...args: unknown[]) => {
        this.calls.push(name);
        return call(...args);
      };
      Object.assign(this, { [name]: heard });
    }
  }
}

const user = (held: session.Session) => held['user'] as string | undefined;
const routes: Routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    (await sessionOf(ctx))['user'] = ctx.query['user'];
  },
  '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
};

async function openWith(ids: SessionIds, store: session.SessionStore, options: SessionOptions = {}) {
  const sessions = session({ store, ids, ...options });
  const site = await closedAfterTest(openSite({ use: sessions, routes }));
  return { ...site, sessions, at: (visitor: Browser) => browser(site.url, visitor.jar) };
}

/** A member of an application that has the ids `before`, and the application with the ids `after`. */
async function moving(before: SessionIds, after: SessionIds, options: SessionOptions = {}) {
  const store = new HeardStore();
  const old = await openWith(before, store, options);
  const member = old.visitor();
  await member.get('/put?user=ann');
  const sid = await idOf(member, old);
  const site = await openWith(after, store, options);
  const [plain, hashed] = [prefix + sid, prefix + hashOf(sid)];
  const text = (key: string) => store.load(key)?.record;
  store.calls.length = 0;
  return { store, old, member, sid, site, ann: site.at(member), plain, hashed, text };
}

async function idOf(visitor: Browser, { url }: Site): Promise<string> {
  const cookies = await visitor.jar.getCookies(url);
  return cookies.find(({ key }) => key === 'koa.sid')?.value ?? '';
}

describe('a session that moves', () => {
  it.each<[string, SessionIds, SessionIds]>([
    ['to its hashed id', 'plain', toHashed],
    ['to its plain id', 'hashed', toPlain],
  ])('%s keeps its data, its id, its cookie and the rest of its lifetime', async (_where, before, after) => {
    const { store, site, ann, sid, plain, hashed, text } = await moving(before, after);
    pass(HOUR);
    const [from, to] = after === toHashed ? [plain, hashed] : [hashed, plain];
    const record = text(from);
    const reply = await ann.get('/see');
    expect(reply.json()).toEqual({ user: 'ann' });
    expect(sentId(reply)).toBeUndefined();
    expect(text(to)).toBe(record);
    expect(store.load(to, { ttl: true })?.ttl).toBe(DAY - HOUR);
    expect(text(from)).toMatch(/^null\s+$/);
    expect(readMarker(String(text(from)))).toMatchObject({ successor: to.slice(prefix.length), keepsData: true });
    expect(site.events()).toEqual([]);
    // The second request finds it at once.
    store.calls.length = 0;
    await ann.get('/put?b=2');
    expect(store.calls).toEqual(['load', 'swap']);
    expect(JSON.parse(String(text(to)))).toMatchObject({ user: 'ann', b: '2' });
    expect(await idOf(ann, site)).toBe(sid);
  });

  it('costs four calls more, once, and two with an index', async () => {
    const { store, ann } = await moving('plain', toHashed);
    await ann.get('/see');
    expect(store.calls).toEqual(['load', 'load', 'create', 'swap', 'swap']);
    const users = await moving('plain', toHashed, { user });
    await users.ann.get('/see');
    expect(users.store.calls).toEqual(['load', 'load', 'enroll', 'create', 'swap', 'swap', 'dismiss']);
  });

  it('costs a visitor without a session one call until the date, and none after it', async () => {
    const { store, ann, plain, hashed } = await moving('plain', toHashed, { cookie: { maxAge: 30 * DAY } });
    store.destroy(plain);
    store.calls.length = 0;
    await ann.get('/see');
    expect(store.calls).toEqual(['load', 'load']);
    jest.setSystemTime(until);
    store.calls.length = 0;
    await ann.get('/see');
    expect(store.calls).toEqual(['load']);
    expect([store.load(plain), store.load(hashed)]).toEqual([undefined, undefined]);
  });

  it('is not looked for after the date', async () => {
    const { ann, site } = await moving('plain', toHashed, { cookie: { maxAge: 30 * DAY } });
    jest.setSystemTime(until);
    expect((await ann.get('/see')).json()).toEqual({});
    expect(site.events()).toEqual(['session:missed']);
  });

  it('moves there and back, and stays for at least an hour after each move', async () => {
    const { store, old, member, plain, hashed, text, ann } = await moving('plain', toHashed);
    await ann.get('/put?a=1');
    const back = (await openWith(toPlain, store)).at(member);
    await back.get('/put?b=2');
    expect(JSON.parse(String(text(hashed)))).toMatchObject({ user: 'ann', a: '1', b: '2' });
    await ann.get('/put?c=3');
    pass(HOUR + 1);
    await back.get('/put?d=4');
    expect(JSON.parse(String(text(plain)))).toMatchObject({ user: 'ann', a: '1', b: '2', c: '3', d: '4' });
    expect(text(hashed)).toMatch(/^null\s+$/);
    // A process without the option finds it again.
    expect((await old.at(member).get('/see')).json()).toEqual({ user: 'ann', a: '1', b: '2', c: '3', d: '4' });
  });

  it('ends by a logout wherever it is', async () => {
    for (const path of ['/logout', '/login?user=bob', '/rotate']) {
      const { store, member, plain, hashed, ann } = await moving('plain', toHashed);
      const old = browser((await openWith(toHashed, store)).url, member.jar.cloneSync());
      await ann.get('/see');
      await ann.get(path);
      pass(HOUR + 1); // markers are forgotten
      expect((await old.get('/see')).json()).toEqual({});
      expect([store.load(plain), store.load(hashed)]).toEqual([undefined, undefined]);
    }
  });

  it('stays if the store fails in between, and moves with a later request', async () => {
    for (const failing of ['create', 'swap', 'enroll'] as const) {
      const { store, ann, text, hashed, plain } = await moving('plain', toHashed, { user });
      const call = store[failing];
      Object.assign(store, { [failing]: () => Promise.reject(new Error('the store is full')) });
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
      expect(text(plain)).toMatch(/^\{/);
      Object.assign(store, { [failing]: call });
      expect((await ann.get('/put?a=1')).status).toBe(200);
      expect(JSON.parse(String(text(hashed)))).toMatchObject({ user: 'ann', a: '1' });
      expect(text(plain)).toMatch(/^null/);
      await ann.get('/logout');
      expect(store.load(hashed)).toBeUndefined();
    }
  });

  it('is finished by the next request if the process died after it had claimed the old key', async () => {
    const { store, ann, text, hashed } = await moving('plain', toHashed);
    const { swap } = store;
    let swaps = 0;
    Object.assign(store, {
      swap: (...args: Parameters<typeof swap>) => {
        swaps += 1;
        if (swaps === 2) throw new Error('nobody is there any more');
        return swap.apply(store, args);
      },
    });
    await ann.get('/idle');
    expect(text(hashed)).toMatch(/\}\s+$/);
    pass(HOUR - 1);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    expect(text(hashed)).toMatch(/\}$/);
    pass(HOUR);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('is not found by the copy alone, which a process has left that died before it claimed the old key', async () => {
    const { store, ann, member, text, hashed, plain } = await moving('plain', toHashed);
    const { swap } = store;
    Object.assign(store, { swap: () => Promise.reject(new Error('nobody is there any more')), mark: () => null });
    await ann.get('/idle');
    Object.assign(store, { swap });
    expect(text(hashed)).toMatch(/\}\s+$/);
    // A logout by a process that does not know of the copy.
    store.remove(plain);
    expect((await ann.get('/see')).json()).toEqual({});
    const later = (await openWith('hashed', store)).at(member);
    expect((await later.get('/see')).json()).toEqual({});
  });

  it('is shown by sessions.read(), store.get() and store.set(), and ended by store.destroy(), wherever it is', async () => {
    const { store, ann, sid, site, plain, text, hashed } = await moving('plain', toHashed);
    const { sessions } = site;
    const cookie = await ann.jar.getCookieString(site.url);
    const req = { headers: { cookie }, url: '/', socket: {} } as unknown as IncomingMessage;
    await site.visitor().get('/idle'); // lets the middleware know the application
    const shown = async () => [await sessions.read(req), await sessions.store.get(sid)];
    expect(await shown()).toMatchObject([{ user: 'ann' }, { user: 'ann' }]);
    expect([text(plain), text(hashed)]).toEqual([expect.stringMatching(/^\{/), undefined]);
    await ann.get('/see');
    expect(await shown()).toMatchObject([{ user: 'ann' }, { user: 'ann' }]);
    store.set(plain, { cookie: {}, user: 'old' }, DAY);
    await sessions.store.set(sid, { cookie: {}, user: 'bob' });
    expect([await sessions.store.get(sid), text(plain)]).toMatchObject([{ user: 'bob' }, undefined]);
    store.set(plain, { cookie: {}, user: 'old' }, DAY);
    await sessions.store.destroy(sid);
    expect([text(plain), text(hashed), await sessions.store.get(sid)]).toEqual([undefined, undefined, undefined]);
  });

  it('has the same handle before and after, is listed once, and ends by it', async () => {
    for (const isMoved of [false, true]) {
      const { ann, site, sid, old } = await moving('plain', toHashed, { user });
      if (isMoved) await ann.get('/see');
      const { sessions } = site;
      expect((await sessions.of('ann').list()).map(({ handle }) => handle)).toEqual([hashOf(sid)]);
      expect(await sessions.of('ann').count()).toBe(1);
      expect(await sessions.of('ann').end(hashOf(sid))).toBe(true);
      const ended = [...site.heard, ...old.heard].filter(({ name }) => name === 'session:ended');
      expect(ended.map(({ key }) => key)).toEqual(isMoved ? [hashOf(sid)] : ended.map(() => hashOf(sid)));
      expect((await ann.get('/see')).json()).toEqual({});
    }
  });

  it('is spared by endOthers() of its own request while it moves', async () => {
    const { store, member } = await moving('plain', toHashed, { user });
    const sessions = session({ store, ids: toHashed, user });
    const others = { '/others': (ctx: Parameters<Routes[string]>[0]) => sessions.of('ann').endOthers(ctx) };
    const site = await closedAfterTest(openSite({ use: sessions, routes: others }));
    const ann = browser(site.url, member.jar);
    // The entry of the old key stays.
    Object.assign(store, { dismiss: () => Promise.reject(new Error('no')) });
    expect((await ann.get('/others')).json()).toBe(0);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });
});

describe('hashed ids', () => {
  it('are hashed once, however often and in however many requests their keys are needed', async () => {
    const hashes = jest.spyOn(crypto, 'hash');
    const site = await openWith('hashed', new MemoryStore(), { rolling: true });
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    const sid = await idOf(ann, site);
    for (const path of ['/see', '/put?a=1', '/see', '/logout']) await ann.get(path);
    expect(hashes.mock.calls.filter(([, data]) => data === sid)).toHaveLength(1);
    hashes.mockRestore();
  });

  it('are not used by default, and nothing is hashed', async () => {
    const hashes = jest.spyOn(crypto, 'hash');
    const store = new MemoryStore();
    const site = await closedAfterTest(openSite({ use: session({ store }) }));
    const ann = site.visitor();
    for (const path of ['/put?user=ann', '/see', '/put?a=1']) await ann.get(path);
    const sid = await idOf(ann, site);
    expect(hashes.mock.calls.filter(([, data]) => data === sid)).toEqual([]);
    expect(store.load(prefix + sid)?.record).toContain('"ann"');
    hashes.mockRestore();
  });

  it('work beside sealed records, also while sessions move', async () => {
    const client = new MemoryStore();
    const store = sealed(client, { keys: ['a secret of this spec that is long enough for all'] });
    const old = await openWith('plain', store);
    const ann = old.visitor();
    await ann.get('/put?user=ann');
    const sid = await idOf(ann, old);
    const site = await openWith(toHashed, store);
    expect((await site.at(ann).get('/put?a=1')).status).toBe(200);
    expect((await site.at(ann).get('/see')).json()).toEqual({ user: 'ann', a: '1' });
    expect(client.load(prefix + hashOf(sid))?.record).toMatch(/^"sealed/);
    expect(client.load(prefix + sid)?.record).toMatch(/^null/);
  });

  it('lose nothing if a record is sealed with another key in the middle of its move', async () => {
    const [fresh, old] = [KEY, OLD];
    for (const isFirstDead of [false, true]) {
      const client = new MemoryStore();
      const ann = (await openWith('plain', sealed(client, { keys: [old] }))).visitor();
      await ann.get('/put?user=ann');
      const site = await openWith(toHashed, sealed(client, { keys: [old, fresh] }));
      const hashed = prefix + hashOf(await idOf(ann, site));
      const swap = client.swap.bind(client);
      if (isFirstDead) {
        // The move is claimed, but not finished.
        client.swap = (...args) => (args[0] === hashed ? Promise.reject(new Error('dead')) : swap(...args)) as never;
        await site.at(ann).get('/see');
      }
      client.swap = (async (...args: Parameters<typeof swap>) => {
        if (args[0] !== hashed) return swap(...args);
        client.swap = swap;
        expect(await sealed(client, { keys: [fresh, old] }).reseal()).toMatchObject({ resealed: 1 });
        return swap(...args);
      }) as never;
      await site.at(ann).get('/put?a=1');
      expect((await site.at(ann).get('/see')).json()).toEqual({ user: 'ann', a: '1' });
    }
  });
});

describe('an id that could be a hash', () => {
  it.each<[string, SessionIds]>([
    ['to hashed ids', toHashed],
    ['to plain ids', toPlain],
  ])('finds no session whose hash it is, while an application moves %s', async (_where, ids) => {
    const store = new MemoryStore();
    const cookie = { signed: false };
    const hashed = await openWith('hashed', store, { cookie });
    const member = hashed.visitor();
    await member.get('/put?user=ann');
    const site = await openWith(ids, store, { cookie });
    const name = hashOf(await idOf(member, hashed));
    const thief = await fetch(`${site.url}/see`, { headers: { cookie: `koa.sid=${name}` } });
    expect(await thief.json()).toEqual({});
    expect((await site.at(member).get('/see')).json()).toEqual({ user: 'ann' });
    expect(await site.sessions.store.get(name)).toBeUndefined();
  });

  it('is not given to a new session if it is in use under the other kind of key', async () => {
    const store = new MemoryStore();
    const genSid = () => 'always-the-same';
    await (await openWith('plain', store, { genSid })).visitor().get('/put?user=ann');
    const site = await openWith(toHashed, store, { genSid });
    expect((await site.visitor().get('/put?user=bob')).status).toBe(500);
    expect(site.errors[0]).toMatchObject({ code: 'ERR_SESSION_ID' });
    expect(store.size).toBe(1);
  });

  it('is refused for a new session as long as the store has both kinds', async () => {
    for (const ids of [toHashed, toPlain]) {
      const site = await openWith(ids, new MemoryStore(), { genSid: () => hashOf(String(Math.random())) });
      expect((await site.visitor().get('/put?a=1')).status).toBe(500);
      expect(site.errors[0]).toMatchObject({ code: 'ERR_SESSION_ID' });
    }
  });
});

describe('the option `ids`', () => {
  it.each<[unknown, string]>([
    ['hash', "Expected `ids` to be 'plain', 'hashed', `{ hashed: true, readPlainUntil: date }`"],
    [true, 'Expected `ids` to be'],
    [{}, 'Expected `ids` to be'],
    [{ hashed: true }, 'Expected `ids` to be'],
    [{ hashed: true, readHashedUntil: until }, 'Expected `ids` to be'],
    [{ hashed: false, readPlainUntil: until }, 'Expected `ids` to be'],
    [{ ...toHashed, readHashedUntil: until }, 'Expected `ids` to be'],
    [{ hashed: true, readPlainUntil: '2030-01-01' }, 'Expected `ids.readPlainUntil` to be a valid Date, got'],
    [{ hashed: true, readPlainUntil: new Date('soon') }, 'Expected `ids.readPlainUntil` to be a valid Date, got'],
  ])('refuses %j', (ids, message) => {
    expect(() => session({ store: new MemoryStore(), ids: ids as SessionIds })).toThrow(message);
    expect(() => new session.Store(new MemoryStore(), { ids: ids as SessionIds })).toThrow(TypeError);
  });

  it('refuses a date with a store that could lose a session while it moves', () => {
    expect(() => session({ store: new MapClient(), ids: toHashed })).toThrow('Expected `store` to move sessions');
    expect(() => session({ store: new MapClient(), ids: 'hashed' })).not.toThrow();
  });
});
