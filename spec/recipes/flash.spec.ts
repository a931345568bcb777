import type Koa from 'koa';
import session from '../../lib/main';
import { RedisStore } from '../../lib/redis';
import { codeBlocks } from '../helpers/docs/markdown';
import { recipe } from '../helpers/docs/recipe';
import { type Browser, browser } from '../helpers/http/serve';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { closedAfterTest } from '../helpers/sites/open-sites';
import { openSite } from '../helpers/sites/session-site';
import { interop } from '../interop';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const things = Array.from({ length: 8 }, (_, index) => `thing ${index}`);
const saved = (names: readonly string[]) => names.map((name) => `${name} saved`);

/** Lets requests read, but not write, so that all of them have read before the first one writes. */
const holdWrites = () => redis.command('CLIENT PAUSE 150 WRITE');

describe('docs/recipes/flash.md', () => {
  describe('by hand', () => {
    const program = recipe('flash', 'sessionHandler.update');
    let visitor: Browser;
    beforeAll(async () => {
      visitor = browser(await program.start({ REDIS_URL: redis.url }));
    });
    afterAll(() => program.end());
    const save = (what: string) => visitor.post(`/save/${what}`);
    const shown = async () => (await visitor.get('/')).json<string[]>();

    it('stores nothing for a visitor without messages, and shows a message once', async () => {
      expect([(await visitor.get('/')).setCookie, await redis.command('DBSIZE')]).toEqual([[], '0']);
      await save('address');
      expect([await shown(), await shown(), await redis.command('DBSIZE')]).toEqual([['address saved'], [], '1']);
    });

    it('loses no message of parallel requests', async () => {
      await save('first');
      await holdWrites();
      await Promise.all(things.map(save));
      expect((await shown()).sort()).toEqual(saved(['first', ...things]));
    });

    it('shows a message once if several pages are opened at once', async () => {
      await save('address');
      await holdWrites();
      const pages = await Promise.all(things.map(shown));
      expect(pages.flat()).toEqual(['address saved']);
    });
  });
});

describe('docs/recipes/flash.md: the five lines', () => {
  interface Lines {
    flash(ctx: Koa.Context, message: string): Promise<void>;
    messages(ctx: Koa.Context): Promise<string[]>;
  }
  const [lines = ''] =
    /\/\*\* Adds[\s\S]*?(?=const router)/.exec(codeBlocks('docs/recipes/flash.md')[1]?.code ?? '') ?? [];

  it.each([
    ['', lines, {}],
    [' with `defer`', lines.replace('ctx.session.flash', '(await ctx.session).flash'), { defer: true }],
  ])('keep a message that is added after a login or a logout%s', async (_how, code, options) => {
    const { flash, messages }: Lines = new Function(`${code}; return { flash, messages };`)();
    const change = async (ctx: Koa.Context) => {
      await flash(ctx, 'lost');
      await ctx.regenerateSession();
      await flash(ctx, 'bye');
    };
    const use = session(options as session.SessionOptions);
    const site = await closedAfterTest(openSite({ use, routes: { '/change': change, '/take': messages } }));
    const visitor = site.visitor();
    await visitor.get('/put?user=ann');
    await visitor.get('/change');
    expect((await visitor.get('/take')).json()).toEqual(['bye']);
    expect((await visitor.get('/see')).json()).toEqual({});
  });
});

describe('koa-better-flash', () => {
  const flash = interop('koa-better-flash') as () => Koa.Middleware;
  type Flashing = Koa.Context & { flash(type: string, message?: string): string[] };

  async function open() {
    const store = new RedisStore({ url: redis.url });
    const routes = {
      '/add': (ctx: Koa.Context) => void (ctx as Flashing).flash('info', String(ctx.query['what'])),
      '/take': (ctx: Koa.Context) => (ctx as Flashing).flash('info'),
    };
    const sessions = session({ store, prefix: 'better:' });
    const site = await closedAfterTest(openSite({ use: [sessions, flash()], routes }));
    return { site, close: () => store.close() };
  }

  const program = recipe('flash', "require('koa-better-flash')");

  it('shows a message once, and stores nothing for a visitor without one', async () => {
    const visitor = browser(await program.start());
    expect((await visitor.get('/')).setCookie).toEqual([]);
    await visitor.post('/save/address');
    expect([(await visitor.get('/')).text, (await visitor.get('/')).text]).toEqual(['["address saved"]', '[]']);
  });

  it('loses a message, and shows one several times, if requests run in parallel', async () => {
    const { site, close } = await open();
    const visitor = site.visitor();
    await visitor.get('/put?cart=tea');
    await holdWrites();
    await Promise.all(things.map((what) => visitor.get(`/add?what=${what}`)));
    expect((await visitor.get('/take')).json<string[]>().length).toBeLessThan(things.length);
    await visitor.get('/add?what=once');
    await holdWrites();
    const shown = await Promise.all(things.map(async () => (await visitor.get('/take')).json<string[]>()));
    expect(shown.flat().filter((it) => it === 'once').length).toBeGreaterThan(1);
    await close();
  });

  it('makes a record for a visitor who only reads, and keeps it', async () => {
    const { site, close } = await open();
    const visitor = site.visitor();
    expect((await visitor.get('/take')).setCookie).not.toEqual([]);
    expect((await visitor.get('/see')).json()).toEqual({ flash: {} });
    await close();
  });
});
