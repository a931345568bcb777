const path = require('node:path');
const { own, peer } = require('../../peers');

// A part of the package that has no entry point.
const folder = path.join(path.dirname(peer.resolve(`${own}/knex`)), 'stores/knex');
/** @type {typeof import('../../../lib/stores/knex/users-sql')} */
const { addSql, COLUMNS, findSql } = require(path.join(folder, 'users-sql.js'));

/**
 * The statements of knexStore, as an application would write them with Knex.
 *
 * @param {import('knex').Knex} knex
 * @param {string} table
 */
exports.statementsOf = (knex, table) => {
  const users = `${table}_users`;
  const dialect = knex.client.dialect;
  /** @typedef {Record<string, any>} Values */
  return {
    find: (/** @type {Values} */ { id, now }) =>
      knex(table).select('record', 'revision', 'expires').where({ id }).where('expires', '>', now).limit(1),
    insert: (/** @type {Values} */ { id, record, revision, expires }) =>
      knex(table).insert({ id, record, revision, expires }),
    replace: (/** @type {Values} */ { id, record, revision, expires, expected, now }) =>
      knex(table).where({ id, revision: expected }).where('expires', '>', now).update({ record, revision, expires }),
    findMark: (/** @type {Values} */ { index, from }) =>
      knex.raw(findSql(dialect), { ...COLUMNS, table: users, index, from }),
    insertMark: (/** @type {Values} */ { index, id, expires, enrolled }) =>
      knex(users).insert({ owner: index, id, expires, enrolled }),
    enroll: (/** @type {Values} */ { index, key, ttl, since, earliest }) =>
      knex.raw(addSql(dialect), { ...COLUMNS, table: users, index, key, ttl, since, earliest }),
  };
};

/** Each property is its own name. */
const names = new Proxy({}, { get: (_, name) => name });

/**
 * A statement as its driver takes it: the text, and a function that puts values in the order of the placeholders.
 *
 * @param {(values: Record<string, any>) => any} statement
 * @returns {{ sql: string, bind: (values: Record<string, any>) => any[] }}
 */
exports.compiled = (statement) => {
  const { sql, bindings } = statement(names).toSQL().toNative();
  return {
    sql,
    bind: (values) => bindings.map((/** @type {unknown} */ name) => (typeof name === 'string' ? values[name] : name)),
  };
};
