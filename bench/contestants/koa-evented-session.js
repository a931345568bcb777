const { own, peer } = require('../peers');
const { koaApp } = require('./koa-app');

/** @type {typeof import('../../lib/main')} */
const session = peer(own);
/** @type {typeof import('../../lib/redis')} */
const { redisStore } = peer(`${own}/redis`);

const Redis = peer('ioredis');

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ client: new Redis(port) });
  return koaApp(workload, () => session({ store, rolling, defer }), { defer });
};
