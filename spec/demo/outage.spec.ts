import type { Page } from 'playwright-core';
import { barriers, type Chromium, picture, startChromium } from '../helpers/programs/chromium';
import { type Demo, logIn, rowsOf, startDemo } from '../helpers/programs/demo';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

let chromium: Chromium;

beforeAll(async () => {
  chromium = await startChromium();
});
afterEach(() => chromium.forget());
afterAll(() => chromium.close());

/** What the panel says that the businesses heard, the latest first. */
async function heard(page: Page): Promise<string[]> {
  const lines = await page.locator('.heard li').allInnerTexts();
  return lines.map((line) => line.replace(/\s+/g, ' ').replace(/^\d\d:\d\d:\d\d /, ''));
}

/** As the button does, without waiting for the page. */
function takeAway(page: Page, { url }: Demo, seconds: number) {
  return page.request.post(`${url}/panel/outage`, { form: { seconds, path: '/' }, maxRedirects: 0 });
}

describe('a store that is taken away, in memory', () => {
  let demo: Demo;
  let page: Page;

  beforeAll(async () => {
    demo = await startDemo();
  });
  beforeEach(async () => {
    page = await chromium.open();
    await page.goto(`${demo.url}/shop/`);
    await logIn(page, 'Ann');
  });
  afterAll(() => demo.end());

  it('for two seconds lets requests wait, without failures, and cannot be taken away twice at once, or for another time', async () => {
    await takeAway(page, demo, 60);
    expect((await page.request.get(`${demo.url}/shop/`)).status()).toBe(200);
    const begin = Date.now();
    await takeAway(page, demo, 2);
    await takeAway(page, demo, 6);
    const responses = await Promise.all(
      ['Assam', 'Hibiscus'].map((tea) =>
        page.request.post(`${demo.url}/shop/add`, { form: { id: tea.toLowerCase() } }),
      ),
    );
    expect(responses.map((response) => response.status())).toEqual([200, 200]);
    expect(Date.now() - begin).toBeGreaterThanOrEqual(1900);
    await page.goto(`${demo.url}/shop/`);
    expect(await page.getByRole('rowheader').allInnerTexts()).toEqual(['Assam', 'Hibiscus', 'Total']);
    expect(await heard(page)).toEqual(['connect shop and blog', 'disconnect shop and blog']);
    await until(async () => (await page.locator('.lane rect.ok').count()) > 4);
    expect(await page.locator('.lane rect.failed').count()).toBe(0);
  });

  it('for six seconds lets requests wait, then fail, and then work again', async () => {
    const cookies = await page.context().cookies();
    await page.getByText('live', { exact: true }).waitFor();
    const visit = await page.context().newPage();
    const taken = page.waitForResponse(`${demo.url}/panel/outage`);
    await page.getByRole('button', { name: 'For 6 seconds' }).click();
    // A visit that begins earlier could find the store.
    await taken;
    const visiting = visit.goto(`${demo.url}/shop/`);
    await page.locator('.state', { hasText: 'Requests wait.' }).waitFor();

    const response = await visiting;
    expect([response?.status(), response?.headers()['retry-after']]).toEqual([503, '5']);
    expect(await visit.getByText('you have not been logged out').isVisible()).toBe(true);
    await page.locator('.state', { hasText: 'Requests fail.' }).waitFor();
    expect(await page.getByRole('status').textContent()).toBe('The store is away. Requests fail.');
    expect(await page.locator('.timeline .head p').innerText()).toMatch(/^back in \d seconds?$/);
    expect(await page.locator('.stale').innerText()).toContain('As last seen at');
    expect((await rowsOf(page, 'shop')).map(({ who }) => who)).toContain('Ann');
    for (const each of [page, visit]) expect(await barriers(each)).toEqual([]);
    await picture(page, 'outage');

    await page.locator('.state', { hasText: 'The store is available.' }).waitFor();
    expect(await page.getByRole('status').textContent()).toBe('The store is back.');
    expect((await heard(page)).slice(0, 3)).toEqual([
      'connect shop and blog',
      'unavailable shop and blog',
      'disconnect shop and blog',
    ]);
    for (const what of ['pending', 'unavailable', 'failed', 'ok']) {
      expect([what, await page.locator(`.lane.shop rect.${what}`).count()]).not.toEqual([what, 0]);
    }
    await visit.getByRole('link', { name: 'Try again' }).click();
    await visit.getByRole('heading', { name: 'Hello, Ann' }).waitFor();
    const values = (all: typeof cookies) => all.map(({ name, value }) => [name, value]).sort();
    expect(values(await page.context().cookies())).toEqual(values(cookies));
  });
});

