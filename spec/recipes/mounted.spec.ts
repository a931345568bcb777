import Keygrip from 'keygrip';
import Koa from 'koa';
import mount from 'koa-mount';
import session, { MemoryStore } from '../../lib/main';
import { recipe } from '../helpers/docs/recipe';
import { type Browser, browser, type Served, serve } from '../helpers/http/serve';
import { heardWarnings } from '../helpers/programs/process-warnings';

const secret = (name: string) => `the secret of the ${name} application, long enough`;

const serving: Served[] = [];
afterEach(() => Promise.all(serving.splice(0).map((served) => served.close())));

async function open(app: Koa): Promise<Browser> {
  const served = await serve(app);
  serving.push(served);
  return browser(served.url);
}

/** An application, and what it has emitted. */
function application(...keys: string[]) {
  const app = Object.assign(new Koa(), { silent: true });
  if (keys.length > 0) app.keys = keys;
  const heard: string[] = [];
  app.on('session:created', ({ ctx }: session.SessionEvent) => heard.push(`created below ${ctx?.['mountPath']}`));
  app.on('error', ({ message }: Error) => heard.push(message));
  return { app, heard };
}

const count: Koa.Middleware = (ctx) => {
  const { session } = ctx;
  if (session) session['views'] = Number(session['views'] ?? 0) + 1;
  ctx.body = [ctx.path, session?.['views']];
};
const counting = (name: string, options: session.SessionOptions = {}) =>
  new Koa().use(session({ key: `${name}.sid`, prefix: `${name}:sess:`, ...options })).use(count);

describe('docs/recipes/mounted.md: the outer application', () => {
  it('has the keys that count', async () => {
    const [outer, inner] = [application(secret('outer')), application(secret('inner'))];
    inner.app.use(session()).use(count);
    outer.app.use(mount('/shop', inner.app));
    const visitor = await open(outer.app);
    await visitor.get('/shop');
    expect((await visitor.get('/shop')).json()).toEqual(['/', 2]);
    outer.app.keys = [secret('other')];
    expect((await visitor.get('/shop')).json()).toEqual(['/', 1]);
  });

  it('needs keys, even if the inner one has some, and emits the error', async () => {
    const [outer, inner] = [application(), application(secret('inner'))];
    inner.app.use(session()).use(count);
    outer.app.use(mount('/shop', inner.app));
    expect((await (await open(outer.app)).get('/shop')).status).toBe(500);
    expect([outer.heard, inner.heard]).toEqual([[expect.stringContaining('keys')], []]);
  });

  it('decides by `proxy` whether the connection is secure', async () => {
    const status = async (outer: boolean, inner: boolean) => {
      const [{ app }, { app: shop }] = [application(secret('outer')), application()];
      [app.proxy, shop.proxy] = [outer, inner];
      app.use(mount('/shop', shop.use(session({ cookie: { secure: true } })).use(count)));
      return (await (await open(app)).get('/shop', { 'x-forwarded-proto': 'https' })).status;
    };
    expect([await status(true, false), await status(false, true)]).toEqual([200, 500]);
  });

  it('emits the events of all sessions, with the place of each', async () => {
    const [outer, inner] = [application(secret('outer')), application()];
    inner.app.use(session({ cookie: { path: '/shop' } })).use(count);
    outer.app.use(mount('/shop', inner.app)).use(mount('/blog', counting('blog')));
    const visitor = await open(outer.app);
    for (const path of ['/shop/cart', '/blog']) await visitor.get(path);
    expect([outer.heard, inner.heard]).toEqual([['created below /shop', 'created below /blog'], []]);
  });

  it('is the one to give as the option `app`', async () => {
    for (const [given, views] of [
      ['outer', 1],
      ['inner', undefined],
    ] as const) {
      const apps = { outer: new Koa(), inner: new Koa() };
      apps.outer.keys = [secret('outer')];
      apps.inner.keys = [secret('inner')];
      const sessions = session({ app: apps[given] });
      let read: Promise<unknown> | undefined;
      apps.inner.use((ctx, next) => {
        if (ctx.get('x-read')) read = sessions.read(ctx.req);
        return next();
      });
      apps.outer.use(mount('/shop', apps.inner.use(sessions).use(count)));
      const visitor = await open(apps.outer);
      await visitor.get('/shop');
      await visitor.get('/shop', { 'x-read': 'yes' });
      expect([given, ((await read) as { views?: number } | null)?.views]).toEqual([given, views]);
    }
  });

  it('has the path that `cookie.path` is compared with', async () => {
    const { app } = application(secret('outer'));
    app.use(mount('/shop', counting('shop', { cookie: { path: '/shop' } })));
    app.use(mount('/blog', counting('blog', { cookie: { path: '/news' } })));
    const visitor = await open(app);
    await visitor.get('/shop/news');
    expect((await visitor.get('/shop/news')).json()).toEqual(['/news', 2]);
    expect((await visitor.get('/blog/news')).json()).toEqual(['/news', null]);
  });
});

