import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { browser } from '../helpers/http/serve';
import { barriers, type Chromium, picture, startChromium } from '../helpers/programs/chromium';
import { type Demo, logIn, startDemo } from '../helpers/programs/demo';
import { root } from '../helpers/programs/node-program';

describe('pages of the demo', () => {
  let chromium: Chromium;
  let demo: Demo;

  beforeAll(async () => {
    [chromium, demo] = await Promise.all([startChromium(), startDemo()]);
  });
  afterEach(async () => expect(await chromium.forget()).toEqual([]));
  afterAll(async () => {
    await chromium.close();
    await demo.end();
  });

  /** With all that a page can have on it. */
  async function fill(page: Page, business: 'shop' | 'blog') {
    const post = (path: string, form = {}) =>
      page.request.post(`${demo.url}/${business}/${path}`, { form, maxRedirects: 0 });
    for (const id of business === 'shop' ? ['sencha', 'hibiscus'] : ['gone-is-gone']) await post('add', { id });
    await post('login', { user: 'Ann' });
    await post('writes');
    await page.goto(`${demo.url}/${business}/`);
    await page.getByText('live', { exact: true }).waitFor();
  }

  /** A second browser of the user of `fill`, so that the account page has all its buttons, and one that was ended. */
  async function logInElsewhere(business: 'shop' | 'blog') {
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'Firefox on an iPhone' };
    const [one, other] = [browser(demo.url), browser(demo.url)];
    for (const each of [one, other]) await each.post(`/${business}/login`, 'user=Ann', form);
    await one.post(`/${business}/sessions/end-others`, '', form);
    await other.post(`/${business}/login`, 'user=Ann', form);
  }

  /** Nothing but the colours differs in the dark: `npm run test:long` looks at them. */
  const schemes = process.env['LONG'] ? (['light', 'dark'] as const) : (['light'] as const);

  it.each(schemes)('have no barriers that axe knows of, in %s colours', async (colorScheme) => {
    const page = await chromium.open({ colorScheme, reducedMotion: 'reduce' });
    const about = colorScheme === 'light' ? 'everything' : 'colours';
    await page.goto(demo.url);
    expect(await barriers(page, about)).toEqual([]);
    await picture(page, `overview-${colorScheme}`);
    for (const business of ['shop', 'blog'] as const) {
      await page.goto(`${demo.url}/${business}/`);
      if (business === 'shop' || process.env['LONG']) expect(await barriers(page, about)).toEqual([]);
      await logInElsewhere(business);
      await fill(page, business);
      expect(await barriers(page, about)).toEqual([]);
      await picture(page, `${business}-${colorScheme}`);
    }
    for (const path of process.env['LONG'] ? ['/nothing', '/docs/outages.md', '/README.md'] : []) {
      await page.goto(demo.url + path);
      expect(await barriers(page, about)).toEqual([]);
    }
    // The browser complains of the page that is missing.
    chromium.complaints();
    await page.goto(`${demo.url}/shop/`);
    await page.request.post(`${demo.url}/shop/logout`);
    const [paper, ink] = await page.evaluate<[string, string]>(
      `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]`,
    );
    expect(brightness(paper) > brightness(ink)).toBe(colorScheme === 'light');
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.bar rect')).transitionDuration`)).toBe('0s');
  });

  it('show the lines that make the sessions, as the demo runs them', async () => {
    const page = await chromium.open();
    await page.goto(demo.url);
    const shown = await page.locator('.made pre').innerText();
    expect(readFileSync(join(root, 'demo/sessions.js'), 'utf8')).toContain(`\n${shown}\n`);
    expect(shown.split('\n')).toHaveLength(10);
    expect(await page.locator('.made').evaluate(bottomOf)).toBeLessThan(900);
  });

  it('lead to the pages of the docs that explain them, in the demo itself', async () => {
    const page = await chromium.open();
    await page.goto(`${demo.url}/shop/`);
    const links = page.locator('.explained a');
    const addresses = await links.evaluateAll(inBrowser<string[]>('return it.map((link) => link.pathname)'));
    expect(addresses).toEqual(expect.arrayContaining(['/docs/outages.md', '/docs/races.md', '/docs/prefixes.md']));
    const titles = addresses.map((address) => /^# (.+)$/m.exec(readFileSync(join(root, address), 'utf8'))?.[1]);
    for (const [index, address] of addresses.entries()) {
      expect(await (await page.request.get(demo.url + address)).text()).toContain(`>${titles[index]}</h1>`);
    }
    await links.first().click();
    await page.getByRole('heading', { level: 1, name: String(titles[0]) }).waitFor();
    for (const elsewhere of ['/docs/../package.json', '/docs/%2e%2e/package.json', '/docs/nothing.md']) {
      expect((await page.request.get(demo.url + elsewhere)).status()).toBe(404);
    }
  });

  it('do not jump if a tea is added, and count each click', async () => {
    const page = await chromium.open({ viewport: { width: 1000, height: 500 } });
    await page.goto(`${demo.url}/shop/`);
    await page.getByText('live', { exact: true }).waitFor();
    const button = page.getByRole('button', { name: 'Add Hibiscus' });
    await button.evaluate(inBrowser(`it.scrollIntoView({ block: 'center' })`));
    const place = () => page.evaluate('scrollY');
    const before = await place();
    // Before the first answer is there: the visitor has no session yet.
    await page.evaluate(`(() => {
      const button = document.querySelector('#thing-hibiscus button');
      button.focus();
      for (let clicks = 0; clicks < 3; clicks += 1) button.click();
    })()`);
    await page.getByText('3 in cart').waitFor();
    expect(Number(before)).toBeGreaterThan(100);
    expect(await place()).toBe(before);
    expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Add Hibiscus to the cart');
    expect(await page.getByRole('status').textContent()).toBe('In your cart: 3, for € 16.80.');
    // The panel goes on, for the session that has begun.
    await page.locator('.own').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    expect(page.url()).toBe(`${demo.url}/shop/`);

    for (let left = 2; left >= 0; left -= 1) {
      await page.getByRole('button', { name: 'Less Hibiscus' }).click();
      await page.getByText(left ? `${left} in cart` : 'Nothing yet').waitFor();
    }
    // Its button is gone.
    expect(await page.evaluate('document.activeElement.id')).toBe('shelf');
  });

  it('keep the time line in view beside the buttons of an outage, with marks that can be seen', async () => {
    const page = await chromium.open();
    await fill(page, 'shop');
    const lane = page.locator('.lane.shop');
    const buttons = page.getByRole('button', { name: /^For \d seconds$/ });
    await page.getByRole('heading', { name: 'Sessions that have ended' }).scrollIntoViewIfNeeded();
    for (const each of [lane, ...(await buttons.all())]) expect(await each.evaluate(isInView)).toBe(true);
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    for (const each of [lane, ...(await buttons.all())]) expect(await each.evaluate(isInView)).toBe(true);

    await page.setViewportSize({ width: 390, height: 844 });
    await buttons.last().scrollIntoViewIfNeeded();
    for (const each of [lane, ...(await buttons.all())]) expect(await each.evaluate(isInView)).toBe(true);
    const sizes = await page
      .locator('.lane rect.ok')
      .evaluateAll(
        inBrowser<[number, number][]>(
          'return it.map((each) => each.getBoundingClientRect()).map(({ width, height }) => [width, height])',
        ),
      );
    expect(sizes).not.toEqual([]);
    for (const size of sizes) expect(Math.min(...size)).toBeGreaterThanOrEqual(4);
    expect(await page.locator('.axis').innerText()).toMatch(/^40 s\s+30 s\s+20 s\s+10 s\s+now$/);
    await page.request.post(`${demo.url}/shop/logout`);
  });

  it('can be read on a phone without scrolling sideways', async () => {
    const page = await chromium.open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
    const width = () => page.evaluate('document.documentElement.scrollWidth');
    await page.goto(demo.url);
    expect(await width()).toBe(360);
    await picture(page, 'overview-phone');
    // It has a wide picture.
    await page.goto(`${demo.url}/README.md`);
    expect(await width()).toBe(360);
    for (const business of process.env['LONG'] ? (['shop', 'blog'] as const) : (['shop'] as const)) {
      await logInElsewhere(business);
      await fill(page, business);
      expect(await width()).toBe(360);
      await picture(page, `${business}-phone`);
    }
    await page.request.post(`${demo.url}/shop/login`, { form: { user: 'W'.repeat(40) } });
    await page.goto(`${demo.url}/shop/`);
    expect(await page.getByText('W'.repeat(40)).first().isVisible()).toBe(true);
    expect(await width()).toBe(360);
    await page.getByRole('link', { name: 'Panel', exact: true }).tap();
    await page.waitForURL(/#panel$/);
  });

  it('can be used by keyboard alone, and show where the focus is', async () => {
    const page = await chromium.open();
    await page.goto(`${demo.url}/shop/`);
    const focused = () =>
      page.evaluate<{ name: string; outline: string; top: number }>(`(() => {
        const { activeElement: it } = document;
        return { name: it === document.body ? 'page' : it.ariaLabel ?? (it.id || it.textContent.trim()), outline: getComputedStyle(it).outlineStyle, top: it.getBoundingClientRect().top };
      })()`);
    /** Presses Tab until this has the focus; whatever had it on the way has shown it. */
    const tabTo = async (name: string) => {
      // Styles that are still on their way show no focus.
      await page.waitForLoadState();
      for (let tabs = 0; tabs < 40; tabs += 1) {
        await page.keyboard.press('Tab');
        const now = await focused();
        // From the last element it goes back to the page as a whole.
        if (now.name === 'page') continue;
        expect([now.name, now.outline]).toEqual([now.name, 'solid']);
        if (now.name.startsWith(name)) return now;
      }
      throw new Error(`Tab never came to ${name}`);
    };

    expect((await tabTo('Skip to the content')).top).toBeGreaterThanOrEqual(0);
    await page.keyboard.press('Enter');
    await page.waitForURL(/#main$/);
    await tabTo('Add Assam');
    await page.keyboard.press('Enter');
    await page.getByRole('row', { name: 'Assam 1' }).waitFor();
    await page.goto(`${demo.url}/shop/`);
    await tabTo('user');
    await page.keyboard.type('Kay');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Hello, Kay' }).waitFor();
    await tabTo('Skip to the live panel');
    await page.keyboard.press('Enter');
    await tabTo('Fire 24 writes');
    await page.keyboard.press('Enter');
    await page.getByText('24 fired, 24 kept').waitFor();
    await tabTo('Log out');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  it('lead Tab to every link, button and field, and show each one that has the focus', async () => {
    const page = await chromium.open();
    await logInElsewhere('shop');
    await fill(page, 'shop');
    // Back as well: what stays at the top of the panel could cover what is behind it.
    for (const key of process.env['LONG'] ? ['Tab', 'Shift+Tab'] : ['Tab']) {
      await page.evaluate(`(() => {
        document.activeElement.blur();
        window.stops = [...document.querySelectorAll('a, button, input:not([type=hidden]), [tabindex="0"]')].filter((it) => it.checkVisibility());
      })()`);
      const count = await page.evaluate<number>('stops.length');
      const reached = new Set<string>();
      // Once more for the page as a whole, and once for the browser around it.
      for (let tabs = 0; tabs < count + 2; tabs += 1) {
        await page.keyboard.press(key);
        reached.add(await page.evaluate<string>(focusShown));
      }
      expect([...reached].filter((each) => each.includes('hidden'))).toEqual([]);
      expect(reached.size).toBe(count + 1);
    }
    await page.request.post(`${demo.url}/shop/logout`);
  });

  it('keep focus and selection while the panel is updated', async () => {
    const page = await chromium.open();
    await fill(page, 'shop');
    await page.getByRole('button', { name: 'For 2 seconds' }).focus();
    await page.evaluate(`getSelection().selectAllChildren(document.querySelector('.sessions .own .who strong'))`);
    const age = await page.locator('.own .age dd').innerText();
    await page.locator('.own .age dd').filter({ hasNotText: age }).waitFor();
    expect(await page.evaluate('getSelection().toString()')).toBe('Ann');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('For 2 seconds');
    await page.request.post(`${demo.url}/shop/logout`);
  });

  it('work without JavaScript', async () => {
    const page = await chromium.open({ javaScriptEnabled: false });
    await page.goto(demo.url);
    await page.getByRole('link', { name: 'Leaf & Kettle' }).click();
    await page.getByRole('button', { name: 'Add Dong Ding' }).click();
    await page.getByRole('row', { name: 'Dong Ding 1 € 12.80' }).waitFor();
    expect(await page.getByRole('button', { name: 'Add Dong Ding' }).evaluate(isInView)).toBe(true);
    await logIn(page, 'Nora');
    await page.getByRole('button', { name: 'Fire 24 writes' }).click();
    await page.getByText('24 fired, 24 kept').waitFor();
    expect(await page.locator('.own .who').innerText()).toContain('Nora');
    expect(await page.getByText('live', { exact: true }).isVisible()).toBe(false);
    expect(await page.getByText(/^As of \d\d:\d\d:\d\d\./).isVisible()).toBe(true);
    expect(await barsWithWidth(page)).toBeGreaterThan(2);

    if (!process.env['LONG']) return;
    // The page that follows waits until the store is back.
    await page.getByRole('button', { name: 'For 2 seconds' }).click();
    await page.getByText('The store is available.').waitFor();
    expect(await page.locator('.heard').innerText()).toContain('disconnect');
    await page.getByRole('link', { name: 'Blog', exact: true }).click();
    await page.getByRole('button', { name: 'Keep for later: Two tabs, one cart' }).click();
    await page.getByText('Kept for later').waitFor();
  });

  it('detect a script from elsewhere, and do not run it', async () => {
    const page = await chromium.open();
    await page.goto(demo.url);
    await page.evaluate(`(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
    })()`);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(chromium.complaints().join()).toContain('Content Security Policy');
  });
});

/** From 0 to 765, of a colour as in `rgb(1, 2, 3)`. */
function brightness(colour: string): number {
  return [...colour.matchAll(/\d+/g)].slice(0, 3).reduce((sum, [value]) => sum + Number(value), 0);
}

/** A function that a browser runs, which this project has no types for, with `it`, an element or several. */
function inBrowser<T>(body: string) {
  return new Function('it', body) as (it: unknown) => T;
}

const bottomOf = inBrowser<number>('return it.getBoundingClientRect().bottom');
/** Whether the whole of an element can be seen where the page is now, and nothing covers its middle. */
const isInView = inBrowser<boolean>(`
  const { top, bottom, left, width } = it.getBoundingClientRect();
  const uppermost = document.elementFromPoint(left + width / 2, (top + bottom) / 2);
  return top > -1 && bottom < innerHeight + 1 && it.contains(uppermost);
`);

/** What has the focus, its place among the stops, and `hidden` if it cannot be seen that it has. */
const focusShown = `(() => {
  const it = document.activeElement;
  if (it === document.body) return 'page';
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  const isShown = outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 && (${isInView})(it);
  return stops.indexOf(it) + ' ' + it.textContent.trim().slice(0, 30) + (isShown ? '' : ' hidden');
})()`;

async function barsWithWidth(page: Page): Promise<number> {
  const boxes = await Promise.all((await page.locator('.own .bar rect').all()).map((bar) => bar.boundingBox()));
  return boxes.filter((box) => Number(box?.width) > 0).length;
}
