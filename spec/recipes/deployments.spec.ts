import Koa from 'koa';
import { CookieJar } from 'tough-cookie';
import session, { MemoryStore } from '../../lib/main';
import { codeBlocks } from '../helpers/docs/markdown';
import { recipe } from '../helpers/docs/recipe';
import { browser, type Served, serve } from '../helpers/http/serve';
import { type NodeProgram, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { fakeDate, pass } from '../helpers/time/fake-date';
import { until } from '../helpers/time/until';

const isLong = process.env['LONG'] === '1';
const [first, second] = ['the first secret of the specs', 'the second secret of the specs'];

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('The program of the page', () => {
  const program = recipe('deployments', 'SESSION_SECRETS');
  const start = (env: Record<string, string> = {}) =>
    program.start({ REDIS_URL: redis.url, SESSION_SECRETS: first, DRAIN_MS: '0', ...env });
  const ready = async (url: string) => {
    const { status, text } = await browser(url).get('/ready');
    return `${status} ${text}`;
  };

  it('is ready once it has reached Redis, and not without it; it is alive throughout', async () => {
    const url = await start();
    await until(async () => (await ready(url)) === '200 available');
    await redis.kill();
    await until(async () => (await ready(url)).startsWith('503'));
    expect((await browser(url).get('/live')).text).toBe('alive');
    await redis.restart();
    await until(async () => (await ready(url)) === '200 available');
  });

  it('serves visitors while it leaves, tells them to go elsewhere, and ends in order', async () => {
    // Long enough for two requests on a busy machine.
    const url = await start({ DRAIN_MS: '1000' });
    const visitor = browser(url);
    await visitor.get('/');
    const ended = program.program.end('SIGTERM');
    await until(async () => (await ready(url)) === '503 leaving');
    const { text, headers } = await visitor.get('/');
    expect([text, headers.get('connection')]).toEqual(['views: 2', 'close']);
    expect(await ended).toBe(0);
  });

  it('completes a request that is running, and stores what it has changed', async () => {
    const url = await start();
    const visitor = browser(url);
    await visitor.get('/');
    await redis.kill('SIGSTOP');
    const running = visitor.get('/');
    // The second answer shows that the process has read what was sent before the first one.
    for (let n = 0; n < 2; n += 1) await browser(url).get('/live');
    const ended = program.program.end('SIGTERM');
    await until(() => refuses(url));
    await redis.kill('SIGCONT');
    expect((await running).text).toBe('views: 2');
    expect(await ended).toBe(0);
    expect((await browser(await start(), visitor.jar).get('/')).text).toBe('views: 3');
  });
});

const refuses = (url: string) =>
  browser(url)
    .get('/live')
    .then(
      () => false,
      () => true,
    );

describe('A rolling restart', () => {
  const [count, visitors] = isLong ? [3, 24] : [1, 6];
  const oldVersion = String(codeBlocks('docs/recipes/deployments.md').find(({ code }) => /SIGTERM/.test(code))?.code);
  const newVersion = oldVersion.replace('ctx.session.views =', 'ctx.session.cart ??= [];\n  ctx.session.views =');
  const running: NodeProgram[] = [];
  afterAll(() => Promise.all(running.map((program) => program.end())));

  async function start(code: string): Promise<{ url: string; program: NodeProgram }> {
    const env = { REDIS_URL: redis.url, SESSION_SECRETS: first, DRAIN_MS: '100' };
    const program = await startNode(['--require', './spec/helpers/programs/free-port.js', '--eval', code], env);
    running.push(program);
    const [url] = await program.says(/^http:\S+$/m);
    await until(async () => (await fetch(`${url}/ready`)).status === 200);
    return { url, program };
  }

  it(`from one version to the next fails no request and loses no session: ${count} of each, ${visitors} visitors`, async () => {
    let serving = await Promise.all(Array.from({ length: count }, () => start(oldVersion)));
    const wrong: string[] = [];
    let isOver = false;
    let answered = 0;
    const visit = async (turn: number) => {
      const jar = new CookieJar();
      for (let views = 1; !isOver; views += 1) {
        const { url } = serving[(turn + views) % serving.length] as { url: string };
        const reply = await browser(url, jar)
          .get('/')
          .catch((error: Error) => ({ status: 0, text: String(error.cause ?? error) }));
        if (reply.status !== 200 || reply.text !== `views: ${views}`)
          wrong.push(`${reply.status} ${reply.text}: ${views}`);
        answered += 1;
      }
    };
    const visits = Array.from({ length: visitors }, (_, turn) => visit(turn));
    for (const leaving of serving) {
      serving = [...serving, await start(newVersion)];
      const before = answered;
      await until(() => answered > before + 5 * visitors);
      serving = serving.filter((each) => each !== leaving);
      expect(await leaving.program.end('SIGTERM')).toBe(0);
    }
    isOver = true;
    await Promise.all(visits);
    expect([wrong, answered > 10 * visitors]).toEqual([[], true]);
  });
});

describe('Two versions at once', () => {
  const serving: Served[] = [];
  afterEach(async () => {
    jest.useRealTimers();
    await Promise.all(serving.splice(0).map((each) => each.close()));
  });

  const counts: Koa.Middleware = (ctx) => {
    const visitor = ctx.session as session.Session;
    visitor['views'] = Number(visitor['views'] ?? 0) + 1;
    ctx.body = visitor;
  };
  const reads: Koa.Middleware = (ctx) => {
    ctx.body = `${(ctx.session as session.Session)['views'] ?? 'none'}`;
  };

  /** Opens an application; the returned function visits it. */
  async function open(store: MemoryStore, options: session.SessionOptions = {}, keys = [first], handler = counts) {
    const app = new Koa();
    app.keys = keys;
    app.use(session({ store, ...options })).use(handler);
    const served = await serve(app);
    serving.push(served);
    return async (jar: CookieJar) => (await browser(served.url, jar).get('/')).text;
  }
  const viewsIn = async (text: Promise<string>) => Number(JSON.parse(await text).views);

  it('leave each other’s fields', async () => {
    const store = new MemoryStore();
    const jar = new CookieJar();
    const older = await open(store);
    const newer = await open(store, {}, [first], (ctx) => {
      const visitor = ctx.session as session.Session;
      visitor['cart'] ??= ['tea'];
      ctx.body = visitor['cart'];
    });
    await older(jar);
    await newer(jar);
    expect(JSON.parse(await older(jar))).toMatchObject({ views: 2, cart: ['tea'] });
    expect(JSON.parse(await newer(jar))).toEqual(['tea']);
  });

  it.each([
    ['without the option', {}, { seen: 'none', written: 1, next: 4 }],
    ['with a late `after`', { renewId: { after: 365 * 24 * 60 * 60 * 1000 } }, { seen: '3', written: 4, next: 5 }],
  ])('and renewId: a process %s meets an id that was just renewed', async (_how, options, { seen, written, next }) => {
    fakeDate();
    const store = new MemoryStore();
    const older = await open(store, options);
    const olderReads = await open(store, options, [first], reads);
    const newer = await open(store, { renewId: { after: 60_000 } });
    const jar = new CookieJar();
    expect([await viewsIn(older(jar)), await viewsIn(newer(jar))]).toEqual([1, 2]);
    pass(120_000);
    const before = await jar.clone();
    expect(await viewsIn(newer(jar))).toBe(3);
    expect(await olderReads(await before.clone())).toBe(seen);
    expect(await viewsIn(older(before))).toBe(written);
    expect(await viewsIn(newer(jar))).toBe(next);
  });

  describe('and app.keys:', () => {
    /** Visits all applications in turn, twice. */
    const viewsOf = async (visits: ((jar: CookieJar) => Promise<string>)[], jar = new CookieJar()) => {
      const views: number[] = [];
      for (const visit of [...visits, ...visits]) views.push(await viewsIn(visit(jar)));
      return views;
    };

    it('nobody is logged out by the three steps', async () => {
      const store = new MemoryStore();
      const steps = [[first], [first, second], [second, first], [second]];
      const [before, one, two, three] = await Promise.all(steps.map((keys) => open(store, {}, keys)));
      for (const pair of [
        [before, one],
        [one, two],
        [two, three],
      ] as const) {
        for (const visits of [pair, [...pair].reverse()]) {
          // The second step has signed the cookie again.
          const jar = new CookieJar();
          if (pair[1] === three) await two?.(jar);
          const views = await viewsOf(visits as ((jar: CookieJar) => Promise<string>)[], jar);
          expect(views).toEqual(pair[1] === three ? [2, 3, 4, 5] : [1, 2, 3, 4]);
        }
      }
    });

    it('a request that loads the session signs the cookie again', async () => {
      const store = new MemoryStore();
      const jar = new CookieJar();
      await (await open(store))(jar);
      const late = await jar.clone();
      await (await open(store, {}, [second, first], reads))(jar);
      const last = await open(store, {}, [second], reads);
      expect([await last(jar), await last(late)]).toEqual(['1', 'none']);
    });

    it('without the first step, a visitor loses the session', async () => {
      const store = new MemoryStore();
      const before = await open(store);
      const after = await open(store, {}, [second, first]);
      expect(await viewsOf([after, before])).toEqual([1, 1, 2, 1]);
    });
  });
});
