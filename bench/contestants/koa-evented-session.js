const path = require('node:path');
const { peer } = require('../peers');
const { koaApp } = require('./koa-app');

// Named at run time, so that types can be checked before anything is built.
const dist = process.env['BENCH_DIST'] ?? path.join(__dirname, '../../dist');
/** @type {typeof import('../../lib/main')} */
const session = require(path.join(dist, 'main'));
/** @type {typeof import('../../lib/redis')} */
const { redisStore } = require(path.join(dist, 'redis'));

const Redis = peer('ioredis');

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ client: new Redis(port) });
  return koaApp(workload, () => session({ store, rolling, defer }), { defer });
};
