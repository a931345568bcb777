import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { cookieStore } from '../../../lib/cookie';
import session, { MemoryStore, type Session, type SessionStore, Store } from '../../../lib/main';
import { type SealedOptions, sealed } from '../../../lib/sealed';
import { closedAfterTest, siteWith } from '../../helpers/sites/open-sites';
import { openSite, type Routes, sentId, sessionOf } from '../../helpers/sites/session-site';
import { MapClient, TouchableMapClient } from '../../helpers/stores/map-client';
import { comparingMethods } from '../../helpers/stores/methods';
import { KEY, OLD, OTHER } from '../../helpers/stores/sealing';
import { fakeDate, pass } from '../../helpers/time/fake-date';
import { until } from '../../helpers/time/until';

const HOUR = 60 * 60 * 1000;
const RECORD = '{"user":"ann","cookie":{}}';
const SEALED = /^"sealed\.1\.[\w-]{6}\.[\w-]+"$/;

const textIn = (store: MemoryStore, key = 'sid') => String(store.load(key)?.record);
const put = (store: MemoryStore, record: string, key = 'sid') => {
  store.destroy(key);
  store.create(key, record, HOUR);
};
/** What the store holds once a record is created under these keys. */
const made = (keys: SealedOptions['keys'], key = 'sid', record = RECORD) => {
  const store = new MemoryStore();
  sealed(store, { keys }).create(key, record, HOUR);
  return textIn(store, key);
};
const opened = (stored: string, options: SealedOptions = { keys: [KEY] }, key = 'sid') => {
  const store = new MemoryStore();
  put(store, stored, key);
  return (sealed(store, options).load(key) as { record: string }).record;
};

