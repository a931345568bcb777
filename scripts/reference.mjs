// Writes the API reference from the doc comments, one page per entry point: `npm run docs`, optionally with an output folder.
// Fails if a signature names a type that users cannot import, or a link has no target.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, ReflectionKind } from 'typedoc';
import { entryPoints } from './entry-points.js';
import { renderIndex, renderPage } from './reference-page.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = resolve(process.argv[2] ?? join(root, 'docs/api'));

/** Types in signatures that users need not import: the parts of other packages that this one uses, and names of methods. */
const NOT_EXPORTED = [
  'Callback',
  'DeclaredElsewhere',
  'Heard',
  'Middleware',
  'Options',
  'RedisClient',
  'SessionData',
  'lib/compat/koa-session/types.ts:SessionOptions',
];

/** The main entry point only re-exports this module, whose types TypeDoc can follow. */
const ENGINE = { face: 'lib/main.ts', source: 'lib/middleware/engine.ts', factory: 'createSession', name: 'session' };

const entries = entryPoints().map(({ name, source }) => ({
  name,
  source: source === ENGINE.face ? ENGINE.source : source,
  file: `${name.replaceAll('/', '-')}.md`,
}));

const app = await Application.bootstrap({
  tsconfig: join(root, 'tsconfig.build.json'),
  entryPoints: entries.map(({ source }) => join(root, source)),
  sort: ['source-order'],
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  intentionallyNotExported: NOT_EXPORTED,
  validation: { notExported: true, invalidLink: true },
  // The compiler has checked it all: `npm run build`, `npm run types`.
  skipErrorChecking: true,
  logLevel: 'Warn',
});
const project = await app.convert();
for (const inner of innerExports()) project?.removeReflection(inner);
if (project !== undefined) app.validate(project);
if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) {
  console.error('The doc comments are not complete: see above.');
  process.exit(1);
}

const modules = project.getChildrenByKind(ReflectionKind.Module);
const pages = entries.map(({ source, ...entry }) => {
  const module = modules.find(({ name }) => `lib/${name}.ts` === source);
  if (module === undefined) throw new Error(`Expected a module for ${source}`);
  if (source === ENGINE.source)
    for (const it of module.children ?? []) if (it.name === ENGINE.factory) it.name = ENGINE.name;
  module.children = exported(module.children ?? []);
  return { ...entry, module };
});

/**
 * The exports of a module with `export =`: a function that users call `session`, with exports attached to it.
 *
 * @param {import('typedoc').DeclarationReflection[]} children
 */
function exported(children) {
  const whole = children.filter(({ name }) => name === 'export=');
  if (whole.length === 0) return children;
  const functions = whole.filter(({ kind }) => kind === ReflectionKind.Function);
  for (const it of functions) it.name = ENGINE.name;
  const own = [...whole.flatMap((it) => it.children ?? []), ...children];
  const named = own.filter(
    ({ name, kind }) => kind !== ReflectionKind.Reference && name !== 'export=' && name !== ENGINE.name,
  );
  return [...functions, ...new Map(named.map((it) => [it.name, it])).values()];
}

/** What the engine exports only for other entry points: users cannot import it. */
function innerExports() {
  const face = readFileSync(join(root, ENGINE.face), 'utf8');
  const names = [...face.matchAll(/export (?:import|type) (\w+)/g)].map(([, name]) => name);
  const engine = project
    ?.getChildrenByKind(ReflectionKind.Module)
    .find(({ name }) => `lib/${name}.ts` === ENGINE.source);
  return (engine?.children ?? []).filter(({ name }) => name !== ENGINE.factory && !names.includes(name));
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'README.md'), renderIndex(pages));
for (const page of pages) writeFileSync(join(folder, page.file), renderPage(page, pages));
