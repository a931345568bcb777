const path = require('node:path');
const { dataOf } = require('../workloads');
const { koaApp } = require('./koa-app');

const dist = process.env['BENCH_DIST'] ?? path.join(__dirname, '../../dist');
/** @type {typeof import('../../lib/main')} */
const session = require(path.join(dist, 'main'));

/** With `stored` sessions there already. @type {(workload: import('../workloads').Workload & { stored: number }) => any} */
module.exports = (workload) => {
  const store = new session.MemoryStore();
  for (let n = 0; n < workload.stored; n += 1) {
    store.set(`koa:sess:stored${n}`, { cookie: { maxAge: 86_400_000 }, ...dataOf(200) }, 86_400_000);
  }
  return koaApp(workload, () => session({ store }));
};
