import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { createSessionsTable, knexStore } from '../../lib/knex';
import { urlOf } from '../helpers/cli/sql-faults';
import { sqlDatabases } from '../helpers/databases/sql-databases';
import { emptyFolder, filesIn, output, pack, posixPath } from '../helpers/package/npm';
import { root } from '../helpers/programs/node-program';
import { startCluster } from '../helpers/redis/cluster';
import { startRedis } from '../helpers/redis/server';

jest.setTimeout(120_000);

const manifest = require('../../package.json') as {
  main: string;
  bin: Record<string, string>;
  publishConfig: object;
  version: string;
  types: string;
  exports: Record<string, unknown>;
  scripts: Record<string, string>;
  typesVersions: unknown;
};
const interop = join(root, 'spec/interop');
const textIn = (...path: string[]) => readFileSync(join(...path), 'utf8');

/** Every source of lib, as `stores/redis/store`. */
const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .map(posixPath)
  .flatMap((file) => (file.endsWith('.ts') ? [file.replace(/\.ts$/, '')] : []));

/** What a source of lib imports from lib. */
function importsOf(source: string): string[] {
  const found = textIn(root, 'lib', `${source}.ts`).matchAll(/(?:from|require\() ?'(\.[^']+)'/g);
  return [...found].map(([, path = '']) => posix.join(posix.dirname(source), path));
}

const unpacked = emptyFolder();

