import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';
import { browser } from '../helpers/http/serve';
import { type Compiler, complaints, type Options } from '../helpers/package/consumer-check';
import { sizeOf } from '../helpers/package/installed-size';
import { borrow, emptyFolder, install, output, pack } from '../helpers/package/npm';
import { root, startNode } from '../helpers/programs/node-program';
import { interop } from '../interop';

jest.setTimeout(120_000);

const manifest = require('../../package.json') as { exports: Record<string, unknown>; devDependencies: object };
const version = manifest.devDependencies as Record<string, string>;
const subpaths = Object.keys(manifest.exports).filter((path) => !path.endsWith('/package.json'));
const specifiers = subpaths.map((path) => path.replace('.', 'koa-evented-session'));
/** Subpaths whose types are those of an optional peer. */
const needPeers = ['koa-evented-session/knex'];

const typescript5 = interop('typescript5') as Compiler;
const node16 = { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 };
const nodenext = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
const bundler = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
const node10 = { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 };

/** A user's folder: the packed tarball and Koa, with what else is asked for. */
interface Consumer {
  readonly folder: string;
  /** What the compiler has to say to these files of spec/consumers. */
  check(files: readonly string[], options: Options, compiler?: Compiler): string[];
  /** What an application answers to three requests of one visitor. */
  answers(path: string): Promise<string[]>;
}

function consumer(folder: string): Consumer {
  const check: Consumer['check'] = (files, options, compiler) => {
    const paths = files.map((file) => join(folder, file));
    return complaints(folder, paths, { types: ['node'], ...options }, compiler);
  };
  return {
    folder,
    check,
    async answers(path) {
      const program = await startNode([path]);
      try {
        const [url] = await program.says(/^http:\S+$/m);
        const visitor = browser(url);
        const said = [];
        for (let i = 0; i < 3; i++) said.push((await visitor.get('/')).text);
        return said;
      } finally {
        await program.end();
      }
    },
  };
}

/** Packages of a folder's lock file that `name` needs to run, itself included. */
function needsOf(name: string, folder: string): { name: string; hasInstallScript?: boolean }[] {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dependencies?: Record<string, string>; hasInstallScript?: boolean }>;
  };
  const found = new Map<string, { name: string; hasInstallScript?: boolean }>();
  const visit = (each: string) => {
    if (found.has(each)) return;
    const { dependencies = {}, ...rest } = packages[`node_modules/${each}`] ?? {};
    found.set(each, { ...rest, name: each });
    for (const dependency of Object.keys(dependencies)) visit(dependency);
  };
  visit(name);
  return [...found.values()];
}

const place = emptyFolder();
const koa2 = consumer(join(place, 'koa2'));
const koa3 = consumer(join(place, 'koa3'));
const isLong = Boolean(process.env['LONG']);
/** Koa 2 is installed only in `npm run test:long`. What it does differently has specs that run each time. */
const users = [
  { koa: 'Koa 3', user: koa3, packages: [`koa@${version['koa']}`, `@types/koa@${version['@types/koa']}`] },
  { koa: 'Koa 2', user: koa2, packages: [`koa@${version['koa2']?.replace(/.*@/, '')}`, '@types/koa@2.15.2'] },
].slice(0, isLong ? 2 : 1);

beforeAll(async () => {
  const tarball = await pack(root, place, '--ignore-scripts');
  const types = ['@koa/router', '@types/node'].map((name) => `${name}@${version[name]}`);
  const all = users.map(async ({ user: { folder }, packages }) => {
    mkdirSync(folder);
    await install(folder, tarball, ...packages, ...types);
    cpSync(join(root, 'spec/consumers'), folder, { recursive: true });
    const imports = specifiers.map((name, n) => ({ name, line: `import * as it${n} from '${name}';\nvoid it${n};\n` }));
    writeFileSync(join(folder, 'all.ts'), imports.map(({ line }) => line).join(''));
    const alone = imports.filter(({ name }) => !needPeers.includes(name));
    writeFileSync(join(folder, 'subpaths.ts'), alone.map(({ line }) => line).join(''));
  });
  await Promise.all(all);
});

