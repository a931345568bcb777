import type { Page } from 'playwright-core';
import { browser } from '../helpers/http/serve';
import { type Chromium, startChromium } from '../helpers/programs/chromium';
import { type Demo, logIn, rowsOf, startDemo } from '../helpers/programs/demo';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { until } from '../helpers/time/until';

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const lately = String.raw`(just now|\d+ seconds? ago)`;

let chromium: Chromium;

beforeAll(async () => {
  chromium = await startChromium();
});
afterAll(() => chromium.close());

/** On Redis too in `npm run test:long`; spec/demo/outage.spec.ts logs in, fills a cart and logs out there in any case. */
const stores = process.env['LONG'] ? ['in memory', 'in Redis'] : ['in memory'];

describe.each(stores)('visitors of the demo with its sessions %s', (where) => {
  let demo: Demo;
  let redis: RedisServer | undefined;

  beforeAll(async () => {
    if (where === 'in Redis') redis = await startRedis();
    demo = await startDemo(redis ? { REDIS_URL: redis.url } : {});
  });
  afterEach(async () => expect(await chromium.forget()).toEqual([]));
  afterAll(async () => {
    await demo.end();
    await redis?.stop();
  });

  async function open(path: string) {
    const page = await chromium.open();
    await page.goto(demo.url + path);
    return page;
  }

  /** The latest lines of the panel's log of ended sessions, without their times. */
  async function endedIn(page: Page, lines = 1) {
    const texts = await page.getByRole('list', { name: 'Sessions that have ended' }).locator('li').allInnerTexts();
    const plain = texts.map((text) => text.replace(/\s+/g, ' ').replace(/^\d\d:\d\d:\d\d /, ''));
    return plain.slice(0, lines).join(' ');
  }

  it('fill a cart, keep it when they log in under a new session id, and lose it when they log out', async () => {
    const page = await open('/shop/');
    expect(await page.getByText('Nothing yet').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Add Sencha' }).click();
    await page.getByRole('button', { name: 'Add Sencha' }).click();
    await page.getByRole('row', { name: 'Sencha 2 € 18.80' }).waitFor();
    const before = (await rowsOf(page, 'shop')).find(({ isOwn }) => isOwn);
    const idOf = async () => (await page.context().cookies()).find(({ name }) => name === 'shop.sid')?.value;
    const id = await idOf();

    await logIn(page, 'Ann <b>');
    expect(await page.getByRole('row', { name: 'Sencha 2 € 18.80' }).isVisible()).toBe(true);
    const after = (await rowsOf(page, 'shop')).find(({ isOwn }) => isOwn);
    expect([before?.who, after?.who]).toEqual(['a visitor', 'Ann <b>']);
    // The tag names the session, which goes on.
    expect(after?.tag).toBe(before?.tag);
    expect(await idOf()).not.toBe(id);

    await page.getByRole('button', { name: 'Less Sencha' }).click();
    await page.getByRole('row', { name: 'Sencha 1 € 9.40' }).waitFor();
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.getByText('Nothing yet').waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  it('do not leave a cart to the next user of the browser', async () => {
    const { get, post } = browser(demo.url);
    await post('/shop/login', 'user=Ann', form);
    await post('/shop/add', 'id=assam', form);
    expect((await get('/shop/')).text).toContain('1 in cart');
    // As a form that was left open in another tab.
    await post('/shop/login', 'user=Bob', form);
    const { text } = await get('/shop/');
    expect(text).toContain('Hello, Bob');
    expect(text).toContain('Nothing yet');
  });

  it('are strangers in the other business', async () => {
    const page = await open('/shop/');
    await logIn(page, 'Cleo');
    await page.goto(`${demo.url}/blog/`);
    expect(await page.getByRole('heading', { name: 'Log in' }).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Keep for later: Gone is gone' }).click();
    await page.getByText('Kept for later').waitFor();
    const names = (await page.context().cookies()).map(({ name, path, sameSite, httpOnly }) => [
      name,
      path,
      sameSite,
      httpOnly,
    ]);
    expect(names.sort()).toEqual(
      ['blog.sid', 'blog.sid.sig', 'shop.sid', 'shop.sid.sig'].map((name) => [
        name,
        `/${name.slice(0, 4)}`,
        'Lax',
        true,
      ]),
    );
    expect((await rowsOf(page, 'blog')).find(({ isOwn }) => isOwn)?.who).toBe('a visitor');
    await page.getByRole('button', { name: 'Remove Gone is gone' }).click();
    await page.getByText('Nothing yet').waitFor();
  });

  it('see their second browser, and end its session, which is shown there', async () => {
    const [first, second] = [await open('/shop/'), await open('/shop/')];
    await logIn(first, 'Dora');
    await logIn(second, 'Dora');
    const { tag } = (await rowsOf(second, 'shop')).find(({ isOwn }) => isOwn) ?? { tag: '' };
    await first.reload();
    expect(await first.getByText('2 browsers are logged in with this name').isVisible()).toBe(true);
    const devices = await first.locator('.browsers li').allInnerTexts();
    expect(devices.map((text) => text.replace(/\s+/g, ' ').trim()).sort()).toEqual([
      expect.stringMatching(new RegExp(`^Chrome on Linux began ${lately}, last used ${lately} End$`)),
      expect.stringMatching(new RegExp(`^Chrome on Linux this browser began ${lately}$`)),
    ]);
    await first.getByRole('button', { name: 'End the session of Chrome on Linux' }).click();
    await first.getByText('One browser is logged in with this name').waitFor();
    expect(await endedIn(first)).toBe(`session:ended Dora ${tag} logged out from another browser`);

    await second
      .locator('#ended')
      .getByText('This browser’s session has ended: logged out from another browser.')
      .waitFor();
    await second.getByRole('link', { name: 'Reload the page' }).click();
    await second.getByText('it was ended elsewhere, or it expired').waitFor();
    expect(await second.getByRole('heading', { name: 'Log in' }).isVisible()).toBe(true);
  });

  it('end all others and stay logged in', async () => {
    const [first, second] = [await open('/shop/'), await open('/shop/')];
    const [third, other] = [browser(demo.url), browser(demo.url)];
    await third.post('/shop/login', 'user=Hal', form);
    await other.post('/shop/login', 'user=Ida', form);
    for (const page of [second, first]) await logIn(page, 'Hal');
    await first.getByRole('button', { name: 'End all others' }).click();
    await first.getByText('One browser is logged in with this name').waitFor();
    expect(await first.getByRole('button', { name: 'End all others' }).count()).toBe(0);
    expect(await endedIn(first, 2)).toMatch(/^(session:ended Hal \w{6} logged out from another browser ?){2}$/);
    await second.getByText('This browser’s session has ended').first().waitFor();
    expect((await third.get('/shop/')).text).toContain('Log in');
    expect((await other.get('/shop/')).text).toContain('Hello, Ida');
  });

  it('are told at once in a second window that they have logged out in the first', async () => {
    const first = await open('/shop/');
    await logIn(first, 'Jo');
    const second = await first.context().newPage();
    await second.goto(`${demo.url}/shop/`);
    await second.getByText('Hello, Jo').waitFor();
    await first.getByRole('button', { name: 'Log out', exact: true }).click();
    await second.locator('#ended').getByText('This browser’s session has ended: logged out.').waitFor();
    expect(await endedIn(first)).toMatch(/^session:ended \w{6} logged out$/);
  });

  it('log out everywhere at once, and nobody else with them', async () => {
    const page = await open('/blog/');
    const [second, other] = [browser(demo.url), browser(demo.url)];
    await logIn(page, 'Emil');
    await second.post('/blog/login', 'user=Emil', form);
    await other.post('/blog/login', 'user=Frida', form);
    await page.getByRole('button', { name: 'Log out everywhere' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect((await second.get('/blog/')).text).toContain('Log in');
    expect((await other.get('/blog/')).text).toContain('Hello, Frida');
  });

  it('fire 24 writes at once: all keys are kept and everything that update() counts, but not a number that was read and incremented; koa-generic-session loses keys', async () => {
    const page = await open('/shop/');
    await page.getByRole('button', { name: 'Fire 24 writes' }).click();
    await page.getByText('24 fired, 24 kept').waitFor();
    await page.waitForLoadState();
    const squares = (whose: string, what: string) => page.locator(`.${whose} .squares .${what}`).count();
    expect([await squares('ours', 'kept'), await squares('ours', 'lost')]).toEqual([24, 0]);
    const cells = await page.locator('.outcome td').allTextContents();
    const [keys, theirKeys, updated, theirUpdate, naive, theirNaive] = cells;
    expect([keys, updated, theirUpdate]).toEqual(['24', '24', expect.stringContaining('has no update()')]);
    expect(Number(naive)).toBeLessThan(24);
    expect(Number(theirNaive)).toBeLessThan(24);
    // The other package gets and sets: writes that overlap overwrite each other.
    const [kept, lost] = [await squares('theirs', 'kept'), await squares('theirs', 'lost')];
    expect([kept + lost, lost > 0, String(kept)]).toEqual([24, true, theirKeys]);
    expect(await page.locator('.theirs .sum').innerText()).toContain(`24 fired, ${kept} kept, ${lost} lost`);
  });

  it('watch sessions age and grow, and never see a session id', async () => {
    const page = await open('/blog/');
    await logIn(page, 'Gus');
    const own = async () => (await rowsOf(page, 'blog')).find(({ isOwn }) => isOwn);
    const before = await own();
    await page.getByText('live', { exact: true }).waitFor();
    await until(async () => Number((await own())?.age) > Number(before?.age));
    await until(async () => Number((await own())?.left) < Number(before?.left));
    await page.getByRole('button', { name: 'Keep for later: A little patience' }).click();
    await page.getByText('Kept for later').waitFor();
    const after = await own();
    expect(after?.size).toBeGreaterThan(before?.size ?? 1);
    expect(after?.tag).toBe(before?.tag);

    const sid = (await page.context().cookies()).find(({ name }) => name === 'blog.sid')?.value ?? '';
    expect(sid).toHaveLength(24);
    expect(await page.content()).not.toContain(sid);
  });
});
