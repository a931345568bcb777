const { interop } = require('../../peers');
const { plainApp } = require('./plain-app');
const { compiled, statementsOf } = require('./statements');

/** Bare Koa on `pg` or `mysql2`. @type {(workload: import('./plain-app').SqlWorkload) => any} */
module.exports = (workload) => {
  const { client, connection } = workload.database;
  // Knex only writes the text of the statements, once.
  const statements = Object.entries(statementsOf(interop('knex')({ client }), workload.table));
  const texts = Object.fromEntries(statements.map(([name, statement]) => [name, compiled(statement)]));
  const query = client === 'pg' ? byPg(connection) : byMysql(connection);
  return plainApp(workload, (name, values) => {
    const { sql, bind } = /** @type {ReturnType<typeof compiled>} */ (texts[name]);
    return query(sql, bind(values));
  });
};

/** @param {any} connection @returns {(sql: string, values: any[]) => Promise<any[]>} */
function byPg(connection) {
  const pool = new (interop('pg').Pool)(connection);
  return async (sql, values) => (await pool.query(sql, values)).rows;
}

/** @param {any} connection @returns {(sql: string, values: any[]) => Promise<any[]>} */
function byMysql(connection) {
  const pool = interop('mysql2/promise').createPool(connection);
  return async (sql, values) => (await pool.query(sql, values))[0];
}