describe.each(users)('Installed beside $koa, the package', ({ user }) => {
  const lines = ['views: 1', 'views: 2', 'views: 3'];

  it.each(['required.cjs', 'imported.mjs'])('runs an application in JavaScript: %s', async (file) => {
    expect(await user.answers(join(user.folder, file))).toEqual(lines);
  });

  it('runs applications in TypeScript of both module systems, refuses mistakes, and has types for each subpath', async () => {
    cpSync(join(user.folder, 'app.ts'), join(user.folder, 'module.mts'));
    const built = { outDir: join(user.folder, 'built'), rootDir: user.folder };
    expect(user.check(['app.ts', 'module.mts', 'mistakes.ts', 'subpaths.ts'], { ...nodenext, ...built })).toEqual([]);
    expect(await user.answers(join(built.outDir, 'app.js'))).toEqual(lines);
    expect(await user.answers(join(built.outDir, 'module.mjs'))).toEqual(lines);
  });

  it('types `ctx.session` as a promise throughout a deferred application', () => {
    expect(user.check(['deferred.ts'], nodenext)).toEqual([]);
  });
});

describe('The installed package', () => {
  const user = koa3;

  it('is callable, and has the classes and `default` on it', async () => {
    const said = await output(
      user.folder,
      'node',
      '--print',
      `const session = require('koa-evented-session');
      JSON.stringify([typeof session(), session.default === session, Object.keys(session).sort()])`,
    );
    const names = ['MemoryStore', 'SessionError', 'Store', 'StoreError', 'StoreTimeoutError', 'StoreUnavailableError'];
    expect(JSON.parse(said)).toEqual(['function', true, [...names, 'default']]);
  });

  it('is the same, required or imported, in each subpath', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const results = {};
      for (const specifier of ${JSON.stringify(specifiers)}) {
        const imported = await import(specifier);
        const required = createRequire(import.meta.url)(specifier);
        const names = Object.keys(required).filter((name) => name !== 'default');
        const other = names.filter((name) => imported[name] !== required[name]);
        results[specifier] = [imported.default === required, names.length > 0 || typeof required === 'function', other];
      }
      console.log(JSON.stringify(results));
    `;
    const said = await output(user.folder, 'node', '--input-type=module', '--eval', script);
    expect(JSON.parse(said)).toEqual(Object.fromEntries(specifiers.map((specifier) => [specifier, [true, true, []]])));
  });

  it('shows its TypeScript in stack traces with --enable-source-maps', async () => {
    const script = `
      process.on('uncaughtException', ({ stack }) => console.log(stack));
      require('koa-evented-session')({ ttl: 'soon' });`;
    const said = await output(user.folder, 'node', '--enable-source-maps', '--eval', script);
    const [, file = '', line = ''] = /koa-evented-session\/(lib\/.+\.ts):(\d+)/.exec(said) ?? [];
    // The line that throws: the map leads to it, and the source has it.
    expect(readFileSync(join(root, file), 'utf8').split('\n')[Number(line) - 1]).toMatch(/TypeError|throw|expect/);
  });

  it('says what to install for OpenTelemetry', async () => {
    const said = await output(
      user.folder,
      'node',
      '--print',
      "try { require('koa-evented-session/opentelemetry').instrumentSessions() } catch ({ message }) { message }",
    );
    expect(said.trim()).toMatch(/: run `npm install @opentelemetry\/api`\.$/);
  });

  const compilers: [string, Options, Compiler][] = [
    ['TypeScript 6 for a bundler', bundler, ts],
    ['TypeScript 5.2 with the resolution of old', { ...node10, esModuleInterop: true }, typescript5],
    ['TypeScript 5.2 for Node 16 and later', { ...node16, esModuleInterop: true }, typescript5],
  ];
  // All of them in `npm run test:long`: the oldest compiler with the oldest resolution finds most.
  it.each(isLong ? compilers : compilers.slice(1, 2))('has types for %s', (_what, options, compiler) => {
    expect(user.check(['app.ts', 'mistakes.ts', 'subpaths.ts'], options, compiler)).toEqual([]);
  });

  it('has types that do not need esModuleInterop', () => {
    const source = `
      import Koa = require('koa');
      import session, { Store } from 'koa-evented-session';
      import required = require('koa-evented-session');
      const sessions: Koa.Middleware = session();
      const store: Store = required.default().store;
      new Koa().use(sessions).use(required({ store }));
    `;
    writeFileSync(join(user.folder, 'plain.ts'), source);
    expect(user.check(['plain.ts', 'subpaths.ts'], { ...node10, esModuleInterop: false }, typescript5)).toEqual([]);
  });

  it('is small with all its dependencies, and runs nothing at installation', () => {
    const needs = needsOf('koa-evented-session', user.folder);
    const bytes = needs.map(({ name }) => sizeOf(join(user.folder, 'node_modules', name))).reduce((a, b) => a + b);
    process.stdout.write(`Installed, it has ${Math.round(bytes / 1000)} kB in ${needs.length} packages.\n`);
    expect(bytes).toBeLessThan(4_600_000);
    expect(needs.length).toBeLessThan(12);
    for (const page of ['README.md', 'docs/zh/README.md']) {
      const [, others, megabytes] =
        /(\d+) (?:small packages|个小依赖)\D+([\d.]+) MB/.exec(readFileSync(join(root, page), 'utf8')) ?? [];
      expect([page, Number(others), Math.abs(Number(megabytes) - bytes / 1e6) < 0.15]).toEqual([
        page,
        needs.length - 1,
        true,
      ]);
    }
    expect(needs.filter(({ hasInstallScript }) => hasInstallScript)).toEqual([]);
  });
});

describe('Its types', () => {
  const [family, besideKoaRedis] = [consumer(join(place, 'family')), consumer(join(place, 'koa-redis'))];
  /** What the specs have installed is borrowed by links: one counts as the package, not as the place it leads to. */
  const linked = { ...nodenext, preserveSymlinks: true };
  const ofKoaRedis = ['@types/koa-redis', '@types/koa-session', '@types/redis'];

  beforeAll(() => {
    for (const { folder } of [family, besideKoaRedis]) {
      cpSync(join(root, 'spec/consumers'), folder, { recursive: true });
      borrow(koa3.folder, folder);
    }
    cpSync(join(koa3.folder, 'all.ts'), join(family.folder, 'all.ts'));
    borrow(join(root, 'spec/interop'), family.folder, (name) => !ofKoaRedis.includes(name));
    borrow(join(root, 'spec/interop'), besideKoaRedis.folder, (name) => ofKoaRedis.includes(name));
  });

  it('accept every store of the family without a cast', () => {
    expect(family.check(['family.ts', 'untyped.d.ts', 'untyped-koa-redis.d.ts', 'all.ts'], linked)).toEqual([]);
  });

  it.each(['beside-koa-redis.ts', 'deferred-beside-koa-redis.ts'])(
    'are compatible with @types/koa-redis: %s',
    (file) => {
      expect(besideKoaRedis.check([file], linked)).toEqual([]);
    },
  );

  it('accept code for koa-generic-session, once the name is changed', () => {
    const files = ['predecessor.ts', 'predecessor-required.ts'];
    expect(family.check(files, linked)).toEqual([]);
    for (const file of files) {
      const text = readFileSync(join(family.folder, file), 'utf8');
      writeFileSync(join(family.folder, file), text.replaceAll('koa-generic-session', 'koa-evented-session'));
    }
    expect(family.check(files, linked)).toEqual([]);
  });
});
