import type Koa from 'koa';
import session from '../../lib/main';
import { recipe } from '../helpers/docs/recipe';
import { type Browser, browser } from '../helpers/http/serve';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { interop } from '../interop';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('docs/recipes/csrf.md', () => {
  const program = recipe('csrf', 'new Tokens()');
  let url: string;
  let visitor: Browser;
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
    url = await program.start({ REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await program.end();
    await redis.stop();
  });
  beforeEach(() => {
    visitor = browser(url);
  });

  const tokenOf = async (path = '/') => /value="([^"]+)"/.exec((await visitor.get(path)).text)?.[1] ?? '';
  const order = (token: string, from = visitor) => from.post('/orders', `_csrf=${token}`, form);
  const logIn = async () => visitor.post('/login', `name=ann&_csrf=${await tokenOf()}`, form);

  it('refuses a form without a token, and takes it with one', async () => {
    await logIn();
    expect([(await visitor.post('/orders')).status, (await order('')).status]).toEqual([403, 403]);
    const { status, text } = await order(await tokenOf());
    expect([status, text]).toEqual([200, 'ordered for ann']);
  });

  it('refuses the token of another visitor, and a login without a token', async () => {
    const other = browser(url);
    await other.get('/');
    await logIn();
    expect((await order(await tokenOf(), other)).status).toBe(403);
    expect((await browser(url).post('/login', 'name=ann', form)).status).toBe(403);
  });

  it('refuses a token of before the login', async () => {
    const before = await tokenOf();
    expect((await logIn()).status).toBe(302);
    expect((await order(before)).status).toBe(403);
    expect([(await order(await tokenOf())).status, (await order(before)).status]).toEqual([200, 403]);
  });

  it('takes a token in a header, from a client that sends JSON', async () => {
    const { token } = (await visitor.get('/csrf')).json<{ token: string }>();
    const send = (header: string) => visitor.post('/login', { name: 'bob' }, { 'x-csrf-token': header });
    expect([(await send('')).status, (await send(token)).status]).toEqual([403, 302]);
    expect((await visitor.post('/login', { name: 'bob', _csrf: { length: 1 } })).status).toBe(403);
  });

  it('has one secret if several pages of a session are opened at once', async () => {
    await logIn();
    // They all read before the first one writes.
    await redis.command('CLIENT PAUSE 150 WRITE');
    const pages = await Promise.all(Array.from({ length: 4 }, () => tokenOf()));
    const replies = await Promise.all(pages.map((token) => order(token)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe('koa-csrf', () => {
  type CSRF = new () => Koa.Middleware;
  const Csrf = interop('koa-csrf') as CSRF;
  const { bodyParser } = interop('@koa/bodyparser') as { bodyParser(): Koa.Middleware };
  const token = (ctx: Koa.Context) => ctx.state['_csrf'] as string;

  async function open(client: MapClient, { body = true, path = '/' } = {}) {
    const routes = {
      '/token': token,
      '/login': async (ctx: Koa.Context) => {
        await ctx.regenerateSession();
        return token(ctx);
      },
      '/leave': (ctx: Koa.Context) => {
        ctx.session = null;
      },
      '/order': () => 'ordered',
    };
    const end: Koa.Middleware = (ctx, next) => {
      if (ctx.get('x-end')) ctx.session = null;
      return next();
    };
    const parser = body ? [bodyParser()] : [];
    const sessions = session({ store: client, cookie: { path } });
    return closedAfterTest(openSite({ use: [sessions, ...parser, end, new Csrf()], routes }));
  }
  const post = (visitor: Browser, path: string, _csrf?: string) => visitor.post(path, { _csrf });

  it('takes a token, and refuses one of before the login, also that of the login itself', async () => {
    const visitor = (await open(new MapClient())).visitor();
    const before = (await visitor.get('/token')).json<string>();
    expect([(await post(visitor, '/order')).status, (await post(visitor, '/order', before)).status]).toEqual([
      403, 200,
    ]);
    const ofLogin = (await post(visitor, '/login', before)).json<string>();
    const after = (await visitor.get('/token')).json<string>();
    const statuses = [before, ofLogin, after].map(async (it) => (await post(visitor, '/order', it)).status);
    expect(await Promise.all(statuses)).toEqual([403, 403, 200]);
  });

  it('stores a record for every visitor', async () => {
    const client = new MapClient();
    const site = await open(client);
    for (const visitor of [site.visitor(), site.visitor()]) await visitor.get('/order');
    expect(client.size).toBe(2);
  });

  it('checks nothing without a session', async () => {
    const outside = (await open(new MapClient(), { path: '/shop' })).visitor();
    expect((await post(outside, '/order')).status).toBe(200);
    const inside = (await open(new MapClient())).visitor();
    expect((await inside.post('/order', {}, { 'x-end': 'yes' })).status).toBe(200);
  });

  it('fails without a body parser', async () => {
    const visitor = (await open(new MapClient(), { body: false })).visitor();
    expect((await post(visitor, '/order')).status).toBe(500);
  });
});
