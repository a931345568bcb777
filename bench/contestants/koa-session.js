const { peer } = require('../peers');
const { koaApp } = require('./koa-app');
const { redisJson } = require('./redis-json');

// In some versions, `require` returns an ES module.
const loaded = peer('koa-session');
const session = loaded.default ?? loaded;

/** @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) =>
  koaApp(workload, (app) => session({ store: redisJson(port), rolling: workload.rolling ?? false }, app));
