const { interop, own, peer } = require('../../peers');
const { koaApp } = require('../koa-app');
const { USERS } = require('./plain-app');

/** @type {typeof import('../../../lib/main')} */
const session = peer(own);
/** @type {typeof import('../../../lib/knex')} */
const { knexStore } = peer(`${own}/knex`);

/** `login`: each session is created for the next user. @type {(workload: import('./plain-app').SqlWorkload) => any} */
module.exports = (workload) => {
  const store = knexStore({ knex: interop('knex')(workload.database), table: workload.table });
  if (!workload.login) return koaApp(workload, () => session({ store }));
  let turn = 0;
  const created = (/** @type {any} */ held) => {
    turn = (turn + 1) % USERS;
    held.user.id = turn;
  };
  const user = (/** @type {any} */ held) => held.user?.id;
  return koaApp(workload, () => session({ store, user }), { created });
};
