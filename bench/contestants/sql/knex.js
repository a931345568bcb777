const { interop } = require('../../peers');
const { plainApp } = require('./plain-app');
const { statementsOf } = require('./statements');

/** Bare Koa on Knex. @type {(workload: import('./plain-app').SqlWorkload) => any} */
module.exports = (workload) => {
  const knex = interop('knex')(workload.database);
  const statements = statementsOf(knex, workload.table);
  const isPg = workload.database.client === 'pg';
  return plainApp(workload, async (name, values) => {
    const answer = /** @type {any} */ (await statements[name](values));
    if (name !== 'findMark') return answer;
    return isPg ? answer.rows : answer[0];
  });
};
