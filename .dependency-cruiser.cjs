// The folders of lib/, from the ground up: a file imports from its own folder and from the rows above it, and folders in one row do
// not know each other. The entry points, at the root of lib/, come last. docs/contributing.md says what each folder holds.
const rows = [
  ['base'],
  ['cookies', 'record', 'client'],
  ['stores', 'persistence'],
  ['users'],
  ['session'],
  ['middleware'],
  ['compat', 'testing', 'opentelemetry', 'cli'],
];

const within = (folders) => `^lib/(${folders.join('|')})/`;
const declarations = '[.]d[.]ts$';
const compat = '^lib/compat/';
const isEntry = '^lib/[^/]+[.]ts$';

const rowRules = rows.map((row, at) => ({
  name: `row-${row.join('-')}`,
  comment: `a file of ${row.join(', ')} imports from its own folder and from the rows above`,
  severity: 'error',
  from: { path: within(row) },
  to: { path: '^lib/', pathNot: [...rows.slice(0, at).map(within), '^lib/$1/', declarations] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...rowRules,
    {
      name: 'every-folder-has-a-row',
      comment: 'a folder of lib that is in no row escapes the order; give it a row',
      severity: 'error',
      from: { path: '^lib/[^/]+/', pathNot: [...rows.map(within), declarations] },
      to: {},
    },
    { name: 'entry-points-stand-side-by-side', severity: 'error', from: { path: isEntry }, to: { path: isEntry } },
    {
      name: 'stores-stand-side-by-side',
      comment: 'a store knows only the parts that it is made of',
      severity: 'error',
      from: { path: '^lib/stores/([^/.]+)' },
      to: { path: '^lib/stores/', pathNot: '^lib/stores/$1(?:/|[.]ts$)' },
    },
    {
      name: 'compat-sees-the-engine-only',
      severity: 'error',
      from: { path: compat },
      to: { path: '^lib/', pathNot: ['^lib/middleware/engine[.]ts$', compat] },
    },
    {
      name: 'lib-stands-alone',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(spec|examples|demo|bench|scripts|dist)/' },
    },
    {
      name: 'lib-ships-what-it-needs',
      comment: 'what lib imports must be installed for its users too',
      severity: 'error',
      from: { path: '^lib/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'npm-peer', 'type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['^lib/(main|cli)[.]ts$', compat, declarations, '^(spec|examples|demo|bench)/'] },
      to: {},
    },
    {
      name: 'no-unresolved',
      comment: 'the one exception is an optional peer that only spec/interop installs',
      severity: 'error',
      from: { path: '^lib/' },
      to: { couldNotResolve: true, pathNot: '^@opentelemetry/api$' },
    },
  ],
  options: {
    // Type-only imports are imports: they show who knows whom.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'require', 'node', 'default'] },
  },
};