describe('package.json', () => {
  const imported = new Set(sources.flatMap(importsOf));
  // Egg loads the files of its plugin by their names, and a shell the command.
  const isOther = (source: string) => source.startsWith('compat/egg/') || source === 'cli';
  const entries = sources.filter((source) => source !== 'main' && !imported.has(source) && !isOther(source));
  const subpath = (entry: string) => posix.basename(entry);

  it('exports the files that nothing else in lib imports: main, and each entry point as a subpath', () => {
    const files = (entry: string) => ({ types: `./dist/${entry}.d.ts`, default: `./dist/${entry}.js` });
    expect(manifest.exports).toEqual({
      '.': files('main'),
      ...Object.fromEntries(entries.map((entry) => [`./${subpath(entry)}`, files(entry)])),
      './egg/package.json': './dist/compat/egg/package.json',
      './package.json': './package.json',
    });
    expect([manifest.main, manifest.types]).toEqual(['./dist/main.js', './dist/main.d.ts']);
    expect(entries).toContain('redis');
  });

  it('has the command', () => {
    expect(manifest.bin).toEqual({ 'koa-evented-session': 'dist/cli.js' });
    expect(textIn(root, 'lib/cli.ts')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('has the types of each subpath for compilers that ignore exports', () => {
    const types = entries.map((entry) => [subpath(entry), [`./dist/${entry}.d.ts`]]);
    const plugin = { 'egg/package.json': ['./dist/compat/egg/package.json'] };
    expect(manifest.typesVersions).toEqual({ '*': { ...Object.fromEntries(types), ...plugin } });
  });

  it('builds before it is packed', () => {
    expect(manifest.scripts).toMatchObject({
      prepack: 'npm run build',
      build: expect.stringMatching(/^node scripts\/clean\.js dist && /),
    });
  });
});

describe('The tarball', () => {
  let tarball: string;
  let files: string[];

  beforeAll(async () => {
    // As built before the specs; `npm run test:long` lets npm build it, in a fresh checkout.
    tarball = await pack(root, unpacked, '--ignore-scripts');
    files = await filesIn(tarball);
    await output(unpacked, 'tar', '-xzf', tarball);
  });

  it('has the built sources with their types, the documentation, and nothing else', () => {
    const kinds = ['js', 'js.map', 'd.ts'];
    const built = sources.flatMap((source) => kinds.map((kind) => `dist/${source}.${kind}`));
    built.push('dist/compat/egg/package.json');
    expect(files.filter((file) => file.startsWith('dist/')).sort()).toEqual(built.sort());
    const rest = files.filter(
      (file) => !/^dist\/|^docs\/([\w-]+\/)?[\w.-]+\.md$|^docs\/demo\.png$|^bench\/(RESULTS\.md|\w+\.svg)$/.test(file),
    );
    // Of several files called README.*, npm shows the one that the file system lists first.
    expect(rest.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json']);
  });

  it('is small', () => {
    const bytes = statSync(tarball).size;
    process.stdout.write(`The tarball has ${files.length} files and ${Math.round(bytes / 1000)} kB.\n`);
    expect(bytes).toBeLessThan(1_400_000);
  });

  it('has source maps with the TypeScript that its scripts were made of', () => {
    const scripts = files.filter((file) => file.endsWith('.js'));
    const wrong = scripts.filter((file) => {
      const map = JSON.parse(textIn(unpacked, 'package', `${file}.map`)) as {
        sources: string[];
        sourcesContent: string[];
      };
      const [source = ''] = map.sources.map((path) => posix.join(posix.dirname(file), path));
      const isNamed = textIn(unpacked, 'package', file).endsWith(`//# sourceMappingURL=${posix.basename(file)}.map`);
      const isSame = source.startsWith('lib/') && map.sourcesContent[0] === textIn(root, source);
      return !isNamed || !isSame || map.sources.length !== 1;
    });
    expect(wrong).toEqual([]);
    expect(scripts).toContain('dist/main.js');
  });

  it('contains what its pages link to', () => {
    const links = files
      .filter((file) => file.endsWith('.md'))
      .flatMap((page) =>
        [...textIn(unpacked, 'package', page).matchAll(/\]\((?!\w+:|#)([^)#]+)/g)].map(([, link = '']) => ({
          page,
          to: posix.join(posix.dirname(page), link),
        })),
      );
    expect(links.filter(({ to }) => !files.includes(to))).toEqual([]);
    expect(links.length).toBeGreaterThan(10);
  });

  it('is published without a warning, and with provenance', async () => {
    const folder = join(unpacked, 'package');
    const args = ['publish', '--dry-run', '--offline', '--ignore-scripts', '--loglevel=notice'];
    const { stdout, stderr } = await promisify(execFile)('npm', args, { cwd: folder });
    const warnings = stderr.split('\n').filter((line) => /^npm (warn|error)/.test(line) && !line.includes('logged in'));
    expect([warnings, stdout.trim()]).toEqual([[], `+ koa-evented-session@${manifest.version}`]);
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
  });

  it('passes publint', async () => {
    const said = await output(interop, 'node', 'node_modules/publint/src/cli.js', 'run', tarball, '--strict');
    expect(said).toContain('All good!');
  });

  it('has correct types under every module resolution', async () => {
    const { entries, problems } = JSON.parse(
      await output(interop, 'node', join(root, 'spec/helpers/package/types-of-tarball.mjs'), tarball),
    ) as { entries: string[]; problems: unknown[] };
    expect(problems).toEqual([]);
    expect(entries.sort()).toEqual(Object.keys(manifest.exports).sort());
  });

  describe('has a command that works once it is installed', () => {
    type Kind = 'Redis' | 'a Redis Cluster' | keyof typeof sqlDatabases;
    const some: readonly Kind[] = ['Redis', 'SQLite'];
    const kinds: readonly Kind[] = process.env['LONG'] ? [...some, 'a Redis Cluster', 'MariaDB', 'PostgreSQL'] : some;
    const urls = new Map<string, string>();
    const stops: (() => Promise<unknown>)[] = [];
    let folder: string;
    let command: string;

    beforeAll(async () => {
      folder = installed();
      command = join(folder, 'node_modules/.bin/koa-evented-session');
      await Promise.all(kinds.map(async (kind) => urls.set(kind, await started(kind))));
    });
    afterAll(() => Promise.all(stops.map((stop) => stop())));

    /** As npm installs the tarball, beside the packages of an application. */
    function installed(): string {
      const [app, modules] = [join(unpacked, 'app'), join(unpacked, 'app/node_modules')];
      mkdirSync(join(modules, '.bin'), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(unpacked, 'package/node_modules'));
      symlinkSync(join(unpacked, 'package'), join(modules, 'koa-evented-session'));
      symlinkSync('../koa-evented-session/dist/cli.js', join(modules, '.bin/koa-evented-session'));
      symlinkSync(join(interop, 'node_modules/ioredis5'), join(modules, 'ioredis'));
      for (const name of ['knex', 'mysql2', 'pg', 'better-sqlite3']) {
        symlinkSync(join(interop, 'node_modules', name), join(modules, name));
      }
      return app;
    }

    /** Starts a server with a session, and resolves to its address. */
    async function started(kind: Kind): Promise<string> {
      if (kind === 'Redis' || kind === 'a Redis Cluster') {
        const server = await (kind === 'Redis' ? startRedis() : startCluster(2));
        stops.push(server.stop);
        await server.command('SETEX koa:sess:one 60 {}');
        return 'nodes' in server ? String(server.nodes[0]?.url) : server.url;
      }
      const database = await sqlDatabases[kind]();
      stops.push(() => database.stop());
      const knex = database.open();
      await createSessionsTable(knex);
      await knexStore({ knex, sweepInterval: 0 }).set('koa:sess:one', { cookie: {} }, 60_000);
      return urlOf(kind, database);
    }

    it.each(kinds)('on %s', async (kind) => {
      const env = { PATH: String(process.env['PATH']), KOA_SESSION_URL: String(urls.get(kind)) };
      const { stdout, stderr } = await promisify(execFile)(command, ['doctor', '--json'], { cwd: folder, env });
      const findings = JSON.parse(stdout) as { check: string; status: string; found: string }[];
      expect([stderr, findings.filter(({ status }) => status === 'problem')]).toEqual(['', []]);
      expect(findings[0]?.found).toMatch(kind === 'a Redis Cluster' ? /ms, a Cluster$/ : /ms$/);
      const ended = await promisify(execFile)(command, ['end', '--all', '--yes'], { cwd: folder, env });
      expect(ended).toEqual({ stdout: '1 ended\n', stderr: '' });
    });

    it('with an ES module for --config', async () => {
      const env = { PATH: String(process.env['PATH']) };
      writeFileSync(
        join(folder, 'sessions.mjs'),
        `import session, { MemoryStore } from 'koa-evented-session';
        const store = await new MemoryStore();
        store.set('koa:sess:one', { cookie: {} }, 60_000);
        setInterval(() => undefined, 1000);
        export default session({ store });`,
      );
      const args = ['count', '--config', 'sessions.mjs'];
      expect(await promisify(execFile)(command, args, { cwd: folder, env })).toEqual({ stdout: '1\n', stderr: '' });
    });
  });
});
