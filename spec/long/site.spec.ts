import type { Page } from 'playwright-core';
import { allPages, counterpartOf, urlOf } from '../../site/pages';
import { buildSite, serveSite } from '../helpers/docs/built-site';
import type { Served } from '../helpers/http/serve';
import { barriers, type Chromium, picture, startChromium } from '../helpers/programs/chromium';
import { until } from '../helpers/time/until';

const phone = { width: 390, height: 844 };
const screen = { width: 1280, height: 900 };
const pages = allPages;
/** One page of each kind. */
const pictured = [
  'README.md',
  'docs/zh/README.md',
  'docs/options.md',
  'docs/api/koa-evented-session-redis.md',
  'bench/RESULTS.md',
];

describe('the site', () => {
  let chromium: Chromium;
  let site: Served;

  beforeAll(async () => {
    await buildSite();
    [chromium, site] = await Promise.all([startChromium(), serveSite()]);
  }, 900_000);
  afterEach(async () => expect(await chromium.forget()).toEqual([]));
  afterAll(async () => {
    await chromium.close();
    await site.close();
  });

  type Options = Parameters<Chromium['open']>[0];

  /** A page, and what it asks for but does not get from the site itself. */
  async function open(path: string, options: Options = {}) {
    const page = await chromium.open({ reducedMotion: 'reduce', ...options });
    const astray: string[] = [];
    page.on('request', (request) => request.url().startsWith(`${site.url}/`) || astray.push(request.url()));
    page.on('response', (response) => response.ok() || astray.push(`${response.status()} ${response.url()}`));
    await page.goto(`${site.url}${path}`, { waitUntil: 'networkidle' });
    return Object.assign(page, { astray });
  }

  const isDark = (page: Page) => page.evaluate<boolean>(`document.documentElement.classList.contains('dark')`);
  const widthOf = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth');

  describe.each(pages)('has %s, which', (file) => {
    const kinds = [
      ['on a phone', 'light', phone],
      ['on a screen, in the dark', 'dark', screen],
    ] as const;

    it.each(kinds)(
      'fits %s, asks nothing of other hosts, and has no barriers that axe knows of',
      async (_where, colorScheme, viewport) => {
        const page = await open(urlOf(file), { colorScheme, viewport });
        expect(await page.locator('main h1').count()).toBe(1);
        expect(page.astray).toEqual([]);
        expect(await widthOf(page)).toBe(viewport.width);
        expect(await isDark(page)).toBe(colorScheme === 'dark');
        expect(await barriers(page)).toEqual([]);
        if (pictured.includes(file)) await picture(page, `site${urlOf(file).replace(/\W+/g, '-')}${colorScheme}`);
      },
    );
  });

  it.each([
    ['/', 'npm install koa-evented-session koa'],
    ['/zh/', 'npm install koa-evented-session koa'],
  ])('says at the top of %s what this is, and how to start', async (path, command) => {
    for (const viewport of [phone, screen]) {
      const page = await open(path, { viewport });
      const opening = page.locator('.opening');
      for (const part of [opening.locator('p').first(), opening.getByText(command), opening.locator('p a').first()]) {
        const box = await part.boundingBox();
        expect(Number(box?.y) + Number(box?.height)).toBeLessThan(viewport.height);
      }
      expect(await opening.locator('p').first().innerText()).toMatch(/^[^.。]+[.。][^.。]+[.。]$/);
    }
  });

  it.each([
    ['in English', '/', 'hashed ids', 'At rest', '/at-rest.html'],
    ['in Chinese', '/zh/', '会话 id 的哈希', '', '/zh/'],
  ])('is searched %s', async (_language, path, words, title, place) => {
    const page = await open(path);
    const search = page.getByRole('searchbox');
    // Until the page's script has started, nothing listens to keys.
    await until(async () => {
      await page.keyboard.press('Control+k');
      return search.isVisible();
    });
    await search.fill(words);
    const [first] = [page.locator('.results .result').first()];
    await first.filter({ hasText: title }).waitFor();
    expect(await barriers(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.pathname.startsWith(place) && url.hash !== '');
    expect(page.astray).toEqual([]);
  });

  it('turns dark and light, and remembers it', async () => {
    const page = await open('/options.html', { colorScheme: 'light' });
    const turn = page.getByRole('switch').first();
    await turn.click();
    expect(await isDark(page)).toBe(true);
    await page.reload();
    expect(await isDark(page)).toBe(true);
    await turn.click();
    expect(await isDark(page)).toBe(false);
  });

  it('leads from a page to its translation and back, and from a page without one to the beginning', async () => {
    const page = await open('/options.html');
    const choose = async (language: string) => {
      await page.getByRole('button', { name: /^(Change language|切换语言)$/ }).hover();
      await page.getByRole('link', { name: language, exact: true }).first().click();
    };
    await choose('中文');
    await page.waitForURL(`${site.url}/zh/options.html`);
    await choose('English');
    await page.waitForURL(`${site.url}/options.html`);
    await page.goto(`${site.url}/contributing.html`);
    await choose('中文');
    await page.waitForURL(`${site.url}/zh/`);
  });

  it('has links in Chinese to the pages that are only in English', async () => {
    const page = await open('/zh/');
    const untranslated = pages.filter((file) => counterpartOf(file, 'zh') === undefined && !file.startsWith('docs/zh'));
    const links = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.VPSidebar a:has([lang=en])')].map((link) => new URL(link.href).pathname)`,
    );
    expect(links.sort()).toEqual(untranslated.map(urlOf).sort());
    expect(untranslated.length).toBeGreaterThan(5);
  });

  describe('by keyboard alone', () => {
    /** What has the focus, and whether a reader sees that. A script may have put it where Tab does not come. */
    const focused = (page: Page) =>
      page.evaluate<{ name: string; shown: boolean }>(`(() => {
        const { activeElement: it } = document;
        const { top, left, bottom, right, width } = it.getBoundingClientRect();
        const isInView = width > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
        const isVisible = it.checkVisibility({ opacityProperty: true, visibilityProperty: true });
        return {
          name: it.tabIndex < 0 ? 'page' : it.ariaLabel || it.textContent.trim() || it.title,
          shown: isInView && isVisible && getComputedStyle(it).outlineStyle !== 'none',
        };
      })()`);

    /** Presses Tab until this has the focus; returns what had it on the way, and fails if a reader could not see where it was. */
    async function tabTo(page: Page, name: string): Promise<string[]> {
      const passed: string[] = [];
      for (let tabs = 0; tabs < 200; tabs += 1) {
        await page.keyboard.press('Tab');
        const now = await focused(page);
        if (now.name === 'page') continue;
        expect(now).toEqual({ name: now.name, shown: true });
        passed.push(now.name);
        if (now.name.startsWith(name)) return passed;
      }
      throw new Error(`Tab never came to ${name}, but to ${passed.join(', ')}`);
    }

    it('a reader reaches all of a page on a screen', async () => {
      const page = await open('/keyv.html');
      const title = await page.locator('.pager-link.next .title').innerText();
      const passed = await tabTo(page, `Next page${title}`);
      const all = [
        'Skip to content',
        'koa-evented-session',
        'Search',
        'Options',
        'Change language',
        'Sessions in Redis',
      ];
      expect(passed).toEqual(expect.arrayContaining(all));
      const links = await page.locator('main .vp-doc a:not(.header-anchor)').allInnerTexts();
      expect(passed).toEqual(expect.arrayContaining(links));
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
    });

    it('a reader skips to the content, searches, and switches colours and language', async () => {
      const page = await open('/options.html', { colorScheme: 'light' });
      await tabTo(page, 'Skip to content');
      await page.keyboard.press('Enter');
      await page.waitForURL(/#VPContent$/);
      await page.reload();
      await tabTo(page, 'Search');
      await page.keyboard.press('Enter');
      await page.getByRole('searchbox').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('searchbox').waitFor({ state: 'detached' });
      await tabTo(page, 'Change language');
      await page.keyboard.press('Enter');
      await tabTo(page, '中文');
      await page.keyboard.press('Enter');
      await page.waitForURL(`${site.url}/zh/options.html`);
      await tabTo(page, '切换到深色');
      await page.keyboard.press('Enter');
      expect(await isDark(page)).toBe(true);
    });

    it('a reader opens both menus on a phone', async () => {
      const page = await open('/options.html', { viewport: phone });
      await tabTo(page, 'mobile navigation');
      await page.keyboard.press('Enter');
      await tabTo(page, 'Errors');
      expect(await barriers(page)).toEqual([]);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${site.url}/errors.html`);
      // The address changes first: the page that follows would close the menu again.
      await page.getByRole('heading', { level: 1, name: 'Errors' }).waitFor();
      await tabTo(page, 'Menu');
      await page.keyboard.press('Enter');
      await tabTo(page, 'Sessions in Keyv');
      expect(await barriers(page)).toEqual([]);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${site.url}/keyv.html`);
    });
  });

  it.each([
    ['/nowhere.html', 'There is no such page', 'To the introduction', '/'],
    ['/zh/nowhere.html', '没有这个页面', '回到介绍', '/zh/'],
  ])('says that there is no %s', async (path, message, link, home) => {
    const page = await open(path);
    expect(page.astray).toEqual([`404 ${site.url}${path}`]);
    await page.getByText(message).waitFor();
    expect(await barriers(page)).toEqual([]);
    // The browser itself complains of the status.
    expect(chromium.complaints().filter((complaint) => !complaint.includes('404'))).toEqual([]);
    await page.getByRole('link', { name: link }).click();
    await page.waitForURL(`${site.url}${home}`);
  });
});
