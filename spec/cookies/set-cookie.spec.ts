import Cookies = require('cookies');

import { randomBytes } from 'node:crypto';
import type Koa from 'koa';
import KoaApp from 'koa';
import { CookieJar } from 'tough-cookie';
import { cookieStore } from '../../lib/cookie';
import koaSession from '../../lib/koa-session';
import minimal from '../../lib/koa-session-minimal';

import session = require('../../lib/main');

import { serve } from '../helpers/http/serve';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { settingCookie } from '../helpers/sites/session-cookies';
import { openSite, setCookieOf } from '../helpers/sites/session-site';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';

const MAY_2 = Date.UTC(2030, 4, 2);

everyTestStartsAt(MAY_2);

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const maxAgesOf = (lines: string[]) => lines.map((line) => /; max-age=([^;]+)/.exec(line)?.[1]);
const expiryOf = (line: string | undefined) => /expires=([^;]+)/.exec(line ?? '')?.[1];

describe('a cookie that is sent again', () => {
  it('has the same text as the first time', async () => {
    const site = await siteWith({ rolling: true, cookie: { sameSite: 'strict', priority: 'high', partitioned: true } });
    const ann = site.visitor();
    const first = await ann.get('/put?a=1');
    const later = [await ann.get('/see'), await ann.get('/see')];
    expect(first.setCookie).toHaveLength(2);
    expect(later.map(({ setCookie }) => setCookie)).toEqual([first.setCookie, first.setCookie]);
  });

  it('is written once a second, for all visitors, and again in the next second', async () => {
    const site = await siteWith({ rolling: true });
    const visitors = [site.visitor(), site.visitor(), site.visitor()];
    const written = jest.spyOn(Cookies.Cookie.prototype, 'toHeader');
    try {
      const lines = async () => Promise.all(visitors.map((visitor) => visitor.get('/put?a=1')));
      await lines();
      const first = written.mock.calls.length;
      await lines();
      expect([first, written.mock.calls.length]).toEqual([2, 2]);
      pass(1000);
      await lines();
      expect(written.mock.calls.length).toBe(4);
    } finally {
      written.mockRestore();
    }
  });

  it('expires in time, to the second', async () => {
    const site = await siteWith({ rolling: true });
    const ann = site.visitor();
    await ann.get('/put?a=1');
    const seen: (string | undefined)[] = [];
    for (const ms of [400, 500, 200, 3_600_000]) {
      pass(ms);
      seen.push(expiryOf(setCookieOf(await ann.get('/see'))));
    }
    expect(seen).toEqual([
      'Fri, 03 May 2030 00:00:00 GMT',
      'Fri, 03 May 2030 00:00:00 GMT',
      'Fri, 03 May 2030 00:00:01 GMT',
      'Fri, 03 May 2030 01:00:01 GMT',
    ]);
  });

  it("has the signature of its visitor's id", async () => {
    const site = await siteWith({ rolling: true });
    const [ann, bob] = [site.visitor(), site.visitor()];
    const sent = [(await ann.get('/put?a=1')).setCookie, (await bob.get('/put?b=1')).setCookie];
    expect([(await ann.get('/see')).setCookie, (await bob.get('/see')).setCookie]).toEqual(sent);
    expect(new Set(sent.flat()).size).toBe(4);
    expect([(await ann.get('/see')).json(), (await bob.get('/see')).json()]).toEqual([{ a: '1' }, { b: '1' }]);
  });

  it('is secure only if the connection is', async () => {
    const site = await siteWith({ rolling: true });
    site.app.proxy = true;
    const ann = site.visitor();
    await ann.get('/put?a=1');
    const cookie = await ann.jar.getCookieString(site.url);
    const seen: boolean[] = [];
    for (const proto of ['http', 'https', 'https', 'http']) {
      const reply = await ann.get('/see', { cookie, 'x-forwarded-proto': proto });
      expect(reply.setCookie).toHaveLength(2);
      seen.push(reply.setCookie.every((line) => line.includes('; secure')));
    }
    expect(seen).toEqual([false, true, true, false]);
  });

  it("is sent with the application's cookies", async () => {
    const site = await siteWith(
      { rolling: true },
      {
        '/before': async (ctx) => {
          ctx.cookies.set('theme', 'dark', { signed: false });
        },
      },
    );
    const ann = site.visitor();
    await ann.get('/put?a=1');
    await ann.get('/see');
    const { setCookie } = await ann.get('/before');
    expect(setCookie.map((line) => line.split('=', 1)[0])).toEqual(['theme', 'koa.sid', 'koa.sid.sig']);
  });

  it('can be followed by a cookie of an outer middleware', async () => {
    const theme: Koa.Middleware = async (ctx, next) => {
      await next();
      ctx.cookies.set('theme', 'dark', { signed: false });
    };
    const site = await closedAfterTest(openSite({ use: [theme, session({ rolling: true })] }));
    const ann = site.visitor();
    await ann.get('/put?a=1');
    const names = (await ann.get('/see')).setCookie.map((line) => line.split('=', 1)[0]);
    expect(names).toEqual(['koa.sid', 'koa.sid.sig', 'theme']);
  });

  it('is set by a replacement of ctx.cookies', async () => {
    let marks = 0;
    const marking: Koa.Middleware = (ctx, next) => {
      const { cookies } = ctx;
      if (ctx.get('x-mark')) {
        const set = cookies.set.bind(cookies);
        cookies.set = ((name: string, value: string, options: object) => {
          marks += 1;
          return set(name, value, { ...options, sameSite: 'strict' });
        }) as typeof cookies.set;
      }
      return next();
    };
    const site = await closedAfterTest(openSite({ use: [marking, session({ rolling: true })] }));
    const ann = site.visitor();
    await ann.get('/put?a=1');
    const seen: boolean[] = [];
    for (const mark of ['', 'yes', 'yes', '']) {
      const reply = await ann.get('/see', mark ? { 'x-mark': mark } : {});
      seen.push(reply.setCookie.every((line) => line.includes('samesite=strict')));
    }
    expect([seen, marks]).toEqual([[false, true, true, false], 4]);
  });

  it('is set by a class of the application, which may use the request', async () => {
    class Own extends Cookies {
      override set(name: string, value?: string | null, options?: Cookies.SetOption): this {
        return super.set(name, value, { ...options, domain: this.request.headers['x-domain'] as string });
      }
    }
    const owning: Koa.Middleware = (ctx, next) => {
      ctx.cookies = new Own(ctx.req, ctx.res);
      return next();
    };
    const site = await closedAfterTest(openSite({ use: [owning, session({ rolling: true })] }));
    const ann = site.visitor();
    const put = await ann.get('/put?a=1', { 'x-domain': 'a.example' });
    const cookie = put.setCookie.map((line) => line.split(';', 1)[0]).join('; ');
    const domains: (string | undefined)[] = [];
    for (const domain of ['a.example', 'b.example', 'b.example', 'a.example']) {
      const reply = await ann.get('/see', { cookie, 'x-domain': domain });
      domains.push(/domain=([^;]+)/.exec(setCookieOf(reply) ?? '')?.[1]);
    }
    expect(domains).toEqual(['a.example', 'b.example', 'b.example', 'a.example']);
  });

  it('has the attributes that a handler has set', async () => {
    const site = await siteWith(
      { rolling: true },
      {
        '/strict': async (ctx) => {
          (ctx.session as session.Session).cookie.sameSite = 'strict';
        },
      },
    );
    const [ann, bob] = [site.visitor(), site.visitor()];
    for (const visitor of [ann, bob]) await visitor.get('/put?a=1');
    await ann.get('/strict');
    expect(setCookieOf(await bob.get('/see'))).toContain('samesite=lax');
    expect(setCookieOf(await ann.get('/see'))).toContain('samesite=strict');
  });

  it('may hold an id that the cookie library has to validate', async () => {
    let made = 0;
    const site = await siteWith({ rolling: true, genSid: () => (made++ === 0 ? 'plain' : 'with;semicolon') });
    await site.visitor().get('/put?a=1');
    const reply = await site.visitor().get('/put?a=1');
    expect([reply.status, reply.setCookie]).toEqual([500, []]);
    expect(site.errors[0]).toMatchObject({ code: 'ERR_SESSION_COOKIE' });
  });
});

