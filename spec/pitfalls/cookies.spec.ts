import Koa from 'koa';
import mount from 'koa-mount';

import predecessor = require('koa-generic-session');
import session = require('../../lib/main');

import { compare } from '../helpers/sites/compared-packages';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { answer, cookieHeader, openSite, sentId, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

describe('cookies that differ from what the application set', () => {
  compare(
    'a logout clears a cookie that does not exist: the one that was set stays in the browser',
    ['eager', 'defer'],
    async ({ open }) => {
      const site = await open(
        { cookie: { path: '/shop', sameSite: 'strict' } },
        {
          '/shop/in': async (ctx) => {
            (await sessionOf(ctx))['user'] = 'ann';
          },
          '/shop/out': async (ctx) => {
            await ctx.session;
            ctx.session = null;
          },
        },
      );
      const visitor = site.visitor();
      await visitor.get('/shop/in');
      const line = setCookieOf(await visitor.get('/shop/out'));
      const left = await visitor.jar.getCookieString(`${site.url}/shop`);
      return {
        path: /path=[^;]*/.exec(line ?? '')?.[0],
        sameSite: line?.includes('samesite=strict'),
        left: left !== '',
      };
    },
    {
      fault: { path: 'path=/', sameSite: false, left: true },
      right: { path: 'path=/shop', sameSite: true, left: false },
    },
  );

  compare(
    'a logout on a shared domain clears nothing',
    ['eager', 'defer'],
    async ({ open }) => {
      const site = await open({ cookie: { domain: 'shop.example' } });
      const cookie = cookieHeader(await site.visitor().get('/put?user=ann'));
      return setCookieOf(await site.visitor().get('/logout', { cookie }))?.includes('domain=shop.example');
    },
    { fault: false, right: true },
  );

  compare(
    'an assigned session never ends in the store, and its cookie has none of the options',
    ['eager', 'defer'],
    async ({ open, newClient }) => {
      const ttls: unknown[] = [];
      const client = newClient();
      for (const name of ['set', 'create'] as const) {
        const target = client as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>;
        const method = target[name];
        if (method === undefined) continue;
        target[name] = (...args) => {
          ttls.push(args[2]);
          return method.apply(client, args);
        };
      }
      const site = await open(
        { cookie: { sameSite: 'strict', maxAge: 60_000 } },
        {
          '/assign': async (ctx) => {
            await ctx.session;
            ctx.session = { user: 'ann' };
          },
        },
        { client },
      );
      const line = setCookieOf(await site.visitor().get('/assign'));
      return { ttls, sameSite: line?.includes('samesite=strict'), expires: line?.includes('expires=') };
    },
    {
      fault: { ttls: [undefined], sameSite: false, expires: false },
      right: { ttls: [60_000], sameSite: true, expires: true },
    },
  );

  compare(
    'a cookie for /admin also matches /administrator, although no browser sends it there',
    ['eager', 'defer'],
    async ({ open }) => {
      const site = await open(
        { cookie: { path: '/admin' } },
        {
          '/administrator': async (ctx) => {
            const current = await ctx.session;
            if (current) current['seen'] = true;
          },
        },
      );
      const visitor = site.visitor();
      await visitor.get('/administrator');
      await visitor.get('/administrator');
      return site.client.size;
    },
    { fault: 2, right: 0 },
  );

  compare(
    'cookie options of a new deployment never reach existing sessions',
    ['eager', 'defer'],
    async ({ open, newClient }) => {
      const client = newClient();
      const before = await open({ cookie: { sameSite: 'lax', maxAge: 60_000 } }, {}, { client });
      const set = await before.visitor().get('/put?user=ann');
      const cookie = cookieHeader(set);
      const after = await open({ cookie: { sameSite: 'strict', maxAge: 7_200_000 } }, {}, { client });
      const line = setCookieOf(await after.visitor().get('/put?more=1', { cookie })) ?? '';
      const minutes = (Date.parse(/expires=([^;]+)/.exec(line)?.[1] ?? '') - Date.now()) / 60_000;
      return { sameSite: /samesite=\w+/.exec(line)?.[0], aboutTwoHours: minutes > 100 };
    },
    {
      fault: { sameSite: 'samesite=lax', aboutTwoHours: false },
      right: { sameSite: 'samesite=strict', aboutTwoHours: true },
    },
  );

  describe('inside an application that is mounted below the path of its cookie', () => {
    async function visit(use: (options: object) => Koa.Middleware): Promise<unknown> {
      const inner = new Koa();
      inner.use(use({ store: new MapClient(), cookie: { path: '/admin' } }));
      inner.use(
        answer({
          '/users': (ctx) => {
            if (!ctx.session) return 'no session';
            Object.assign(ctx.session, { user: 'ann' });
            return 'session';
          },
        }),
      );
      const site = await closedAfterTest(openSite({ use: mount('/admin', inner) }));
      const reply = await site.visitor().get('/admin/users');
      return [reply.json(), sentId(reply) !== undefined];
    }

    it('there is no session with koa-generic-session', async () => {
      expect(await visit(predecessor)).toEqual(['no session', false]);
    });

    it('there is one here', async () => {
      expect(await visit(session)).toEqual(['session', true]);
    });
  });
});
