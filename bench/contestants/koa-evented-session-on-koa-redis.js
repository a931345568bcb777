const path = require('node:path');
const { peer } = require('../peers');
const { koaApp } = require('./koa-app');

// Named at run time, so that types can be checked before anything is built.
const dist = process.env['BENCH_DIST'] ?? path.join(__dirname, '../../dist');
/** @type {typeof import('../../lib/main')} */
const session = require(path.join(dist, 'main'));

const redisStore = peer('koa-redis');

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ port });
  return koaApp(workload, () => session({ store, rolling, defer }), { defer });
};
