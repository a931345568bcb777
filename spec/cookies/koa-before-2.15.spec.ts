import Cookies = require('cookies');

import Koa from 'koa';
import koaSession from '../../lib/koa-session';
import minimal from '../../lib/koa-session-minimal';

import session = require('../../lib/main');

import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite, setCookieOf } from '../helpers/sites/session-site';
import { interop } from '../interop';

const Koa214 = interop('koa214') as typeof Koa;

/** The attributes of Set-Cookie lines, without those that depend on the time. */
const attributesOf = (lines: string[]) => lines.map((line) => line.replace(/^[^;]+|; (expires|max-age)=[^;]+/g, ''));

describe.each([
  ['Koa 3', Koa],
  ['Koa 2.14, whose cookies are older', Koa214],
])('on %s', (_version, AnyKoa) => {
  const open = (use: Koa.Middleware | Koa.Middleware[]) => closedAfterTest(openSite({ Koa: AnyKoa, use }));

  it('the cookie has the attributes that the options give', async () => {
    const site = await open(
      session({ rolling: true, cookie: { sameSite: 'strict', priority: 'high', partitioned: true } }),
    );
    const ann = site.visitor();
    const replies = [await ann.get('/put?a=1'), await ann.get('/see'), await ann.get('/logout')];
    const all = '; path=/; priority=high; samesite=strict; httponly; partitioned';
    expect(replies.map(({ setCookie }) => attributesOf(setCookie))).toEqual(Array(3).fill([all, all]));
  });

  it('a cookie in quotes is read', async () => {
    const site = await open(session());
    const [line, signature] = (await site.visitor().get('/put?a=1')).setCookie.map((each) => each.split(';', 1)[0]);
    const cookie = `${line?.replace('=', '="')}"; ${signature}`;
    expect((await site.visitor().get('/see', { cookie })).json()).toEqual({ a: '1' });
  });

  it('an id with a semicolon is refused', async () => {
    const site = await open(session({ genSid: () => 'an id; domain=example.com' }));
    const reply = await site.visitor().get('/put?a=1');
    expect([reply.status, reply.setCookie, site.errors]).toEqual([
      500,
      [],
      [expect.objectContaining({ code: 'ERR_SESSION_COOKIE' })],
    ]);
  });

  it('a connection is secure if the application says so to ctx.cookies', async () => {
    const saying: Koa.Middleware = (ctx, next) => {
      (ctx.cookies as { secure?: boolean }).secure = true;
      return next();
    };
    const site = await open([saying, session({ cookie: { secure: true } })]);
    expect(setCookieOf(await site.visitor().get('/put?a=1'))).toContain('; secure');
  });

  it('a cookie that the application sets stands beside those of the session', async () => {
    const site = await open([
      (ctx, next) => {
        ctx.cookies.set('theme', 'dark', { signed: false });
        return next();
      },
      session(),
    ]);
    const { setCookie } = await site.visitor().get('/put?a=1');
    expect(setCookie.map((line) => line.split('=', 1)[0])).toEqual(['theme', 'koa.sid', 'koa.sid.sig']);
  });

  it('what the application puts in place of ctx.cookies sets the cookie', async () => {
    const seen: string[] = [];
    const watching: Koa.Middleware = (ctx, next) => {
      const { cookies } = ctx;
      const set = cookies.set.bind(cookies);
      cookies.set = (name, value, options) => {
        seen.push(name);
        return set(name, value, options);
      };
      return next();
    };
    const site = await open([watching, session()]);
    await site.visitor().get('/put?a=1');
    expect(seen).toEqual(['koa.sid', 'koa.sid.sig']);
  });

  it('a class that extends that of ctx.cookies sets the cookie', async () => {
    const seen: string[] = [];
    const owning: Koa.Middleware = (ctx, next) => {
      const Base = ctx.cookies.constructor as typeof Cookies;
      class Own extends Base {
        override set(name: string, value?: string | null, options?: Cookies.SetOption): this {
          seen.push(name);
          return super.set(name, value, options);
        }
      }
      ctx.cookies = new Own(ctx.req, ctx.res);
      return next();
    };
    const site = await open([owning, session()]);
    const { setCookie } = await site.visitor().get('/put?a=1');
    expect([seen, setCookie.length]).toEqual([['koa.sid', 'koa.sid.sig'], 2]);
  });

  it.each([
    ['koa-session', (app: Koa) => koaSession({ partitioned: true, secure: false } as object, app)],
    ['koa-session-minimal', () => minimal({ cookie: { partitioned: true } as object })],
  ])('the entry point in place of %s sends and clears a partitioned cookie', async (_name, use) => {
    const app = new AnyKoa();
    app.keys = ['of an application that only makes the middleware'];
    const site = await open(use(app));
    const ann = site.visitor();
    const replies = [await ann.get('/put?a=1'), await ann.get('/see'), await ann.get('/logout')];
    const isPartitioned = replies.map(({ setCookie }) => setCookie.map((line) => line.includes('; partitioned')));
    expect(isPartitioned.map((each) => each.every(Boolean))).toEqual([true, true, true]);
    expect([isPartitioned[0]?.length, isPartitioned[2]?.length]).not.toContain(0);
    expect(replies[1]?.json()).toMatchObject({ a: '1' });
  });
});
