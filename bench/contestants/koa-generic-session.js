const { peer } = require('../peers');
const { koaApp } = require('./koa-app');

const session = peer('koa-generic-session');
const redisStore = peer('koa-redis');

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  return koaApp(workload, () => session({ store: redisStore({ port }), rolling, defer }), { defer });
};