describe('Max-Age, which depends on no clock', () => {
  it.each<[string, session.CookieOptions, string | undefined]>([
    ['an hour', { maxAge: HOUR }, '3600'],
    ['the time up to a date', { expires: new Date(MAY_2 + HOUR) }, '3600'],
    ['more than a second', { maxAge: 1001 }, '2'],
    ['less than a second', { maxAge: 400 }, '1'],
    ['ten years, of which browsers keep 400 days', { maxAge: 3650 * DAY }, `${400 * 24 * 3600}`],
    ['as long as the browser', { maxAge: 0 }, undefined],
  ])('accompanies Expires in cookie and signature of %s', async (_what, cookie, seconds) => {
    const { setCookie } = await (await siteWith({ cookie })).visitor().get('/put?a=1');
    expect(setCookie).toHaveLength(2);
    expect(setCookie.every((line) => line.includes('; expires=') === (seconds !== undefined))).toBe(true);
    expect(maxAgesOf(setCookie)).toEqual([seconds, seconds]);
  });

  it('is in a cookie that is sent again, and counts up to the given date', async () => {
    const site = await siteWith({ rolling: true, cookie: { expires: new Date(MAY_2 + HOUR) } });
    const ann = site.visitor();
    await ann.get('/put?a=1');
    const seen: unknown[] = [];
    for (const ms of [0, 400, 1000, 60_000]) {
      pass(ms);
      seen.push(maxAgesOf((await ann.get('/see')).setCookie)[0]);
    }
    expect(seen).toEqual(['3600', '3600', '3599', '3539']);
  });

  it('is what a handler has set', async () => {
    const site = await siteWith({}, settingCookie({ maxAge: 2 * HOUR }));
    expect(maxAgesOf((await site.visitor().get('/set')).setCookie)).toEqual(['7200', '7200']);
  });

  it('is in a signature that is sent alone', async () => {
    const site = await siteWith({});
    const ann = site.visitor();
    await ann.get('/put?a=1');
    site.app.keys = ['newer key', ...(site.app.keys as string[])];
    const { setCookie } = await ann.get('/see');
    expect([setCookie.map((line) => line.split('=', 1)[0]), maxAgesOf(setCookie)]).toEqual([
      ['koa.sid.sig'],
      ['86400'],
    ]);
  });

  it('is not in a cleared cookie: every clock is past 1970', async () => {
    const ann = (await siteWith({})).visitor();
    await ann.get('/put?a=1');
    const { setCookie } = await ann.get('/logout');
    expect([setCookie.map(expiryOf), maxAgesOf(setCookie)]).toEqual([
      Array(2).fill('Thu, 01 Jan 1970 00:00:00 GMT'),
      [undefined, undefined],
    ]);
  });

  it('leaves cookies of the application unchanged, and an existing Max-Age', async () => {
    class Own extends Cookies {
      override set(name: string, value?: string | null, options?: Cookies.SetOption): this {
        super.set(name, value, options);
        const lines = [this.response.getHeader('Set-Cookie')].flat() as string[];
        this.response.setHeader('Set-Cookie', [...lines.slice(0, -1), `${lines.at(-1)}; Max-Age=7`]);
        return this;
      }
    }
    const owning: Koa.Middleware = (ctx, next) => {
      ctx.cookies.set('koa.sidekick', 'v', { signed: false, maxAge: HOUR });
      if (ctx.query['own']) ctx.cookies = new Own(ctx.req, ctx.res);
      return next();
    };
    const site = await closedAfterTest(openSite({ use: [owning, session()] }));
    const counts = async (path: string) =>
      (await site.visitor().get(path)).setCookie.map((line) => line.match(/max-age/gi)?.length ?? 0);
    expect([await counts('/put?a=1'), await counts('/put?own=1')]).toEqual([
      [0, 1, 1],
      [0, 1, 1],
    ]);
  });

  describe('lets a visitor whose clock is two hours fast keep a session of one hour', () => {
    const put: Koa.Middleware = (ctx) => {
      ctx.session = { user: 'ann' };
      ctx.body = 'done';
    };
    const kept = async (use: (app: Koa) => Koa.Middleware, handler = put) => {
      const app = new KoaApp();
      app.keys = ['key'];
      app.use(use(app)).use(handler);
      const site = await closedAfterTest(serve(app));
      const { headers } = await fetch(site.url);
      pass(2 * HOUR);
      const jar = new CookieJar();
      for (const line of headers.getSetCookie()) await jar.setCookie(line, site.url);
      return (await jar.getCookies(site.url)).map(({ key }) => key);
    };

    it.each<[string, string[], (app: Koa) => Koa.Middleware]>([
      ['koa-evented-session', ['koa.sid', 'koa.sid.sig'], () => session({ cookie: { maxAge: HOUR } })],
      [
        'koa-evented-session/cookie',
        ['koa.sid'],
        () => session({ store: cookieStore({ keys: [randomBytes(64)] }), cookie: { maxAge: HOUR } }),
      ],
      ['koa-evented-session/koa-session', ['koa.sess', 'koa.sess.sig'], (app) => koaSession({ maxAge: HOUR }, app)],
      ['koa-evented-session/koa-session-minimal', ['koa:sess'], () => minimal({ cookie: { maxAge: HOUR } })],
    ])('%s', async (_entry, names, use) => {
      expect(await kept(use)).toEqual(names);
    });

    it('which a cookie without Max-Age does not', async () => {
      const plain: Koa.Middleware = (ctx) => {
        ctx.cookies.set('plain', 'v', { signed: false, maxAge: HOUR });
        ctx.body = 'done';
      };
      expect(await kept(() => (_ctx, next) => next(), plain)).toEqual([]);
    });
  });
});
