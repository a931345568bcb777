// Draws docs/demo.png, the picture of the demo in the README: the shop after parallel writes and an outage.
const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { statSync } = require('node:fs');
const { join } = require('node:path');
const { createInterface } = require('node:readline');
const { chromium } = require('playwright-core');
const { findProgram } = require('./find-program');

const root = join(__dirname, '..');
const path = join(root, 'docs/demo.png');
const MOST_BYTES = 150_000;

async function draw() {
  const executablePath = findProgram('chromium');
  if (!executablePath) throw new Error('Chromium is missing: `npm run setup` installs it');
  const demo = spawn(process.execPath, ['demo/server.js'], {
    cwd: root,
    env: { ...process.env, PORT: '0', REDIS_URL: '', SESSION_SECRET: randomBytes(32).toString('hex') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  /** @type {import('playwright-core').Browser | undefined} */
  let browser;
  try {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage({ viewport: { width: 1080, height: 976 }, colorScheme: 'light' });
    await page.goto(`${await addressOf(demo)}/shop/`);
    for (const tea of ['Sencha', 'Dong Ding', 'Sencha']) {
      await page.getByRole('button', { name: `Add ${tea}` }).click();
      await page.locator('form[aria-busy]').waitFor({ state: 'detached' });
    }
    await page.getByLabel('Name').fill('Ann');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Hello, Ann' }).waitFor();
    await page.getByRole('button', { name: 'For 6 seconds' }).click();
    await page.locator('.heard .available').waitFor();
    await page.getByRole('button', { name: 'Fire 24 writes' }).click();
    await page.getByText('24 fired, 24 kept').waitFor();
    // The marks of the last requests move away from the edge.
    await page.waitForTimeout(3000);
    await page.mouse.move(0, 0);
    // Without the head of the page.
    await page.screenshot({ path, clip: { x: 0, y: 90, width: 1080, height: 886 } });
  } finally {
    demo.kill();
    await browser?.close();
  }
  const { size } = statSync(path);
  console.log(`${path}: ${size} bytes`);
  if (size >= MOST_BYTES) throw new Error(`the picture must be smaller than ${MOST_BYTES} bytes`);
}

/** The address that the demo prints once it listens. @param {{ stdout: NodeJS.ReadableStream }} demo */
async function addressOf({ stdout }) {
  for await (const line of createInterface({ input: stdout })) if (line.startsWith('http:')) return line;
  throw new Error('the demo has ended');
}

draw().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