describe('A sealed record', () => {
  it('is a text in which no word of the record can be read', () => {
    expect(made([KEY])).toMatch(SEALED);
    expect(Buffer.from(made([KEY]).split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain('ann');
  });

  it('is the same text if the call is repeated, so that the second call finds its own', async () => {
    const store = sealed(new MemoryStore(), { keys: [KEY] });
    const [first, again] = [store.create('sid', RECORD, HOUR), store.create('sid', RECORD, HOUR)];
    expect([typeof first, again]).toEqual(['number', first]);
    const swap = () => store.swap('sid', '{"user":"bob"}', HOUR, first as number);
    expect([await swap(), await swap()]).toEqual([
      { ok: true, revision: 2 },
      { ok: true, revision: 2 },
    ]);
    expect(store.create('sid', RECORD, HOUR)).toBe(false);
  });

  it('differs for each key of the store, and for each secret', () => {
    const texts = [made([KEY]), made([KEY], 'sid2'), made([OLD]), made([KEY], 'sid', '{"user":"bob","cookie":{}}')];
    expect(new Set(texts).size).toBe(4);
    const nonces = texts.map((text) => text.split('.')[3]?.slice(0, 16));
    expect(new Set(nonces).size).toBe(4);
  });

  it('is opened with any of the keys, and sealed with the first', async () => {
    const store = new MemoryStore();
    put(store, made([OLD]));
    const [before] = [textIn(store)];
    const rotated = sealed(store, { keys: [KEY, OLD] });
    const { record, revision } = (await rotated.load('sid')) as { record: string; revision: number };
    expect(record).toBe(RECORD);
    await rotated.swap('sid', RECORD, HOUR, revision);
    expect([textIn(store) === before, textIn(store)]).toEqual([false, made([KEY])]);
  });

  it('takes secrets as text or as bytes, as they are', () => {
    expect(made([Buffer.from(KEY)])).toBe(made([KEY]));
    expect(made([Buffer.from(KEY, 'base64')])).not.toBe(made([KEY]));
  });

  const kept = (text: string) => text;
  it.each<[string, (text: string) => string, { keys?: string[]; key?: string }]>([
    ['a key that is not in the list', kept, { keys: [OLD, OTHER] }],
    ['the key of another record', kept, { key: 'sid2' }],
    ['another prefix', kept, { key: 'shop:sid' }],
    ['another version of the format', (text) => text.replace('sealed.1', 'sealed.2'), {}],
    ['the number of another key', (text) => made([OLD]).slice(0, 16) + text.slice(16), { keys: [KEY, OLD] }],
    ['its first half only', (text) => `${text.slice(0, text.length / 2)}"`, {}],
    ['no bytes', (text) => text.replace(/[\w-]+"$/, '"'), {}],
    ['its end cut off', (text) => text.slice(0, -1), {}],
    ['something after its end', (text) => `${text}x`, {}],
    ['only its name', () => '"sealed."', {}],
    ['the record in plain text', () => RECORD, {}],
    ['the text of nothing', () => '{}', {}],
  ])('with %s cannot be opened, and does not count as a session', (_what, change, { keys = [KEY], key = 'sid' }) => {
    const got = opened(change(made([KEY])), { keys }, key);
    expect(() => JSON.parse(got)).toThrow(SyntaxError);
    expect(got).toMatch(/^\(a .*record.*\)$/);
  });

  it('cannot be opened with any of its characters changed', () => {
    const text = made([KEY]);
    const last = text.length - 2; // of the last character, some bits say nothing
    for (let at = 0; at < last; at += 1) {
      const other = text[at] === 'A' ? 'B' : 'A';
      expect(opened(text.slice(0, at) + other + text.slice(at + 1))).toMatch(/^\(/);
    }
  });

  it('keeps the marks of writers outside, and is opened with them', async () => {
    const store = new MemoryStore();
    const client = sealed(store, { keys: [KEY] });
    client.create('sid', RECORD, HOUR);
    expect(await client.mark('sid', 3)).toMatchObject({ record: `${RECORD}   ` });
    expect(textIn(store)).toBe(`${made([KEY])}   `);
    expect(await client.load('sid')).toMatchObject({ record: `${RECORD}   ` });
  });

  it('leaves markers readable', async () => {
    const store = new MemoryStore();
    const client = sealed(store, { keys: [KEY] });
    client.create('sid', RECORD, HOUR);
    expect(await client.take('sid', 'null \t', HOUR)).toBe(RECORD);
    expect([textIn(store), await client.remove('sid')]).toEqual(['null \t', 'null \t']);
  });

  it('of a store that is not sealed any more does not count as a session either', async () => {
    const store = new MemoryStore();
    put(store, made([KEY]), 'koa:sess:sid');
    const records = new Store(store).records;
    const loaded = await records.load('koa:sess:sid', new Store(store).newBudget(), false, true);
    expect(loaded.found).toBe('invalid');
  });
});

describe('A record that is not sealed', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is read until the date, and not after it', () => {
    fakeDate();
    const options = { keys: [KEY], readPlainUntil: new Date(Date.now() + HOUR) };
    const store = new MemoryStore();
    const client = sealed(store, options);
    put(store, RECORD);
    expect(client.load('sid')).toMatchObject({ record: RECORD });
    pass(HOUR);
    put(store, RECORD);
    expect(client.load('sid')).toMatchObject({ record: '(a record that is not sealed)' });
    expect(textIn(store)).toBe(RECORD);
  });

  it('is sealed by the next write', async () => {
    const store = new MemoryStore();
    const options = { keys: [KEY], readPlainUntil: new Date(Date.now() + HOUR) };
    const site = await siteWith({ store });
    const ann = site.visitor();
    const sid = sentId(await ann.get('/put?user=ann'));
    const later = await closedAfterTest(openSite({ use: session({ store: sealed(store, options) }) }));
    const same = later.visitor();
    const headers = { cookie: await ann.jar.getCookieString(site.url) };
    expect((await same.get('/see', headers)).json()).toEqual({ user: 'ann' });
    await same.get('/put?views=1', headers);
    expect(textIn(store, `koa:sess:${sid}`)).toMatch(SEALED);
    expect((await same.get('/see', headers)).json()).toEqual({ user: 'ann', views: '1' });
  });

  it('is written with `writePlain`, which reads both', async () => {
    const store = new MemoryStore();
    const plain = sealed(store, { keys: [KEY], writePlain: true });
    put(store, made([KEY]));
    const { record, revision } = (await plain.load('sid')) as { record: string; revision: number };
    expect(record).toBe(RECORD);
    await plain.swap('sid', '{"user":"bob"}', HOUR, revision);
    expect([textIn(store), await plain.get('sid')]).toEqual(['{"user":"bob"}', { user: 'bob' }]);
  });
});

describe('A client that cannot compare', () => {
  const EXPIRES = new Date(Date.now() + HOUR).toISOString();
  const held: Session = { cookie: { maxAge: HOUR, path: '/shop', expires: EXPIRES }, user: 'ann' };

  it('gets an object with the sealed text, and the lifetime of the cookie', async () => {
    const client = new MapClient();
    await sealed(client, { keys: [KEY] }).set('sid', held, HOUR);
    expect(JSON.parse(client.records.get('sid') ?? '')).toEqual({
      sealed: expect.stringMatching(/^sealed\.1\.[\w-]{6}\.[\w-]+$/),
      cookie: { maxAge: HOUR, expires: EXPIRES },
    });
    expect(await sealed(client, { keys: [OLD, KEY] }).get('sid')).toEqual(held);
  });

  it.each<[string, SealedOptions, string]>([
    ['another key', { keys: [OLD] }, 'sid'],
    ['another record', { keys: [KEY] }, 'sid2'],
  ])('has no session in an object of %s', async (_what, options, key) => {
    const client = new MapClient();
    await sealed(client, { keys: [KEY] }).set('sid', held, HOUR);
    client.records.set('sid2', client.records.get('sid') ?? '');
    expect(await sealed(client, options).get(key)).toMatch(/^\(a .*record.*\)$/);
  });

  it('reads plain sessions until the date, and with `writePlain`', async () => {
    const client = new MapClient();
    await client.set('sid', held, HOUR);
    const read = (options: Partial<SealedOptions>) => sealed(client, { keys: [KEY], ...options }).get('sid');
    expect(await read({})).toBe('(a record that is not sealed)');
    expect(await read({ readPlainUntil: new Date(Date.now() - 1) })).toBe('(a record that is not sealed)');
    expect(await read({ readPlainUntil: new Date(Date.now() + HOUR) })).toEqual(held);
    expect(await read({ writePlain: true })).toEqual(held);
    await sealed(client, { keys: [KEY], writePlain: true }).set('sid', held, HOUR);
    expect(JSON.parse(client.records.get('sid') ?? '')).toEqual(held);
  });

  it('is not shown by `store.get()` if it cannot be opened', async () => {
    for (const client of [new MapClient(), new MemoryStore()]) {
      await new Store(sealed(client, { keys: [OLD] })).set('sid', { user: 'ann', cookie: {} }, HOUR);
      expect(await new Store(sealed(client, { keys: [KEY] })).get('sid')).toBeUndefined();
      expect(await new Store(sealed(client, { keys: [OLD] })).get('sid')).toMatchObject({ user: 'ann' });
    }
  });

  it('keeps what cannot be opened, and the visitor gets a new session', async () => {
    const client = new MapClient();
    const site = await siteWith({ store: sealed(client, { keys: [KEY] }) });
    const ann = site.visitor();
    const key = `koa:sess:${sentId(await ann.get('/put?user=ann'))}`;
    const text = String(client.records.get(key)).replace(/\.[\w-]+"/, '.AAAA"');
    client.records.set(key, text);
    expect((await ann.get('/see')).json()).toEqual({});
    expect((await ann.get('/put?user=bob')).status).toBe(200);
    expect(site.events()).toContain('session:invalid');
    expect([client.records.get(key), client.size, site.errors]).toEqual([text, 2, []]);
  });
});

describe('A site with a record that cannot be opened', () => {
  const gates: (() => void)[] = [];
  const routes: Routes = {
    '/login': async (ctx) => {
      await ctx['regenerateSession']();
      (await sessionOf(ctx))['user'] = 'ann';
    },
    '/slow': async (ctx) => {
      const held = await sessionOf(ctx);
      await new Promise<void>((resolve) => gates.push(resolve));
      held['slow'] = true;
    },
    '/slow-logout': async (ctx) => {
      await sessionOf(ctx);
      await new Promise<void>((resolve) => gates.push(resolve));
      ctx.session = null;
    },
    '/slow-rotation': async (ctx) => {
      await sessionOf(ctx);
      await new Promise<void>((resolve) => gates.push(resolve));
      await ctx['regenerateSession']({ keepData: true });
    },
  };
  const open = async () => {
    const store = new MemoryStore();
    const sessions = session({ store: sealed(store, { keys: [KEY] }), user: ({ user }) => user as string | undefined });
    const site = await closedAfterTest(openSite({ use: sessions, routes }));
    const ann = site.visitor();
    const key = `koa:sess:${sentId(await ann.get('/login'))}`;
    const spoil = () => put(store, textIn(store, key).replace(/\.[\w-]+"/, '.AAAA"'), key);
    return { ann, key, sessions, site, spoil, store };
  };

  it('says so, keeps it, and serves a new session', async () => {
    const { ann, key, site, spoil, store } = await open();
    spoil();
    const before = textIn(store, key);
    expect((await ann.get('/see')).json()).toEqual({});
    const { value } = site.heard.find(({ name }) => name === 'session:invalid') ?? {};
    expect(value).toBe('(a sealed record that was changed, or moved from another key)');
    expect((await ann.get('/put?user=bob')).status).toBe(200);
    expect([textIn(store, key), site.errors]).toEqual([before, []]);
  });

  it.each(['/slow', '/slow-logout', '/slow-rotation'])(
    'ends no request in an error that meets it late: %s',
    async (path) => {
      const { ann, site, spoil } = await open();
      const late = ann.get(path);
      await until(() => gates.length > 0);
      spoil();
      for (const go of gates.splice(0)) go();
      expect([(await late).status, site.errors]).toEqual([200, []]);
    },
  );

  it('ends all other sessions of its user', async () => {
    const { ann, sessions, site, spoil } = await open();
    const other = site.visitor();
    await other.get('/login');
    spoil();
    await sessions.of('ann').endAll();
    expect((await other.get('/see')).json()).toEqual({});
    expect([(await ann.get('/see')).status, site.errors]).toEqual([200, []]);
  });
});

describe('sealed()', () => {
  const methodsOf = (client: object) =>
    [...comparingMethods, 'keys'].filter((name) => typeof (client as Record<string, unknown>)[name] === 'function');

  it.each<[string, SessionStore]>([
    ['a MemoryStore', new MemoryStore()],
    ['a client with the three methods', new MapClient()],
    ['one that can touch', new TouchableMapClient()],
  ])('has the abilities of %s', (_kind, client) => {
    const outer = sealed(client, { keys: [KEY] });
    expect(methodsOf(outer)).toEqual(methodsOf(client));
    expect(new Store(outer).guarantee).toBe(new Store(client).guarantee);
  });

  it('passes the events and the state of the connection on', async () => {
    class Remote extends MapClient {
      readonly #events = new EventEmitter();
      connected = true;
      on(event: string, listener: () => void) {
        this.#events.on(event, listener);
      }
      off(event: string, listener: () => void) {
        this.#events.off(event, listener);
      }
      change(event: 'connect' | 'disconnect') {
        this.connected = event === 'connect';
        this.#events.emit(event);
      }
    }
    const remote = new Remote();
    const outer = sealed(remote, { keys: [KEY] });
    const store = new Store(outer);
    const heard: string[] = [];
    store.on('disconnect', () => heard.push('disconnect')).on('connect', () => heard.push('connect'));
    remote.change('disconnect');
    expect([store.status, new Store(outer).status]).toEqual(['pending', 'pending']);
    remote.change('connect');
    expect([heard, store.status]).toEqual([['disconnect', 'connect'], 'available']);
  });

  it('calls the property that the client has at that moment', async () => {
    const client = new MapClient();
    const outer = sealed(client, { keys: [KEY] });
    client.get = async () => null;
    client.destroy = () => Promise.reject(new Error('no'));
    expect(await outer.get('sid')).toBe(null);
    await expect(outer.destroy('sid')).rejects.toThrow('no');
  });

  it('shows no stored text in an error', async () => {
    class Talkative extends MapClient {
      override async set(_key: string, held: Session): Promise<void> {
        throw Object.assign(new Error(`could not store ${(held as unknown as { sealed: string }).sealed}`), { held });
      }
    }
    const store = new Store(sealed(new Talkative(), { keys: [KEY] }));
    const error: unknown = await store.set('sid', { cookie: {}, user: 'ann' }).catch((failure: unknown) => failure);
    expect(inspect(error, { depth: 9 })).toContain('could not store [session data]');
    expect(inspect(error, { depth: 9 })).not.toMatch(/sealed\.1|ann/);
  });

  it.each<[string, unknown, unknown, string]>([
    [
      'no store',
      undefined,
      { keys: [KEY] },
      'Expected `store` to be an object with `get`, `set`, `destroy`, got `undefined`',
    ],
    [
      'a CookieStore',
      cookieStore({ keys: ['A'.repeat(86)] }),
      { keys: [KEY] },
      'got one whose sessions travel in the cookie: its tokens are encrypted already',
    ],
    [
      'a sealed one',
      sealed(new MapClient(), { keys: [KEY] }),
      { keys: [KEY] },
      'got one that is sealed already: give all secrets in one list of `keys`',
    ],
    [
      'a Store',
      new Store(new MapClient()),
      { keys: [KEY] },
      'got a Store: pass its client, `new Store(sealed(client, { keys }))`',
    ],
    [
      'no options',
      new MapClient(),
      undefined,
      'Expected `options` to be an object such as `{ keys: [secret] }`, got `undefined`',
    ],
    [
      'a secret in place of options',
      new MapClient(),
      'hunter2',
      'Expected `options` to be an object such as `{ keys: [secret] }`, got a string',
    ],
    [
      'no keys',
      new MapClient(),
      {},
      'Expected `keys` to be a non-empty array of secrets, got `undefined`. Make a secret with `openssl rand -base64 32`',
    ],
    [
      'a key in place of a list',
      new MapClient(),
      { keys: 'hunter2' },
      'Expected `keys` to be a non-empty array of secrets, got a string',
    ],
    [
      'an empty list',
      new MapClient(),
      { keys: [] },
      'Expected `keys` to be a non-empty array of secrets, got an empty array',
    ],
    [
      'an empty key',
      new MapClient(),
      { keys: [KEY, ''] },
      'Expected `keys[1]` to be a string, a Buffer or a Uint8Array that is not empty, got an empty string',
    ],
    [
      'a hole in the list',
      new MapClient(),
      { keys: Object.assign([KEY, OLD], { 1: undefined }) },
      'Expected `keys[1]` to be a string, a Buffer or a Uint8Array that is not empty, got `undefined`',
    ],
    [
      'a number',
      new MapClient(),
      { keys: [1234567] },
      'Expected `keys[0]` to be a string, a Buffer or a Uint8Array that is not empty, got a number',
    ],
    [
      'a date as text',
      new MapClient(),
      { keys: [KEY], readPlainUntil: '2030-01-01' },
      'Expected `readPlainUntil` to be a valid Date, got `2030-01-01` (string)',
    ],
    [
      'no date',
      new MapClient(),
      { keys: [KEY], readPlainUntil: new Date('soon') },
      'Expected `readPlainUntil` to be a valid Date, got an object',
    ],
    [
      '`writePlain: 1`',
      new MapClient(),
      { keys: [KEY], writePlain: 1 },
      'Expected `writePlain` to be `true` or `false`, got `1` (number)',
    ],
  ])('refuses %s', (_what, store, options, message) => {
    const call = () => Reflect.apply(sealed, undefined, [store, options]);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
    expect(call).not.toThrow('hunter2');
  });

  it('warns of an unknown option', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    Reflect.apply(sealed, undefined, [new MapClient(), { keys: [KEY], readPlainuntil: new Date() }]);
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'koa-evented-session does not know the option of `sealed()` `readPlainuntil`; did you mean `readPlainUntil`?',
    ]);
    warn.mockRestore();
  });
});
