const { randomUUID } = require('node:crypto');
const { peer } = require('../peers');
const { dataOf } = require('../workloads');

const Koa = peer('koa');

/** Bare Koa with the texts of the sessions in a Map, `stored` of them beforehand. @type {(workload: import('../workloads').Workload & { stored: number }) => any} */
module.exports = (workload) => {
  const texts = new Map();
  for (let n = 0; n < workload.stored; n += 1) texts.set(`stored${n}`, JSON.stringify(dataOf(200)));
  const text = JSON.stringify(dataOf(workload.bytes));
  const app = new Koa();
  app.use((/** @type {any} */ ctx) => {
    if (ctx.path === '/create') {
      const sid = randomUUID();
      texts.set(sid, JSON.stringify(JSON.parse(text)));
      ctx.set('Set-Cookie', `sid=${sid}; path=/; httponly`);
      ctx.body = 'created';
      return;
    }
    const sid = ctx.get('Cookie').slice(4);
    const session = JSON.parse(texts.get(sid));
    if (workload.use === 'write') {
      session.views += 1;
      texts.set(sid, JSON.stringify(session));
    }
    ctx.body = session.user.name;
  });
  return app.callback();
};
