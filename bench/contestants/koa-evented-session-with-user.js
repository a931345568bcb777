const { koaApp } = require('./koa-app');
const { own, peer } = require('../peers');

/** @type {typeof import('../../lib/main')} */
const session = peer(own);
/** @type {typeof import('../../lib/redis')} */
const { redisStore } = peer(`${own}/redis`);

const Redis = peer('ioredis');

/**
 * The store lists the sessions of the user, who is the same everywhere: `create` is a login.
 *
 * @type {(workload: import('../workloads').Workload, port: number) => any}
 */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ client: new Redis(port) });
  const user = (/** @type {any} */ held) => held.user?.id;
  return koaApp(workload, () => session({ store, rolling, defer, user }), { defer });
};
