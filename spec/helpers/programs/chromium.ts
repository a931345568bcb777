import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findProgram } from '../../../scripts/find-program';
import { guardOf } from './guard';
import { root } from './node-program';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Nothing but what a page asks for. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];

export interface Chromium {
  /** A separate browser, with its own cookies, and a page in it. */
  open(options?: BrowserContextOptions): Promise<Page>;
  /** What pages have complained of since this was asked last: errors, and what their policy has refused. */
  complaints(): string[];
  /** Closes everything that was opened, and returns what its pages have complained of until then. */
  forget(): Promise<string[]>;
  close(): Promise<void>;
}

/** The system's Chromium, headless, with a profile that ends with it. */
export async function startChromium(): Promise<Chromium> {
  const executablePath = findProgram('chromium');
  if (!executablePath) throw new Error('Chromium is missing: `npm run setup` installs it');
  const server = await chromium.launchServer({ executablePath, args: flags });
  const guard = guardOf(Number(server.process().pid));
  const browser: Browser = await chromium.connect(server.wsEndpoint());
  const heard: string[] = [];

  return {
    async open(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      page.on('console', (message) => message.type() === 'error' && heard.push(`${page.url()}: ${message.text()}`));
      page.on('pageerror', (error) => heard.push(`${page.url()}: ${error.message}`));
      return page;
    },
    complaints: () => heard.splice(0),
    async forget() {
      const complaints = heard.splice(0);
      await Promise.all(browser.contexts().map((context) => context.close()));
      heard.length = 0;
      return complaints;
    },
    async close() {
      await browser.close();
      await server.close();
      guard.kill('SIGKILL');
    },
  };
}

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const aboutColours = ['color-contrast', 'link-in-text-block'];

/** What WCAG 2.2 AA has against the page as it is, or against its colours: rule and element. */
export async function barriers(page: Page, about: 'everything' | 'colours' = 'everything'): Promise<string[]> {
  await page.evaluate(axe);
  const runOnly = about === 'everything' ? standards : { type: 'rule', values: aboutColours };
  const found = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
    `axe.run({ runOnly: ${JSON.stringify(runOnly)} }).then((it) => it.violations)`,
  );
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Keeps a picture of the page in `screenshots/`, to be looked at; only `npm run test:long` takes the time. */
export async function picture(page: Page, name: string): Promise<void> {
  if (!process.env['LONG']) return;
  const folder = join(root, 'screenshots');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
