const { randomUUID } = require('node:crypto');
const { peer } = require('../../peers');
const { dataOf } = require('../../workloads');

const Koa = peer('koa');

const DAY = 86_400_000;
/** Users who log in by turns. */
exports.USERS = 1000;

/**
 * @typedef {import('../../workloads').Workload & { login?: boolean, table: string, database: import('knex').Knex.Config }} SqlWorkload
 * @typedef {'find' | 'insert' | 'replace' | 'findMark' | 'insertMark' | 'enroll'} Statement
 */

/**
 * The least that a session in SQL costs: Koa, the id from the header, the statements of knexStore, and JSON if the handler needs the
 * data. No signature, no check, no merge, no limit to waiting.
 *
 * @param {SqlWorkload} workload
 * @param {(statement: Statement, values: Record<string, unknown>) => Promise<any[]>} ask resolves to the rows, if there are any
 */
exports.plainApp = (workload, ask) => {
  const text = JSON.stringify(dataOf(workload.bytes));
  const app = new Koa();
  let turn = 0;

  const enroll = async (/** @type {number} */ user, /** @type {string} */ key) => {
    const index = `floor:user:${user}`;
    const [found] = await ask('findMark', { index, from: '' });
    if (found.id === null) {
      // Another login of this user may be first.
      await ask('insertMark', { index, id: '', expires: Date.now() + DAY, enrolled: 0 }).catch(() => undefined);
    }
    await ask('enroll', { index, key, ttl: DAY, since: null, earliest: Number(found.ticks) });
  };

  const create = async (/** @type {any} */ ctx) => {
    const sid = randomUUID();
    const id = `floor:${sid}`;
    const session = JSON.parse(text);
    if (workload.login) {
      turn = (turn + 1) % exports.USERS;
      session.user.id = turn;
      await enroll(turn, id);
    }
    const record = JSON.stringify(session);
    await ask('insert', { id, record, revision: randomUUID(), expires: Date.now() + DAY });
    ctx.set('Set-Cookie', `sid=${sid}; path=/; httponly`);
    ctx.body = 'created';
  };

  const read = async (/** @type {any} */ ctx) => {
    const [row] = await ask('find', { id: `floor:${ctx.get('Cookie').slice(4)}`, now: Date.now() });
    ctx.body = JSON.parse(row.record).user.name;
  };

  const write = async (/** @type {any} */ ctx) => {
    const id = `floor:${ctx.get('Cookie').slice(4)}`;
    const now = Date.now();
    const [row] = await ask('find', { id, now });
    const session = JSON.parse(row.record);
    session.views += 1;
    const record = JSON.stringify(session);
    await ask('replace', { id, record, revision: randomUUID(), expires: now + DAY, expected: row.revision, now });
    ctx.body = session.user.name;
  };

  const work = { create, read, write, nothing: create }[workload.use];
  app.use((/** @type {any} */ ctx) => (ctx.path === '/create' ? create(ctx) : work(ctx)));
  return app.callback();
};
