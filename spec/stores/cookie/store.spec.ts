import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CompactEncrypt, decodeProtectedHeader, EncryptJWT, type JWTPayload, jwtDecrypt, UnsecuredJWT } from 'jose';
import type Koa from 'koa';
import { type CookieStore, cookieStore } from '../../../lib/cookie';
import session from '../../../lib/main';
import { cookieNoise, randomFrom } from '../../helpers/http/cookie-noise';
import { KeepAlive } from '../../helpers/http/kept-connection';
import { installed } from '../../helpers/package/installed';
import { root, startNode } from '../../helpers/programs/node-program';
import { runScript } from '../../helpers/programs/process-script';
import { member } from '../../helpers/requests/variant';
import { closedAfterTest, siteWith } from '../../helpers/sites/open-sites';
import { lifetime } from '../../helpers/sites/session-cookies';
import { openSite, type Routes, sentId, sessionOf, setCookieOf } from '../../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../../helpers/time/fake-date';
import { gate } from '../../helpers/time/gate';

const DAY = 86_400_000;
const key = randomBytes(64);
const store = cookieStore({ keys: [key] });

/** The contents of a token, given the key. */
async function claimsOf(token: string | undefined): Promise<JWTPayload & { session?: unknown }> {
  const { payload } = await jwtDecrypt(token as string, key);
  return payload;
}

/** A token of our key, but of another making. */
function sealed(claims: JWTPayload, how: { name?: string; enc?: string; sealedBy?: Uint8Array } = {}): Promise<string> {
  const { name = 'koa.sid', enc = 'A256CBC-HS512', sealedBy = key } = how;
  return new EncryptJWT(claims).setProtectedHeader({ alg: 'dir', enc }).setAudience(name).encrypt(sealedBy);
}

everyTestStartsAt(Date.UTC(2030, 0, 1));

