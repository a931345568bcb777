import Koa from 'koa';
import session, { MemoryStore, type SessionOptions } from '../../lib/main';
import { promiseCounter } from '../helpers/costs/promise-counter';
import { browser, type Served, serve } from '../helpers/http/serve';

let serving: Served | undefined;
afterEach(() => serving?.close());

/** Asks a site whose every answer is the number of promises that it took. */
async function countingSite(options: SessionOptions) {
  const app = new Koa();
  app.keys = ['key'];
  const counter = promiseCounter();
  app.use(async (ctx, next) => {
    counter.begin();
    await next();
    ctx.body = String(counter.end());
  });
  app.use(session({ store: new MemoryStore(), ...options }));
  app.use(async (ctx) => {
    const held = ctx.path === '/pass' ? undefined : ctx.session;
    if (ctx.path === '/write') Object.assign(held as object, { at: performance.now() });
  });
  serving = await serve(app);
  const visitor = browser(serving.url);
  return async (path: string) => Number((await visitor.get(path)).text);
}

describe('Finding out at the end of a request that its session is unchanged', () => {
  it('creates no promise', async () => {
    const taken = await countingSite({});
    await taken('/write');
    const passing = await taken('/pass');
    expect(await taken('/read')).toBe(passing);
    expect(await taken('/write')).toBeGreaterThan(passing);
  });

  it('creates none for a visitor without a session', async () => {
    const taken = await countingSite({});
    const passing = await taken('/pass');
    expect(await taken('/read')).toBe(passing);
  });

  it('creates none if the record has time left', async () => {
    const taken = await countingSite({ renew: 0.5 });
    await taken('/write');
    const passing = await taken('/pass');
    expect(await taken('/read')).toBe(passing);
  });
});
