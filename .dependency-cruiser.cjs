// The rooms of lib/, from the ground up: a file may import from the lines above its own, never from its own line.
// A name is a file or a folder; `x/*` makes each file within x a room. A new room is one more entry.
const rooms = [
  ['types', 'debug-lines'],
  ['errors', 'expect', 'secrets', 'steady-clock', 'timer', 'unknown-options'],
  ['bare-error', 'cookie-attributes', 'cookie-header', 'lately', 'session-id', 'shared-caches', 'ttl'],
  ['stamps'],
  ['session-cookie', 'signatures', 'session-run', 'request-takers'],
  ['set-cookie', 'record', 'session-snapshot', 'known-clients', 'foreign-options', 'given-options'],
  ['cookie-id-store', 'record-end'],
  ['carried-ids', 'mark', 'members', 'swap-outcome'],
  ['merge'],
  ['active-keys', 'turns', 'deadline', 'client-events', 'memory-store'],
  ['budget', 'pipelined'],
  ['stores/redis-batch', 'stores/sealing-keys', 'stores/utf8', 'stores/wrapped-connection'],
  ['stores/redis-driver', 'stores/redis-options', 'stores/redis-url'],
  ['stores/ioredis-options', 'stores/redis-demotion', 'stores/redis-silence'],
  ['stores/node-redis-revival', 'stores/redis-readiness'],
  ['stores/redis-duplicate'],
  ['stores/redis-connection'],
  ['stores/*'],
  ['store-status'],
  ['client-call', 'records'],
  ['write-queue', 'overlaps', 'record-ends'],
  ['shared-loads'],
  ['carried-records', 'compare-and-set-records', 'last-write-records'],
  ['store'],
  ['cookie-options'],
  ['session-settings'],
  ['options'],
  ['carried-headers', 'held-session'],
  ['session-state'],
  ['session-ending', 'session-regenerating'],
  ['reading', 'session-loading', 'session-saving'],
  ['session-updating'],
  ['context-session'],
  ['callback-session'],
  ['middleware'],
  ['index', 'cookie', 'express', 'keyv', 'knex', 'koa-session-store', 'redis'],
  ['compat'],
  ['testing', 'koa-session', 'koa-session-minimal'],
  ['main'],
];

const name = (room) => room.replace('*', '[^/.]+');
const files = (names) => `^lib/(${names.map(name).join('|')})(?:[.]ts$|/)`;
const declarations = '[.]d[.]ts$';
const compat = '^lib/compat/';

const roomRules = rooms.flatMap((line, floor) =>
  line.map((room) => ({
    name: `room-${room}`,
    comment: `${room} imports only from the rooms before it`,
    severity: 'error',
    from: { path: files([room]) },
    to: {
      path: '^lib/',
      pathNot: [files(rooms.slice(0, floor).flat()), '^lib/$1(?:[.]ts$|/)', declarations],
    },
  })),
);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'every-file-has-a-room',
      comment: 'a file of lib that is in no room escapes the order; give it a room',
      severity: 'error',
      from: {},
      to: { path: '^lib/', pathNot: [files(rooms.flat()), compat, declarations] },
    },
    {
      name: 'roomless-imports',
      comment: 'as above, for a file nobody imports yet',
      severity: 'error',
      from: { path: '^lib/', pathNot: [files(rooms.flat()), compat, declarations] },
      to: {},
    },
    {
      name: 'compat-sees-index-only',
      severity: 'error',
      from: { path: compat },
      to: { path: '^lib/', pathNot: ['^lib/index[.]ts$', compat] },
    },
    {
      name: 'lib-stands-alone',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(spec|examples|bench|scripts|dist)/' },
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
      from: { orphan: true, pathNot: ['^lib/main[.]ts$', compat, declarations, '^(spec|examples|bench)/'] },
      to: {},
    },
    { name: 'no-unresolved', severity: 'error', from: { path: '^lib/' }, to: { couldNotResolve: true } },
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
