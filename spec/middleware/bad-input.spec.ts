import type Koa from 'koa';
import { MemoryStore, type Session, type SessionOptions, type SessionStore } from '../../lib/main';
import { type Reply, raw } from '../helpers/http/serve';
import { siteWith } from '../helpers/sites/open-sites';
import { type Site, sentId, sessionOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

/** As many write their first store: the prototype of its table is everybody's. */
class PlainObjectClient implements SessionStore {
  readonly table: Record<string, Session> = {};

  async get(key: string): Promise<Session | undefined> {
    return this.table[key];
  }

  async set(key: string, session: Session): Promise<void> {
    this.table[key] = session;
  }

  async destroy(key: string): Promise<void> {
    delete this.table[key];
  }
}

/** Sends a Cookie header byte by byte, and returns the status and the whole reply. */
async function send(site: Site, path: string, cookie: string): Promise<{ status: number; text: string }> {
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`;
  const text = await raw(site.port, request);
  return { status: Number(text.slice(9, 12)), text };
}

const names = Object.getOwnPropertyNames(Object.prototype);
const big = 'x'.repeat(4097);

const HOSTILE_IDS: [string, string][] = [
  ...names.map((name): [string, string] => [`an inherited name, ${name}`, name]),
  ['nothing', ''],
  ['a quote', '"'],
  ['two quotes', '""'],
  ['a quoted name', '"__proto__"'],
  ['spaces', '   '],
  ['over 4 KB', big],
  ['over 12 KB', 'y'.repeat(12_000)],
  ['bytes beyond ASCII', '\xff\xfe\x80'],
  ['a text in UTF-8', Buffer.from('ключ🔑').toString('latin1')],
  ['a broken escape', '%E0%A4%A'],
  ['escaped line breaks', '%0d%0aSet-Cookie:%20a=b'],
  ['an escaped NUL', '%00'],
  ['a path', '../../etc/passwd'],
  ['a glob', '*'],
  ['a JSON text', '{"user":1}'],
  ['a list of names', 'a,b,c'],
  ['a tab', 'a\tb'],
  ['an equals sign', 'a=b=c'],
  ['a number', '0'],
  ['undefined', 'undefined'],
  ['null', 'null'],
];

describe.each<[string, () => SessionStore & { size?: number }]>([
  ['a MemoryStore', () => new MemoryStore()],
  ['a client that keeps sessions in a plain object', () => new PlainObjectClient()],
])('a stranger with %s', (_store, makeStore) => {
  describe.each<[string, SessionOptions]>([
    ['signed', {}],
    ['unsigned', { cookie: { signed: false } }],
    ['unsigned and deferred', { cookie: { signed: false }, defer: true }],
    ['unsigned without a prefix', { cookie: { signed: false }, prefix: '' }],
    ['signed without a prefix', { prefix: '' }],
  ])('whose cookie is %s', (_mode, options) => {
    it('gets a separate session, whatever the id is', async () => {
      const store = makeStore();
      const site = await siteWith({ store, ...options });
      const real = site.visitor();
      await real.get('/put?user=real');
      for (const [, id] of HOSTILE_IDS) {
        const cookie = `koa.sid=${id}; koa.sid.sig=AAAAAAAAAAAAAAAAAAAAAAAAAAA`;
        const seen = await send(site, '/see', cookie);
        expect([id, seen.status]).toEqual([id, 200]);
        expect(seen.text).not.toMatch(/set-cookie/i);
        expect(seen.text).toMatch(/\r\n\r\n\{\}$/);
        const put = await send(site, '/put?user=stranger', cookie);
        expect([id, put.status]).toEqual([id, 200]);
        expect(put.text.match(/Set-Cookie: koa\.sid=([^;]*);/i)?.[1]).toMatch(/^[\w-]{24}$/);
        expect((await send(site, '/logout', cookie)).status).toBe(200);
      }
      expect(site.errors).toEqual([]);
      expect((await real.get('/see')).json()).toEqual({ user: 'real' });
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
      expect(({} as Record<string, unknown>)['user']).toBeUndefined();
    });
  });
});

describe('a cookie header', () => {
  const opened = async (options: SessionOptions = {}) => {
    const store = new MapClient();
    const site = await siteWith({ store, ...options });
    const visitor = site.visitor();
    const reply = await visitor.get('/put?a=1');
    const sid = sentId(reply) as string;
    const sig = sentId(reply, 'koa.sid.sig') ?? '';
    const see = async (cookie: string) => {
      const { status, text } = await send(site, '/see', cookie);
      return status === 200 ? (JSON.parse(text.split('\r\n\r\n')[1] as string) as unknown) : status;
    };
    return { site, store, sid, sig, see };
  };

  it('with quoted values is accepted', async () => {
    const { sid, sig, see } = await opened();
    expect(await see(`koa.sid="${sid}"; koa.sid.sig="${sig}"`)).toEqual({ a: '1' });
  });

  it('is found at any position', async () => {
    const { sid, sig, see } = await opened();
    expect(await see(`a=b;koa.sid.sig=${sig};c; =;  koa.sid=${sid};;`)).toEqual({ a: '1' });
  });

  it('that repeats the cookie counts by the first value with a valid signature, and no other', async () => {
    const { sid, sig, see } = await opened();
    const other = 'A'.repeat(24);
    expect(await see(`koa.sid=${sid}; koa.sid=${other}; koa.sid.sig=${sig}`)).toEqual({ a: '1' });
    expect(await see(`koa.sid=${other}; koa.sid=${sid}; koa.sid.sig=${sig}`)).toEqual({ a: '1' });
    expect(await see(`koa.sid=${sid}; koa.sid.sig=x; koa.sid.sig=${sig}`)).toEqual({ a: '1' });
    expect(await see(`koa.sid=${other}; koa.sid.sig=${sig}`)).toEqual({});
    expect(await see(`koa.sid=${sid}; koa.sid.sig=x`)).toEqual({});
  });

  it('with a similar name is ignored', async () => {
    const { sid, see } = await opened({ cookie: { signed: false } });
    for (const name of ['koa_sid', 'koaxsid', 'KOA.SID', 'xkoa.sid', 'koa.sid.x', 'koa.sid ']) {
      expect(await see(`${name}=${sid}`)).toEqual({});
    }
    expect(await see(`koa.sid=${sid}`)).toEqual({ a: '1' });
  });

  it('with an id that differs in case, length or spaces is a different session', async () => {
    const { sid, see } = await opened({ cookie: { signed: false }, genSid: () => 'AbCdEf' });
    for (const id of [sid.toLowerCase(), `${sid} `, `${sid}x`, sid.slice(1), `koa:sess:${sid}`]) {
      // Node cuts white space off the end of a header.
      expect(await see(`koa.sid=${id}; a=b`)).toEqual({});
    }
  });

  it.each(['\0', '\r', '\n', '\x01', '\x7f'])('with the control character %j reaches no session', async (character) => {
    const { site, sid, see, store } = await opened({ cookie: { signed: false } });
    const before = [...store.records];
    const result = await see(`koa.sid=${sid}${character}`);
    expect([{}, 400]).toContainEqual(result);
    expect([...store.records]).toEqual(before);
    expect((await site.visitor().get('/see')).status).toBe(200);
  });

  it('that is too large for any server is refused by Node, and the server keeps running', async () => {
    const { site, see, sid, sig } = await opened();
    expect(await see(`koa.sid=${'x'.repeat(20_000)}`)).toBe(431);
    expect(await see(`koa.sid=${sid}; koa.sid.sig=${sig}`)).toEqual({ a: '1' });
    expect(site.errors).toEqual([]);
  });
});

describe('a record that is not a session', () => {
  const open = async (record: unknown, options: SessionOptions = {}) => {
    const table = new PlainObjectClient();
    const before = typeof record === 'object' && record !== null ? structuredClone(record) : record;
    table.table['koa:sess:known'] = record as Session;
    const site = await siteWith({ store: table, cookie: { signed: false }, ...options });
    return { table, site, before, request: (path: string) => site.visitor().get(path, { cookie: 'koa.sid=known' }) };
  };

  it.each<[string, unknown]>([
    ['a number', 5],
    ['zero', 0],
    ['a text', 'x'],
    ['an empty text', ''],
    ['a list', [1, 2]],
    ['true', true],
    ['false', false],
  ])('counts as missed, is reported, and is kept: %s', async (_what, record) => {
    const { table, site, request } = await open(record);
    const replies: Reply[] = [];
    for (const path of ['/see', '/put?a=1', '/logout']) replies.push(await request(path));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(sentId(replies[1] as Reply)).not.toBe('known');
    expect(replies[2]?.setCookie).toEqual([]);
    expect(site.events().slice(0, 2)).toEqual(['session:invalid', 'session:missed']);
    expect(table.table['koa:sess:known']).toEqual(record);
  });

  it.each(['5', '"x"', '[]', 'not json', '', '{"a":1', '\0'])(
    'counts as missed in a store of texts too: %j',
    async (record) => {
      const store = new MemoryStore();
      store.create('koa:sess:known', record, 60_000);
      const site = await siteWith({ store, cookie: { signed: false } });
      const visitor = site.visitor();
      const reply = await visitor.get('/put?a=1', { cookie: 'koa.sid=known' });
      expect([reply.status, sentId(reply)]).toEqual([200, expect.stringMatching(/^[\w-]{24}$/)]);
      expect(site.events()).toEqual(['session:invalid', 'session:missed', 'session:created']);
      expect(store.load('koa:sess:known')?.record).toBe(record);
    },
  );

  it.each<[string, unknown]>([
    ['a number', 5],
    ['a text', 'text'],
    ['null', null],
    ['a list', []],
    ['a list of attributes', ['maxAge', 5]],
    ['true', true],
    ['a strange own', { own: 5 }],
    ['own names of unknown attributes', { own: ['__proto__', 'constructor', 'toString', null, {}] }],
    ['own names of missing attributes', { own: ['maxAge', 'expires', 'path', 'domain', 'sameSite'] }],
    ['a maxAge that is a text', { maxAge: 'soon' }],
    ['an own maxAge that is a text', { own: ['maxAge'], maxAge: 'soon' }],
    ['an own maxAge that is an object', { own: ['maxAge'], maxAge: {} }],
    ['an expires that is not a date', { expires: 'soon' }],
    ['an own expires that is not a date', { own: ['expires'], expires: 'soon' }],
    ['an expires that is an object', { expires: {} }],
    ['an own domain that is invalid', { own: ['domain'], domain: 'a b; c' }],
    ['an own path that is a number', { own: ['path'], path: 5 }],
    ['an own sameSite that is unknown', { own: ['sameSite'], sameSite: 'some' }],
    ['an own priority that is an object', { own: ['priority'], priority: {} }],
    ['keys of objects', JSON.parse('{"__proto__":{"maxAge":1},"constructor":1}')],
  ])('counts as one whatever its cookie is, and can be read, changed and ended: %s', async (_what, cookie) => {
    for (const path of ['/put?b=1', '/logout']) {
      const { table, site, request } = await open({ a: 1, cookie }, { rolling: true });
      expect([(await request('/see')).status, site.errors]).toEqual([200, []]);
      expect([(await request(path)).status, site.errors]).toEqual([200, []]);
      const { cookie: _, ...data } = table.table['koa:sess:known'] ?? {};
      expect(data).toEqual(path === '/logout' ? {} : { a: 1, b: '1' });
    }
  });
});

describe('a session that cannot be stored', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const throwing = {
    toJSON() {
      throw new Error('not me');
    },
  };

  const change = (values: object) => async (ctx: Koa.Context) => {
    Object.assign(await sessionOf(ctx), { changed: true }, values);
  };
  const assign = (value: unknown) => (ctx: Koa.Context) => {
    ctx.session = value as object;
  };

  describe.each([false, true])('defer: %p', (defer) => {
    it.each<[string, (ctx: Koa.Context) => unknown, string]>([
      ['a cycle', change({ cycle }), 'ERR_SESSION_SERIALIZE'],
      ['a BigInt', change({ big: 1n }), 'ERR_SESSION_SERIALIZE'],
      ['a toJSON inside that throws', change({ throwing }), 'ERR_SESSION_SERIALIZE'],
      ['a toJSON that throws', assign(throwing), 'ERR_SESSION_SERIALIZE'],
      ['a toJSON that returns a number', assign({ toJSON: () => 5 }), 'ERR_SESSION_SERIALIZE'],
      ['a toJSON that returns a text', assign({ toJSON: () => 'x' }), 'ERR_SESSION_SERIALIZE'],
      ['a number', assign(5), 'ERR_SESSION_VALUE'],
      ['a text', assign('x'), 'ERR_SESSION_VALUE'],
      ['true', assign(true), 'ERR_SESSION_VALUE'],
      ['a list', assign([]), 'ERR_SESSION_VALUE'],
      ['a function', assign(() => 1), 'ERR_SESSION_VALUE'],
      ['a cookie that is a text', change({ cookie: 'text' }), 'ERR_SESSION_COOKIE'],
      ['a cookie that is a number', change({ cookie: 5 }), 'ERR_SESSION_COOKIE'],
      ['a cookie that is a list', change({ cookie: [] }), 'ERR_SESSION_COOKIE'],
      ['an assigned cookie that is a text', assign({ a: 1, cookie: 'text' }), 'ERR_SESSION_COOKIE'],
      ['a sameSite that is unknown', change({ cookie: { sameSite: 'some' } }), 'ERR_SESSION_COOKIE'],
      ['an invalid domain', change({ cookie: { domain: 'a b;' } }), 'ERR_SESSION_COOKIE'],
      ['a maxAge that is a text', change({ cookie: { maxAge: 'soon' } }), 'ERR_SESSION_TTL'],
      ['an expires that is not a date', change({ cookie: { expires: 'soon' } }), 'ERR_SESSION_TTL'],
    ])('causes a typed error, and the stored record is kept: %s', async (_what, handler, code) => {
      const store = new MapClient();
      const site = await siteWith({ store, defer }, { '/spoil': handler });

      const stranger = await site.visitor().get('/spoil');
      expect([stranger.status, stranger.setCookie, store.size]).toEqual([500, [], 0]);

      const visitor = site.visitor();
      await visitor.get('/put?a=1');
      const before = [...store.records];
      const reply = await visitor.get('/spoil');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect([...store.records]).toEqual(before);
      expect(site.errors.map((error) => ('code' in error ? error.code : error))).toEqual([code, code]);

      expect((await visitor.get('/put?b=2')).status).toBe(200);
      expect((await visitor.get('/see')).json()).toEqual({ a: '1', b: '2' });
    });
  });

  it('is detected when a handler asks for the status, and the handler can continue', async () => {
    const routes = {
      '/ask': async (ctx: Koa.Context) => {
        const current = await sessionOf(ctx);
        current['cycle'] = cycle;
        expect(() => ctx.sessionHandler.status).toThrow(expect.objectContaining({ code: 'ERR_SESSION_SERIALIZE' }));
        delete current['cycle'];
        return ctx.sessionHandler.status;
      },
    };
    const visitor = (await siteWith({ store: new MapClient() }, routes)).visitor();
    await visitor.get('/put?a=1');
    expect((await visitor.get('/ask')).json()).toBe('unmodified');
  });

  it.each(['', 0, false, undefined, null])('is ended by assigning %p, as in koa-generic-session', async (nothing) => {
    const store = new MapClient();
    const visitor = (await siteWith({ store }, { '/end': assign(nothing) })).visitor();
    await visitor.get('/put?a=1');
    const reply = await visitor.get('/end');
    expect([reply.status, sentId(reply), store.size]).toEqual([200, '', 0]);
  });
});
