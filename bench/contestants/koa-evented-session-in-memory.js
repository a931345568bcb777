const { own, peer } = require('../peers');
const { dataOf } = require('../workloads');
const { koaApp } = require('./koa-app');

/** @type {typeof import('../../lib/main')} */
const session = peer(own);

/** `stored` is the number of sessions in the store beforehand. @type {(workload: import('../workloads').Workload & { stored: number }) => any} */
module.exports = (workload) => {
  const store = new session.MemoryStore();
  for (let n = 0; n < workload.stored; n += 1) {
    store.set(`koa:sess:stored${n}`, { cookie: { maxAge: 86_400_000 }, ...dataOf(200) }, 86_400_000);
  }
  return koaApp(workload, () => session({ store }));
};
