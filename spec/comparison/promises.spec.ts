import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as ts from 'typescript';
import { type Browser, browser } from '../helpers/http/serve';
import { packagesOf, sizeOf, versionOf } from '../helpers/package/installed-size';
import { type NodeProgram, root, startNode } from '../helpers/programs/node-program';
import { type RedisServer, startRedis } from '../helpers/redis/server';

/** What a session layer does that keeps sessions as they are in a store, and sets no limit to waiting. */
const USUAL = {
  keeps: 'the last',
  logout: 'does not end',
  outage: 'no answer',
  again: 'ann',
  atRest: 'plain',
} as const;

/** What docs/comparison.md says of each package. If one changes what it does, its line fails here. */
const EXPECTED = {
  'koa-evented-session': { ...USUAL, keeps: 'both', logout: 'ends', outage: 500, types: 'included' },
  'koa-session': { ...USUAL, types: 'included' },
  'koa-generic-session': { ...USUAL, types: '@types/koa-generic-session' },
  'koa-session-minimal': { ...USUAL, types: 'none' },
  'express-session': { ...USUAL, types: '@types/express-session' },
  '@fastify/session': { ...USUAL, types: 'included' },
  'iron-session': { ...USUAL, outage: 200, atRest: 'sealed', types: 'included' },
} as const;

const interop = join(root, 'spec/interop');

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

  it(`has its session ${expected.atRest} at rest`, async () => {
    await redis.command('FLUSHALL');
    const visitor = await loggedIn(name);
    const key = await redis.command('RANDOMKEY');
    const atRest = key ? await redis.command(`GET "${key}"`) : await visitor.jar.getCookieString(urlOf(name));
    expect([key !== '', atRest.includes('"user":"ann"')]).toEqual(
      expected.atRest === 'plain' ? [true, true] : [false, false],
    );
    const decoded = Buffer.from(atRest, 'base64url').toString('latin1');
    expect(decoded.includes('ann')).toBe(false);
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

/** Where TypeScript finds the types of a package: in the package, in another one, or nowhere. */
function typesOf(name: string): string {
  const options = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
  const { resolvedModule } = ts.resolveModuleName(name, join(interop, 'a.mts'), options, ts.sys);
  if (resolvedModule === undefined || !/\.d\.[cm]?ts$/.test(resolvedModule.resolvedFileName)) return 'none';
  return resolvedModule.packageId?.name === name ? 'included' : String(resolvedModule.packageId?.name);
}

describe('docs/comparison.md', () => {
  const page = readFileSync(join(root, 'docs/comparison.md'), 'utf8');
  const others = Object.keys(EXPECTED).filter((name) => name !== 'koa-evented-session');

  /** The cell of a package in the row that begins with this text. */
  const cell = (name: string, row: string): string => {
    const cellsOf = (line = '') => line.replace(/ \|$/, '').split(' | ');
    const titlesOf = (section: string) => cellsOf(section.split('\n')[2]).map((title) => /^\[(.*?)\]/.exec(title)?.[1]);
    const table = page.split('\n## ').find((section) => titlesOf(section).includes(name)) ?? '';
    const line = table.split('\n').find((each) => each.startsWith(`| ${row}`));
    return cellsOf(line)[titlesOf(table).indexOf(name)] ?? '';
  };

  it.each(others)('compares with the %s that these specs run, and says what it takes installed', (name) => {
    const place = name === 'koa-generic-session' ? root : interop;
    const packages = packagesOf(name, place);
    const bytes = packages.reduce((sum, folder) => sum + sizeOf(folder), 0);
    expect(page).toContain(`${name} ${versionOf(packages[0])}`);
    expect(cell(name, 'installed')).toContain(`${packages.length} packages, ${(bytes / 1e6).toFixed(1)} MB`);
  });

  it.each(others)('says of %s what these specs find', (name) => {
    const { keeps, logout, atRest, types } = EXPECTED[name as keyof typeof EXPECTED];
    expect([keeps, logout]).toEqual(['the last', 'does not end']);
    for (const row of [
      'two requests',
      'a request outlasts',
      'the store does not',
      'a login sent',
      'at rest',
      'types',
    ]) {
      expect([row, cell(name, row)]).toEqual([row, expect.stringContaining('(tried')]);
    }
    expect([cell(name, 'at rest'), cell(name, 'types')]).toEqual([
      expect.stringContaining(atRest),
      expect.stringContaining(types),
    ]);
    expect(typesOf(name)).toBe(types);
  });

  it('cites something in every cell, or says that nothing was found', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| |'));
    const cells = rows.flatMap((line) => line.replace(/ \|$/, '').split(' | ').slice(1));
    const bare = cells.filter(
      (each) => !/\(tried|\]\(|^(the same|not said|not tried|not measured)\b|counted/.test(each),
    );
    expect([cells.length > 90, bare]).toEqual([true, []]);
  });
});