describe('docs/recipes/mounted.md: two session middlewares', () => {
  const warnings = heardWarnings();

  it('lose a session at each change if both have one name', async () => {
    const { app } = application(secret('outer'));
    const store = new MemoryStore();
    for (const name of ['shop', 'blog']) app.use(mount(`/${name}`, counting(name, { key: 'koa.sid', store })));
    const visitor = await open(app);
    const seen: unknown[] = [];
    for (const path of ['/shop', '/shop', '/blog', '/shop']) seen.push((await visitor.get(path)).json<unknown[]>()[1]);
    expect(seen).toEqual([1, 2, 1, 1]);
  });

  it('are one if the first has the request, with a warning', async () => {
    const { app } = application(secret('outer'));
    app.use(session({ key: 'outer.sid' })).use(mount('/shop', counting('shop')));
    const { setCookie } = await (await open(app)).get('/shop');
    expect(setCookie.map((line) => line.split('=')[0])).toEqual(['outer.sid', 'outer.sid.sig']);
    expect(warnings.map(([code]) => code)).toEqual(['KOA_EVENTED_SESSION_IGNORED']);
  });

  it('both work if the path of the first leaves the second out', async () => {
    const { app } = application(secret('outer'));
    app.use(session({ key: 'outer.sid', cookie: { path: '/account' } }));
    app.use(mount('/shop', counting('shop'))).use(mount('/account', new Koa().use(count)));
    const visitor = await open(app);
    const cookies = async (path: string) => (await visitor.get(path)).setCookie.map((line) => line.split('=')[0]);
    expect([await cookies('/shop'), await cookies('/account')]).toEqual([
      ['shop.sid', 'shop.sid.sig'],
      ['outer.sid', 'outer.sid.sig'],
    ]);
  });
});

describe('docs/recipes/mounted.md: an inner application with its own keys', () => {
  const program = recipe('mounted', 'createServer(');

  it('signs with these', async () => {
    const secrets = { shop: secret('shop'), blog: secret('blog') };
    const url = await program.start({ SESSION_SECRET: secrets.shop, BLOG_SECRET: secrets.blog });
    const signers: string[][] = [];
    for (const name of ['shop', 'blog'] as const) {
      const { text, setCookie } = await browser(url).get(`/${name}`);
      expect(text).toBe(`/${name}: 1`);
      const [id = '', signature = ''] = setCookie.map((line) => /=([^;]*)/.exec(line)?.[1] ?? '');
      const isBy = (key: string) => new Keygrip([key]).verify(`${name}.sid=${id}`, signature);
      signers.push(Object.entries(secrets).flatMap(([whose, key]) => (isBy(key) ? [whose] : [])));
    }
    expect(signers).toEqual([['shop'], ['blog']]);
  });
});
