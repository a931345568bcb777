import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { emptyFolder, filesIn, output, pack, posixPath } from '../helpers/package/npm';
import { root } from '../helpers/programs/node-program';

jest.setTimeout(120_000);

const manifest = require('../../package.json') as {
  main: string;
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
  // Egg loads the files of its plugin by their names.
  const isOfEgg = (source: string) => source.startsWith('compat/egg/');
  const entries = sources.filter((source) => source !== 'main' && !imported.has(source) && !isOfEgg(source));
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
    const built = sources.flatMap((source) => [`dist/${source}.js`, `dist/${source}.d.ts`]);
    built.push('dist/compat/egg/package.json');
    expect(files.filter((file) => file.startsWith('dist/')).sort()).toEqual(built.sort());
    const rest = files.filter(
      (file) => !/^dist\/|^docs\/(api\/)?[\w.-]+\.md$|^bench\/(RESULTS\.md|\w+\.svg)$/.test(file),
    );
    const known = rest.filter((file) => !/^(README|CHANGELOG)(\.[\w-]+)?\.md$/.test(file));
    expect(known.sort()).toEqual(['LICENSE', 'package.json']);
  });

  it('is small', () => {
    const bytes = statSync(tarball).size;
    process.stdout.write(`The tarball has ${files.length} files and ${Math.round(bytes / 1000)} kB.\n`);
    expect(bytes).toBeLessThan(450_000);
  });

  it('refers to no source map', () => {
    const scripts = files.filter((file) => /\.(js|d\.ts)$/.test(file));
    expect(scripts.filter((file) => textIn(unpacked, 'package', file).includes('sourceMappingURL'))).toEqual([]);
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
});
