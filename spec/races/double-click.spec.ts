import Koa from 'koa';
import koaSession from '../../lib/koa-session';
import koaSessionMinimal from '../../lib/koa-session-minimal';
import session, { MemoryStore } from '../../lib/main';
import { type Served, serve } from '../helpers/http/serve';
import { type Chromium, startChromium } from '../helpers/programs/chromium';
import { MapClient } from '../helpers/stores/map-client';
import { gate } from '../helpers/time/gate';
import { until } from '../helpers/time/until';

const form = `<!doctype html><title>form</title><link rel="icon" href="data:,"><form method="post" action="/login"><button>Log in</button></form>`;

/** What a handler of each face does with its session; to all of them `ctx.session` is an object or a promise of one. */
interface Face {
  use(app: Koa): Koa.Middleware;
  login(ctx: Koa.Context): Promise<unknown>;
}

const regenerateSession = (ctx: Koa.Context) => ctx.regenerateSession();

const faces: Record<string, Face> = {
  'the main entry': { use: () => session({ store: new MemoryStore() }), login: regenerateSession },
  'the main entry, on a store that only gets and sets': {
    use: () => session({ store: new MapClient() }),
    login: regenerateSession,
  },
  defer: { use: () => session({ store: new MemoryStore(), defer: true }), login: regenerateSession },
  '/koa-session': {
    use: (app) => koaSession({ store: recordsOf() }, app) as unknown as Koa.Middleware,
    login: async (ctx) => (ctx.session as unknown as { regenerate(): Promise<void> }).regenerate(),
  },
  '/koa-session-minimal': {
    use: () => koaSessionMinimal() as unknown as Koa.Middleware,
    login: async (ctx) => ctx.sessionHandler.regenerateId(),
  },
};

/** A store of koa-session's kind. */
function recordsOf() {
  const records = new Map<string, unknown>();
  return {
    get: (key: string) => records.get(key),
    set: (key: string, record: object) => void records.set(key, record),
    destroy: (key: string) => void records.delete(key),
  };
}

let chromium: Chromium;
let site: Served | undefined;
beforeAll(async () => {
  chromium = await startChromium();
});
afterEach(async () => {
  await chromium.forget();
  await site?.close();
});
afterAll(() => chromium.close());

it.each(Object.entries(faces))('a double click on "Log in" logs in: %s', async (_name, face) => {
  const app = new Koa();
  app.keys = ['secret'];
  const second = gate();
  let logins = 0;
  // The browser drops the first answer, since it has sent the form once more by then.
  app.use(async (ctx, next) => {
    await next();
    if (ctx.path !== '/login') return;
    logins += 1;
    if (logins === 1) await second.opened;
    else second.open();
  });
  app.use(face.use(app)).use(async (ctx) => {
    if (ctx.path === '/login') await face.login(ctx);
    const held = (await ctx.session) as unknown as Record<string, unknown>;
    if (ctx.path === '/login') held['user'] = 'ann';
    else if (ctx.path === '/') held['visited'] = true;
    ctx.type = 'html';
    ctx.body = ctx.path === '/' ? form : `<!doctype html><title>page</title><p>user: ${held['user']}</p>`;
  });
  site = await serve(app);
  const page = await chromium.open();
  await page.goto(site.url);
  // Chromium sends nothing of a click that another one follows within the same moment.
  const { x, y } = (await page.getByRole('button').boundingBox()) as { x: number; y: number };
  const click = () => page.mouse.click(x + 5, y + 5);
  await click();
  await until(() => logins === 1);
  await click();
  await page.getByText('user: ann').waitFor();
  await page.goto(`${site.url}/see`);
  expect(await page.getByText('user:').innerText()).toBe('user: ann');
  expect(logins).toBe(2);
});
