const { peer } = require('../peers');
const { dataOf } = require('../workloads');

const Koa = peer('koa');

/**
 * The same application on any session middleware for Koa.
 *
 * @param {import('../workloads').Workload} workload
 * @param {(app: any) => any} session makes the middleware
 * @param {{ defer?: boolean, created?: (session: any) => void }} [how] whether `ctx.session` is a promise, and what else a new session gets
 */
exports.koaApp = (workload, session, { defer = false, created } = {}) => {
  const app = new Koa();
  app.keys = ['a key for the bench', 'an older key'];
  const text = JSON.stringify(dataOf(workload.bytes));
  const sessionOf = (/** @type {any} */ ctx) => ctx.session;

  const create = async (/** @type {any} */ ctx) => {
    const held = defer ? await sessionOf(ctx) : sessionOf(ctx);
    Object.assign(held, JSON.parse(text));
    created?.(held);
    ctx.body = 'created';
  };
  const read = async (/** @type {any} */ ctx) => {
    const held = defer ? await sessionOf(ctx) : sessionOf(ctx);
    ctx.body = held.user.name;
  };
  const write = async (/** @type {any} */ ctx) => {
    const held = defer ? await sessionOf(ctx) : sessionOf(ctx);
    held.views += 1;
    ctx.body = held.user.name;
  };
  const nothing = async (/** @type {any} */ ctx) => {
    ctx.body = 'nothing';
  };

  const work = { create, read, write, nothing }[workload.use];
  app.use(session(app));
  app.use((/** @type {any} */ ctx) => (ctx.path === '/create' ? create(ctx) : work(ctx)));
  return app.callback();
};
