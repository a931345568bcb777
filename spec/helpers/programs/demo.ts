import type { Page } from 'playwright-core';
import { type NodeProgram, startNode } from './node-program';

export const secret = 'the secret of the specs';

export interface Demo extends NodeProgram {
  readonly url: string;
}

/** The demo, as `npm start` runs it, on a free port. */
export async function startDemo(env: Record<string, string> = {}): Promise<Demo> {
  const program = await startNode(['demo/server.js'], { PORT: '0', SESSION_SECRET: secret, ...env });
  const [url] = await program.says(/^http:\S+$/m);
  return Object.assign(Object.create(program), { url }) as Demo;
}

export async function logIn(page: Page, user: string): Promise<void> {
  await page.getByLabel('Name').fill(user);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: `Hello, ${user}` }).waitFor();
  // The heading appears before the rest of a page, and before the styles.
  await page.waitForLoadState();
}

/** What the panel shows of a session: its tag, and in parts of a whole its bars. */
export interface Row {
  who: string;
  tag: string;
  isOwn: boolean;
  age: number;
  left: number;
  size: number;
}

/** The sessions that the panel lists under a business' prefix. */
export async function rowsOf(page: Page, business: 'shop' | 'blog'): Promise<Row[]> {
  await page.waitForLoadState();
  return page.evaluate(`[...document.querySelectorAll('.prefix.${business} .sessions li')].map((row) => ({
    who: row.querySelector('strong').textContent,
    tag: row.dataset.tag,
    isOwn: row.classList.contains('own'),
    ...Object.fromEntries(['age', 'left', 'size'].map((bar) =>
      [bar, Number(row.querySelector('.' + bar + ' rect').getAttribute('width')) / 100])),
  }))`);
}
