const { koaApp } = require('./koa-app');
const { own, peer } = require('../peers');

/** @type {typeof import('../../lib/main')} */
const session = peer(own);
/** @type {typeof import('../../lib/redis')} */
const { redisStore } = peer(`${own}/redis`);

const Redis = peer('ioredis');

/**
 * The store lists the sessions of each user, and each visitor is another user: `create` is a login.
 *
 * @type {(workload: import('../workloads').Workload, port: number) => any}
 */
module.exports = (workload, port) => {
  const { rolling = false, defer = false } = workload;
  const store = redisStore({ client: new Redis(port) });
  let users = 0;
  const created = (/** @type {any} */ held) => {
    held.userId = users += 1;
  };
  const user = (/** @type {any} */ held) => held.userId;
  return koaApp(workload, () => session({ store, rolling, defer, user }), { defer, created });
};
