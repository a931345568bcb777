import Koa from 'koa';
import type { Page } from 'playwright-core';
import { type CookieOptions, MemoryStore } from '../../lib/main';
import { serve } from '../helpers/http/serve';
import { type Chromium, startChromium } from '../helpers/programs/chromium';
import { siteWith } from '../helpers/sites/open-sites';
import { dataOf, type Routes, sessionOf } from '../helpers/sites/session-site';

let chromium: Chromium;

beforeAll(async () => {
  chromium = await startChromium();
});
afterEach(() => chromium.forget());
afterAll(() => chromium.close());

const routes: Routes = {
  '/shop/put': async (ctx) => {
    Object.assign(await sessionOf(ctx), ctx.query);
  },
  '/shop/see': async (ctx) => dataOf(await ctx.session),
  '/shop/login': async (ctx) => {
    await ctx.regenerateSession();
    Object.assign(await sessionOf(ctx), { user: 'ann' });
  },
  '/shop/logout': (ctx) => {
    ctx.session = null;
  },
};

/** A page of www.shop.localhost, and what gets it to a deployment: cookies know no ports. */
async function visit() {
  const store = new MemoryStore();
  const page = await chromium.open();
  let port = 0;
  return {
    page,
    deploy: async (cookie: CookieOptions) => {
      ({ port } = await siteWith({ store, cookie }, routes));
    },
    get: (path: string) => textOf(page, `http://www.shop.localhost:${port}/shop/${path}`),
    see: async () => JSON.parse(await textOf(page, `http://www.shop.localhost:${port}/shop/see`)),
  };
}

async function textOf(page: Page, url: string): Promise<string> {
  const response = await page.goto(url);
  expect(response?.status()).toBe(200);
  return response?.text() ?? '';
}

const HOST_ONLY = {};
const DOMAIN = { domain: 'shop.localhost' };
const PATH = { path: '/shop' };

describe('In Chromium, a deployment that moves the session cookie', () => {
  it.each<[string, CookieOptions, CookieOptions]>([
    ['host to domain', HOST_ONLY, DOMAIN],
    ['path to path above', PATH, HOST_ONLY],
  ])('lets visitors log in again after a logout: %s', async (_what, before, after) => {
    const ann = await visit();
    await ann.deploy(before);
    await ann.get('login');
    await ann.deploy(after);
    await ann.get('put?cart=tea');
    expect(await ann.see()).toEqual({ user: 'ann', cart: 'tea' });
    await ann.get('logout');
    expect(await ann.see()).toEqual({});
    await ann.get('put?user=ann');
    expect(await ann.see()).toEqual({ user: 'ann' });
    await ann.get('login');
    expect(await ann.see()).toEqual({ user: 'ann' });
  });
});

describe('In Chromium, another host of the domain', () => {
  it('cannot lock anybody out with a cookie that it cannot sign', async () => {
    const blog = new Koa();
    blog.use((ctx) => {
      for (const name of ['koa.sid', 'koa.sid.sig'])
        ctx.cookies.set(name, 'planted', { domain: 'shop.localhost', path: '/shop', signed: false });
      ctx.body = 'planted';
    });
    const { port, close } = await serve(blog);
    const ann = await visit();
    await ann.deploy(HOST_ONLY);
    await textOf(ann.page, `http://blog.shop.localhost:${port}/`);
    await close();
    await ann.get('login');
    expect(await ann.see()).toEqual({ user: 'ann' });
  });
});
