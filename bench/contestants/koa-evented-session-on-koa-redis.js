const { own, peer } = require('../peers');
const { koaApp } = require('./koa-app');

/** @type {typeof import('../../lib/main')} */
const session = peer(own);

const redisStore = peer('koa-redis');

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ port });
  return koaApp(workload, () => session({ store, rolling, defer }), { defer });
};
