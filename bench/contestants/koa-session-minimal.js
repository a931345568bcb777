const { peer } = require('../peers');
const { koaApp } = require('./koa-app');
const { redisJson } = require('./redis-json');

const session = peer('koa-session-minimal');

/** It supports neither rolling sessions nor signatures. @type {(workload: import('../workloads').Workload, port: number) => any} */
module.exports = (workload, port) =>
  koaApp(workload, () => session({ store: redisJson(port), cookie: { maxAge: 86_400_000 } }));
