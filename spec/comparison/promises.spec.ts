import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Browser, browser } from '../helpers/http/serve';
import { packagesOf, sizeOf, versionOf } from '../helpers/package/installed-size';
import { type NodeProgram, root, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';

/** What docs/comparison.md says of each package. Where one mends something, its line fails here. */
const EXPECTED = {
  'koa-evented-session': { keeps: 'both', logout: 'ends', outage: 500, again: 'ann' },
  'koa-session': { keeps: 'the last', logout: 'does not end', outage: 'no answer', again: 'ann' },
  'koa-generic-session': { keeps: 'the last', logout: 'does not end', outage: 'no answer', again: 'ann' },
  'koa-session-minimal': { keeps: 'the last', logout: 'does not end', outage: 'no answer', again: 'ann' },
  'express-session': { keeps: 'the last', logout: 'does not end', outage: 'no answer', again: 'ann' },
  '@fastify/session': { keeps: 'the last', logout: 'does not end', outage: 'no answer', again: 'ann' },
  'iron-session': { keeps: 'the last', logout: 'does not end', outage: 200, again: 'ann' },
} as const;

let redis: RedisServer;
let program: NodeProgram;
let ports: Record<string, number>;
beforeAll(async () => {
  redis = await startRedis();
  program = await startNode(['spec/fixtures/compared-sites.mjs'], { REDIS_URL: redis.url });
  const [line] = await program.says(/^\{.*\}$/m);
  ports = JSON.parse(line) as typeof ports;
});
afterAll(async () => {
  await program?.end();
  await redis.stop();
});

const urlOf = (name: string) => `http://127.0.0.1:${ports[name]}`;
const control = (what: 'begun' | 'go', name: string) =>
  fetch(`${urlOf('control')}/${what}/${encodeURIComponent(name)}`);

async function loggedIn(name: string): Promise<Browser> {
  const visitor = browser(urlOf(name));
  await visitor.get('/login');
  return visitor;
}

/** Lets another request begin and end while a slow one has read the session. */
async function during(name: string, visitor: Browser, path: string): Promise<void> {
  const slowly = visitor.get('/slow');
  await control('begun', name);
  await visitor.get(path);
  await control('go', name);
  await slowly;
}

describe.each(Object.entries(EXPECTED))('%s', (name, expected) => {
  it(`keeps ${expected.keeps} of two parallel changes to different keys`, async () => {
    const visitor = await loggedIn(name);
    await during(name, visitor, '/fast');
    const fast = expected.keeps === 'both' ? 1 : undefined;
    expect((await visitor.get('/see')).json()).toEqual({ user: 'ann', fast, slow: 'ann' });
  });

  it(`${expected.logout} the session if a slower request outlasts the logout`, async () => {
    const visitor = await loggedIn(name);
    const cookie = await visitor.jar.getCookieString(urlOf(name));
    await during(name, visitor, '/logout');
    const { user } = (await browser(urlOf(name)).get('/see', { cookie })).json<{ user?: string }>();
    expect(user).toBe(expected.logout === 'ends' ? undefined : 'ann');
  });

  it('logs in again if the answer to the first login was lost', async () => {
    const visitor = browser(urlOf(name));
    await visitor.get('/fast');
    const cookie = await visitor.jar.getCookieString(urlOf(name));
    await browser(urlOf(name)).get('/login', { cookie });
    await visitor.get('/login', { cookie });
    expect((await visitor.get('/see')).json()).toMatchObject({ user: expected.again });
  });
});

it('a store that does not answer makes a request fail, wait, or nothing', async () => {
  const visitors = await Promise.all(Object.keys(EXPECTED).map(loggedIn));
  const expected = Object.values(EXPECTED).map(({ outage }) => outage);
  await redis.kill('SIGSTOP');
  try {
    const answers = visitors.map((visitor) => visitor.get('/see').then(({ status }) => status));
    // Those that answer may take longer on a busy machine. The others get a second from then on.
    await Promise.all(answers.filter((_, at) => expected[at] !== 'no answer'));
    const late = pause(1000, 'no answer');
    expect(await Promise.all(answers.map((answer) => Promise.race([answer, late])))).toEqual(expected);
  } finally {
    await redis.kill('SIGCONT');
  }
});

describe('docs/comparison.md', () => {
  const page = readFileSync(join(root, 'docs/comparison.md'), 'utf8');
  const interop = join(root, 'spec/interop');
  const others = Object.keys(EXPECTED).filter((name) => name !== 'koa-evented-session');

  /** The cell of a package in the row that begins with this text. */
  const cell = (name: string, row: string): string => {
    const table = page.split('\n## ').find((section) => section.split('\n')[2]?.includes(` ${name} `)) ?? '';
    const cellsOf = (line = '') => line.split(' | ');
    const [, , titles, , ...rows] = table.split('\n');
    const at = cellsOf(titles?.replace(/ \|$/, '')).indexOf(name);
    return cellsOf(rows.find((line) => line.startsWith(`| ${row}`))?.replace(/ \|$/, ''))[at] ?? '';
  };

  it.each(others)('compares with the %s that these specs run, and says what it takes installed', (name) => {
    const place = name === 'koa-generic-session' ? root : interop;
    const packages = packagesOf(name, place);
    const bytes = packages.reduce((sum, folder) => sum + sizeOf(folder), 0);
    expect(page).toContain(`${name} ${versionOf(packages[0])}`);
    expect(cell(name, 'installed')).toContain(`${packages.length} packages, ${(bytes / 1e6).toFixed(1)} MB`);
  });

  it.each(others)('says of %s what these specs find', (name) => {
    const { keeps, logout, outage } = EXPECTED[name as keyof typeof EXPECTED];
    expect([keeps, logout]).toEqual(['the last', 'does not end']);
    for (const row of ['two requests change', 'a request outlasts', 'a login sent again']) {
      expect([row, cell(name, row)]).toEqual([row, expect.stringContaining('(tried')]);
    }
    const isTried = cell(name, 'the store does not answer').includes('(tried)');
    expect(isTried).toBe(outage === 'no answer');
  });
});