describe.each([
  ['loaded up front', false],
  ['deferred', true],
])('sessions sealed in the cookie, %s', (_mode, defer) => {
  const open = (options: session.SessionOptions = {}, routes: Routes = {}) =>
    siteWith({ store, defer, ...options }, routes);

  it('travel with the visitor in one cookie, which only the server can read', async () => {
    const site = await open();
    const ann = site.visitor();
    const reply = await ann.get('/put?user=ann');
    expect(reply.setCookie).toHaveLength(1);
    expect(setCookieOf(reply)).toMatch(
      /^koa\.sid=[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+; path=\/; expires=[^;]+; max-age=\d+; samesite=lax; httponly$/,
    );
    const token = sentId(reply) as string;
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'dir', enc: 'A256CBC-HS512' });
    for (const part of token.split('.')) expect(Buffer.from(part, 'base64url').toString()).not.toContain('ann');
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it("contain their cookie's name, their id and their end, as exact as their ttl", async () => {
    const site = await open({ ttl: 1234 });
    const ann = await member(site);
    expect(await claimsOf(ann.sid)).toEqual({
      aud: 'koa.sid',
      jti: expect.stringMatching(/^[\w-]{24}$/),
      exp: (Date.now() + 1234) / 1000,
      session: { user: 'ann', cookie: expect.anything() },
    });
    pass(1233);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    pass(1);
    expect((await ann.get('/see')).json()).toEqual({});
    expect(site.events().slice(-2)).toEqual(['session:expired', 'session:missed']);
  });

  it('report that they have expired, however long ago, only to the application', async () => {
    const site = await open();
    const ann = await member(site);
    const { jti } = await claimsOf(ann.sid);
    pass(100 * DAY);
    const reply = await site.visitor().get('/see', { cookie: `koa.sid=${ann.sid}` });
    expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
    expect(site.heard.at(-2)).toEqual({
      name: 'session:expired',
      key: jti,
      value: expect.objectContaining({ user: 'ann' }),
    });
    expect(site.errors).toEqual([]);
  });

  it('need no `app.keys`', async () => {
    const site = await open();
    Reflect.deleteProperty(site.app, 'keys');
    const ann = await member(site);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('are signed too if the options say so', async () => {
    const site = await open({ cookie: { signed: true } });
    expect((await site.visitor().get('/put?user=ann')).setCookie.map((line) => line.split('=')[0])).toEqual([
      'koa.sid',
      'koa.sid.sig',
    ]);
  });

  it('can be opened with every key and are sealed with the first, so that keys can be changed', async () => {
    const newKey = randomBytes(64);
    const before = await open();
    const ann = await member(before);
    const after = await open({ store: cookieStore({ keys: [newKey, key] }) });
    const cookie = `koa.sid=${ann.sid}`;
    const reply = await after.visitor().get('/put?colour=red', { cookie });
    const onlyNew = await open({ store: cookieStore({ keys: [newKey] }) });
    const see = async (token: string) => (await onlyNew.visitor().get('/see', { cookie: `koa.sid=${token}` })).json();
    expect(await see(sentId(reply) as string)).toEqual({ user: 'ann', colour: 'red' });
    expect(await see(ann.sid)).toEqual({});
  });

  const other = randomBytes(64);
  it.each<[string, (token: string) => string | Promise<string>]>([
    ['a letter of its header changed', (token) => token.replace('eyJ', 'eyK')],
    ['a letter of its text changed', (token) => changed(token, 3)],
    ['a letter of its proof changed', (token) => changed(token, 4)],
    ["other bits where its proof's text uses none", (token) => respelled(token, 4)],
    ["other bits where its nonce's text uses none", (token) => respelled(token, 2)],
    ['`=` after it', (token) => `${token}=`],
    ['`.` after it', (token) => `${token}.`],
    ['`%20` after it', (token) => `${token}%20`],
    ['no proof', (token) => token.slice(0, token.lastIndexOf('.') + 1)],
    ['its end cut off', (token) => token.slice(0, -9)],
    ['two parts', (token) => token.slice(0, token.indexOf('..') + 1)],
    ['an unrelated text', () => 'hello'],
    ['an id of a store on the server', () => 'x'.repeat(24)],
    ['another key', () => sealed({ jti: 'id', exp: 4e9, session: { user: 'eve' } }, { sealedBy: other })],
    ["another cookie's name", () => sealed({ jti: 'id', exp: 4e9, session: { user: 'eve' } }, { name: 'other' })],
    [
      'no name',
      () =>
        new EncryptJWT({ jti: 'id', exp: 4e9, session: {} })
          .setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512' })
          .encrypt(key),
    ],
    ['no id', () => sealed({ exp: 4e9, session: { user: 'eve' } })],
    ['no end', () => sealed({ jti: 'id', session: { user: 'eve' } })],
    ['no session', () => sealed({ jti: 'id', exp: 4e9 })],
    ['a list for a session', () => sealed({ jti: 'id', exp: 4e9, session: ['eve'] })],
    ['an id that is a number', () => sealed({ jti: 7 as unknown as string, exp: 4e9, session: { user: 'eve' } })],
    [
      'another way to seal',
      () => sealed({ jti: 'id', exp: 4e9, session: {} }, { enc: 'A256GCM', sealedBy: key.subarray(0, 32) }),
    ],
    [
      'claims that are not sealed',
      () => new UnsecuredJWT({ jti: 'id', session: { user: 'eve' } }).setAudience('koa.sid').encode(),
    ],
    [
      'text that is not JSON',
      () =>
        new CompactEncrypt(Buffer.from('hello')).setProtectedHeader({ alg: 'dir', enc: 'A256CBC-HS512' }).encrypt(key),
    ],
  ])('become new sessions if the cookie has %s', async (_what, forge) => {
    const site = await open();
    const ann = await member(site);
    const cookie = `koa.sid=${await forge(ann.sid)}`;
    const reply = await site.visitor().get('/see', { cookie });
    expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
    expect(site.heard.at(-1)).toEqual({ name: 'session:missed', key: undefined, value: undefined });
    expect(site.errors).toEqual([]);
    expect((await site.visitor().get('/put?user=bob', { cookie })).status).toBe(200);
  });

  it('of one cookie are invalid in another, even if the same store has sealed them', async () => {
    const use = [
      session({ store, defer, key: 'shop', cookie: { path: '/shop' } }),
      session({ store, defer, key: 'blog', cookie: { path: '/blog' } }),
    ];
    const put: Routes[string] = async (ctx) => Object.assign(await sessionOf(ctx), ctx.query);
    const see: Routes[string] = async (ctx) => Object.keys(await sessionOf(ctx));
    const site = await closedAfterTest(openSite({ use, routes: { '/shop': put, '/blog': see, '/shop/see': see } }));
    const token = sentId(await site.visitor().get('/shop?admin=yes'), 'shop');
    const keysAt = async (path: string, cookie: string) => (await site.visitor().get(path, { cookie })).json();
    expect(await keysAt('/shop/see', `shop=${token}`)).toEqual(['cookie', 'admin']);
    expect(await keysAt('/blog', `blog=${token}`)).toEqual(['cookie']);
  });

  it('end with the browser if the cookie does, and after a day at the latest', async () => {
    const site = await open({ cookie: { maxAge: null } });
    const reply = await site.visitor().get('/put?user=ann');
    expect(lifetime(setCookieOf(reply))).toBeUndefined();
    expect((await claimsOf(sentId(reply))).exp).toBe((Date.now() + DAY) / 1000);
  });

  it('have the lifetime and the attributes that a handler sets', async () => {
    const site = await open(
      {},
      {
        '/remember': async (ctx) => {
          (await sessionOf(ctx)).cookie.maxAge = 30 * DAY;
        },
      },
    );
    const ann = await member(site);
    const reply = await ann.get('/remember');
    expect([lifetime(setCookieOf(reply)), (await claimsOf(sentId(reply))).exp]).toEqual([
      30 * DAY,
      (Date.now() + 30 * DAY) / 1000,
    ]);
    pass(29 * DAY);
    expect(lifetime(setCookieOf(await ann.get('/put?colour=red')))).toBe(30 * DAY);
  });

  it('are not sent unencrypted if the cookie is `secure`', async () => {
    const site = await open({ cookie: { secure: true } });
    const reply = await site.visitor().get('/put?user=ann');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_COOKIE' })]);
  });

  it('that are too long for a cookie cause an error, which says by how much', async () => {
    const site = await open(
      {},
      {
        '/grow': async (ctx) => {
          (await sessionOf(ctx))['text'] = 'x'.repeat(3000);
          await ctx.saveSession();
        },
      },
    );
    const ann = await member(site);
    const reply = await ann.get('/grow');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    const [error] = site.errors as session.SessionError[];
    expect(error).toBeInstanceOf(session.SessionError);
    expect([error?.code, error?.message]).toEqual([
      'ERR_SESSION_SIZE',
      expect.stringMatching(
        /^Expected the session to fit into a cookie of 4096 bytes, but `koa\.sid` would take 4\d{3} bytes: /,
      ),
    ]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('of 2 700 bytes of JSON fit', async () => {
    const data = { text: 'x'.repeat(2689) };
    expect(JSON.stringify(data)).toHaveLength(2700);
    const site = await open(
      {},
      {
        '/fill': (ctx) => {
          ctx.session = data;
        },
      },
    );
    const ann = site.visitor();
    expect((await ann.get('/fill')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual(data);
  });

  it('keep whatever JSON keeps, in its order', async () => {
    const text = '{"10":1,"b":[],"a":9007199254740991,"é":"€\\u0000\\"","__proto__":{"x":1},"n":null,"f":1.5e-9}';
    const site = await open(
      {},
      {
        '/fill': (ctx) => {
          ctx.session = JSON.parse(text);
        },
        '/text': async (ctx) => {
          const { cookie: _, ...data } = await sessionOf(ctx);
          return JSON.stringify(data);
        },
      },
    );
    const ann = site.visitor();
    await ann.get('/fill');
    expect((await ann.get('/text')).json()).toBe(JSON.stringify(JSON.parse(text)));
    expect((await ann.get('/see')).setCookie).toEqual([]);
  });

  describe('limits of sessions in the cookie', () => {
    it('a copy made before the logout stays valid until it expires', async () => {
      const site = await open();
      const ann = await member(site);
      const copy = `koa.sid=${ann.sid}`;
      expect(sentId(await ann.get('/logout'))).toBe('');
      expect((await ann.get('/see')).json()).toEqual({});
      expect((await site.visitor().get('/see', { cookie: copy })).json()).toEqual({ user: 'ann' });
      pass(DAY);
      expect((await site.visitor().get('/see', { cookie: copy })).json()).toEqual({});
    });

    it('a copy made before `regenerateSession()` stays valid until it expires', async () => {
      const site = await open({}, { '/login': (ctx) => ctx.regenerateSession() });
      const ann = await member(site);
      await ann.get('/login');
      expect((await site.visitor().get('/see', { cookie: `koa.sid=${ann.sid}` })).json()).toEqual({ user: 'ann' });
    });

    it('of parallel requests, the last answer wins, a logout included', async () => {
      const { opened, open: letGo } = gate();
      const read = gate();
      const slow = async (ctx: Koa.Context) => {
        const current = await sessionOf(ctx);
        read.open();
        await opened;
        current['slow'] = true;
      };
      const site = await open({}, { '/slow': slow });
      const ann = await member(site);
      const late = ann.get('/slow');
      await read.opened;
      await ann.get('/put?fast=yes');
      await ann.get('/logout');
      letGo();
      await late;
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', slow: true });
    });

    it('`update()` sees the session that the request carried', async () => {
      const site = await open(
        {},
        {
          '/count': (ctx) =>
            ctx.sessionHandler.update((current) => {
              current['n'] = Number(current['n'] ?? 0) + 1;
              return current['n'];
            }),
        },
      );
      const ann = await member(site);
      const replies = await Promise.all([ann.get('/count'), ann.get('/count')]);
      expect(replies.map((reply) => reply.json())).toEqual([1, 1]);
    });
  });
});

const HEADERS = 2000;

it(`${HEADERS} random Cookie headers never cause an error, and open only the session that they were made from`, async () => {
  const seed = 20_300_101;
  const site = await siteWith({ store });
  const ann = await member(site);
  const nextHeader = cookieNoise(randomFrom(seed), `theme=dark; koa.sid=${ann.sid}; b=1`);
  const connection = new KeepAlive(site.port);
  let opened = 0;
  for (let sent = 0; sent < HEADERS; sent += 1) {
    const header = nextHeader();
    const { status, body } = await connection.send(`GET /see HTTP/1.1\r\nHost: a\r\nCookie: ${header}\r\n\r\n`);
    const told = JSON.stringify({ seed, sent, status, body });
    // Node itself refuses an invalid header, and one that is too long.
    if (![200, 400, 431].includes(status)) throw new Error(told);
    // The last letter of a part may represent fewer bits than it has, so other letters mean the same.
    if (status === 200 && !['{}', '{"user":"ann"}'].includes(body)) throw new Error(told);
    if (body.includes('ann')) opened += 1;
  }
  expect(opened).toBeGreaterThan(0);
  expect(site.errors).toEqual([]);
  connection.close();
});

describe('cookieStore()', () => {
  it('refuses invalid keys', () => {
    expect(() => cookieStore({ keys: ['secret'] })).toThrow(/^Expected `keys\[0\]` to be 64 random bytes/);
    expect(() => cookieStore(undefined as never)).toThrow(
      new TypeError(
        'Expected `options` to be an object such as `{ keys: [process.env.SESSION_KEY] }`, got `undefined`',
      ),
    );
    expect(() => cookieStore([key] as never)).toThrow(/^Expected `options` to be an object .*, got an array$/);
  });

  it('shows no key if the store is printed', () => {
    const hex = key.toString('hex');
    const { inspect } = require('node:util') as typeof import('node:util');
    expect(inspect(cookieStore({ keys: [hex] }), { depth: 9, showHidden: true })).not.toMatch(
      /Uint8Array|Buffer|[\da-f]{32}/,
    );
  });

  it('shows neither sessions nor tokens in debug output', async () => {
    const { code, stdout, stderr } = await runScript(
      'own',
      `require('debug').enable('*');
       require('debug')('spec')('is heard');
       const Koa = require('koa');
       const { cookieStore } = require(args.cookie);
       const app = new Koa();
       app.use(session({ store: cookieStore({ keys: [args.key] }), rolling: true }));
       app.use((ctx) => { ctx.session.more = 'secret'; ctx.body = 'done'; });
       const server = app.listen(0, '127.0.0.1', async () => {
         const url = 'http://127.0.0.1:' + server.address().port;
         const reply = await fetch(url);
         const [cookie] = reply.headers.getSetCookie()[0].split(';');
         for (const sent of [cookie, cookie + 'AAAA']) console.log(await (await fetch(url, { headers: { cookie: sent } })).text());
         server.close();
         server.closeAllConnections();
       });`,
      { key: key.toString('hex'), cookie: join(root, 'dist/cookie.js') },
    );
    expect([code, stdout]).toEqual([0, 'done\ndone\n']);
    expect(stderr).toContain('spec is heard');
    expect(stderr).not.toMatch(/secret|eyJ/);
  });

  it('seals the same session differently each time', async () => {
    const carried = { sid: 'id', record: '{"user":"ann"}', ttl: 1000 };
    const tokens = await Promise.all(Array.from({ length: 50 }, () => store.pack(carried, 'koa.sid')));
    expect(new Set(tokens).size).toBe(50);
    expect(new Set(tokens.map((token) => token.split('.')[2])).size).toBe(50);
  });

  it.each([
    ['jose 5', 'jose'],
    ['jose 6', 'jose6'],
  ])('seals and opens with %s', async (_version, jose) => {
    const { folder, remove } = await installed({ jose });
    const program = await startNode(['-e', sealing(folder)], { KEY: key.toString('hex') });
    const [token] = await program.says(/^eyJ\S+$/m);
    await program.says(/^opened user$/m);
    await program.end();
    await remove();
    // What one version has sealed, the other opens.
    expect(await (store as CookieStore).unpack(token, 'koa.sid')).toMatchObject({ sid: 'id', record: '{"user":1}' });
  });

  it('says what to do if jose is not installed', async () => {
    const { folder, remove } = await installed();
    const program = await startNode(['-e', sealing(folder)], { KEY: key.toString('hex') });
    await program.says(/TypeError: cookieStore\(\) needs jose to seal sessions: run `npm install jose`\./);
    await program.end();
    await remove();
  });
});

/** A program that seals a session, and opens it. */
function sealing(folder: string): string {
  return `
    const { cookieStore } = require(${JSON.stringify(join(folder, 'node_modules/koa-evented-session/dist/cookie.js'))});
    const store = cookieStore({ keys: [process.env.KEY] });
    (async () => {
      const token = await store.pack({ sid: 'id', record: '{"user":1}', ttl: ${1000 * DAY} }, 'koa.sid');
      console.log(token);
      if (await store.unpack(token + 'A', 'koa.sid')) throw new Error('opened what was altered');
      const { record } = await store.unpack(token, 'koa.sid');
      console.log('opened ' + Object.keys(JSON.parse(record)));
    })();`;
}

/** The token with another letter at the end of a part, which represents the same bytes. */
function respelled(token: string, part: number): string {
  const parts = token.split('.');
  const text = parts[part] as string;
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  parts[part] = text.slice(0, -1) + letters[letters.indexOf(text.at(-1) as string) ^ 1];
  expect(Buffer.from(parts[part] as string, 'base64url')).toEqual(Buffer.from(text, 'base64url'));
  return parts.join('.');
}

/** The token with another letter in the middle of one of its parts. */
function changed(token: string, part: number): string {
  const parts = token.split('.');
  const text = parts[part] as string;
  const at = text.length >> 1;
  parts[part] = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  return parts.join('.');
}