describe('two processes of the demo on one Redis', () => {
  let redis: RedisServer;
  let one: Demo;
  let other: Demo;
  let page: Page;

  beforeAll(async () => {
    redis = await startRedis();
    [one, other] = await Promise.all([startDemo({ REDIS_URL: redis.url }), startDemo({ REDIS_URL: redis.url })]);
  });
  beforeEach(async () => {
    page = await chromium.open();
  });
  afterAll(async () => {
    await Promise.all([one?.end(), other?.end()]);
    await redis.stop();
  });

  it('share logins, carts and logouts', async () => {
    await page.goto(`${one.url}/shop/`);
    await logIn(page, 'Ann');
    const sencha = { form: { id: 'sencha' } };
    await Promise.all(
      [one, other, one, other, one, other].map(({ url }) => page.request.post(`${url}/shop/add`, sencha)),
    );
    await page.goto(`${other.url}/shop/`);
    expect(await page.getByRole('heading', { name: 'Hello, Ann' }).isVisible()).toBe(true);
    expect(await page.getByRole('row', { name: 'Sencha 6' }).isVisible()).toBe(true);
    expect(await page.getByText(`Kept in Redis, process ${other.pid}`).isVisible()).toBe(true);
    const [row] = await rowsOf(page, 'shop');
    expect(row).toMatchObject({ who: 'Ann', isOwn: true });

    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.goto(`${one.url}/shop/`);
    expect(await page.getByRole('heading', { name: 'Log in' }).isVisible()).toBe(true);
    expect(await rowsOf(page, 'shop')).toEqual([]);
  });

  it('list what is under their prefixes, and nothing else in Redis', async () => {
    await redis.command(`SET other:sess:1 '${JSON.stringify({ user: 'Zoe' })}'`);
    await redis.command('SET blog:sess:junk nonsense');
    await page.goto(`${one.url}/blog/`);
    await logIn(page, 'Bea');
    expect((await rowsOf(page, 'blog')).map(({ who }) => who)).toEqual(['Bea']);
    expect(await page.content()).not.toContain('Zoe');
  });

  it('lose the store separately', async () => {
    await page.goto(`${one.url}/blog/`);
    await logIn(page, 'Cleo');
    await page.getByText('live', { exact: true }).waitFor();
    // Requests wait for two seconds, but not for six: `npm run test:long` takes the time.
    const isLong = process.env['LONG'] !== undefined;
    await takeAway(page, one, isLong ? 6 : 2);
    const [here, there] = await Promise.all([one, other].map(({ url }) => page.request.get(`${url}/blog/`)));
    expect([here?.status(), there?.status()]).toEqual([isLong ? 503 : 200, 200]);
    await page.locator('.state', { hasText: 'The store is available.' }).waitFor();
    expect(await heard(page)).toEqual([
      'connect shop and blog',
      ...(isLong ? ['unavailable shop and blog'] : []),
      'disconnect shop and blog',
      'connect shop and blog',
    ]);
    await page.reload();
    expect(await page.getByRole('heading', { name: 'Hello, Cleo' }).isVisible()).toBe(true);
    // Those of the page and those that the demo sends itself.
    await until(async () => (await page.locator('.lane rect.ok').count()) > 4);
    expect((await page.locator('.lane rect.failed').count()) > 0).toBe(isLong);
    await page.goto(`${other.url}/blog/`);
    expect(await heard(page)).toEqual(['connect shop and blog']);
  });
});
