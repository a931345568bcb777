import Koa from 'koa';
import { type Served, serve } from '../helpers/http/serve';
import { type Chromium, startChromium } from '../helpers/programs/chromium';
import { faces } from '../helpers/sites/faces';
import { gate } from '../helpers/time/gate';
import { until } from '../helpers/time/until';

const form = `<!doctype html><title>form</title><link rel="icon" href="data:,"><form method="post" action="/login"><button>Log in</button></form>`;

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
  // The browser drops the first answer, since it has sent the form again.
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
