import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../helpers/databases/postgres-server';
import { headings, textOf } from '../helpers/docs/markdown';
import { type Step, stepsOf } from '../helpers/docs/steps';
import { emptyFolder, output, pack } from '../helpers/package/npm';
import { type Circumstances, Newcomer } from '../helpers/programs/newcomer';
import { root } from '../helpers/programs/node-program';
import { startRedis } from '../helpers/redis/server';

const minute = 60_000;
const isLong = Boolean(process.env['LONG']);
jest.setTimeout(15 * minute);

const page = 'docs/getting-started.md';
/** The sections of a page that lead from an empty folder to a program. */
const ways: Record<string, readonly [page: string, ...sections: string[]]> = {
  JavaScript: ['README.md', 'Install', 'Start'],
  ...Object.fromEntries(headings(page, 2).map((heading) => [heading, [page, heading]])),
};
/** Without LONG only these, and by links instead of npm: a compiler or another server takes seconds. */
const some = ['JavaScript', 'Redis, through ioredis'];
const inMemory = ['JavaScript', 'ES modules', 'TypeScript'];

const place = emptyFolder();
const stops: (() => Promise<unknown>)[] = [];
let circumstances: Circumstances;

beforeAll(async () => {
  const addresses = { REDIS_URL: await redis(), ...(isLong && { DATABASE_URL: await postgres() }) };
  circumstances = { packages: isLong ? await pack(root, place, '--ignore-scripts') : 'of the specs', addresses };
});
afterAll(() => Promise.all(stops.map((stop) => stop())));

async function redis(): Promise<string> {
  const server = await startRedis();
  stops.push(() => server.stop());
  return server.url;
}

async function postgres(): Promise<string> {
  const server = await startPostgres();
  stops.push(() => server.stop());
  const { user, host, port } = server.connection;
  return `postgres://${user}:secret@${host}:${port}/postgres`;
}

function emptyFolderFor(name: string): string {
  const folder = join(place, name.replace(/\W+/g, '-'));
  mkdirSync(folder);
  return folder;
}

/** What the program of these steps promises. */
function transcriptOf(steps: readonly Step[]) {
  return steps.flatMap((step) => (step.does === 'save' ? step.block.transcript : []));
}

describe('From an empty folder, a newcomer who enters and saves what the page says', () => {
  it.each(isLong ? Object.keys(ways) : some)('sees what it promises, within five minutes: %s', async (name) => {
    const [page, ...sections] = ways[name] ?? ['', ''];
    const steps = stepsOf(page, ...sections);
    const transcript = transcriptOf(steps);
    const folder = emptyFolderFor(name);
    const newcomer = new Newcomer(folder, circumstances);
    const began = performance.now();
    try {
      await newcomer.follow(steps);
      expect(await newcomer.visit(transcript)).toEqual(transcript.map(({ reply }) => reply));
      expect(transcript).toHaveLength(2);
      const took = performance.now() - began;
      // Its makers have one ready, outside of npm's registry; the page says that it takes minutes otherwise.
      const isCompiled = existsSync(join(folder, 'node_modules/better-sqlite3/build/Release/obj.target'));
      process.stdout.write(`${name}: ${(took / 1000).toFixed(1)} s${isCompiled ? ', with a compiler' : ''}\n`);
      if (!isCompiled) expect(took).toBeLessThan(5 * minute);
      await newcomer.restart();
      const next = inMemory.includes(name) ? 'views: 1' : 'views: 3';
      expect(await newcomer.visit(transcript.slice(0, 1))).toEqual([`200 ${next}`]);
    } finally {
      await newcomer.end();
    }
  });

  if (!isLong) return;

  // Node 20, which the package supports, cannot.
  it('runs the program in TypeScript as it is, on a Node that can', async () => {
    expect(textOf(page)).toContain('`node app.ts`');
    const steps = stepsOf(page, 'TypeScript').filter(
      (step) => step.does === 'save' || ('line' in step && step.line.startsWith('npm ')),
    );
    const other = emptyFolderFor('Node 24');
    await output(other, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--prefix=.', 'node@24');
    const node = join(other, 'node_modules/node/bin/node');
    const newcomer = new Newcomer(emptyFolderFor('type stripping'), { ...circumstances, node });
    try {
      await newcomer.follow([...steps, { does: 'enter', line: 'node app.ts' }]);
      const transcript = transcriptOf(steps);
      expect(await newcomer.visit(transcript)).toEqual(transcript.map(({ reply }) => reply));
    } finally {
      await newcomer.end();
    }
  });
});
