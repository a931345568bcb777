const { Router } = require('@koa/router');
const genericSession = require('koa-generic-session');
const Koa = require('koa');
const { fire, keptIn, numberOf, work } = require('./firing');

const PATH = '/overwriting';

/**
 * What was left of the writes.
 *
 * @typedef {object} Outcome
 * @property {number} answered number of requests that succeeded
 * @property {number[]} kept the requests whose key is in the session
 * @property {number} naive value of a counter that was read, incremented and assigned
 */

/**
 * The same writes on koa-generic-session, in the same store. It only gets and sets: a request gets the whole session as it begins, and
 * sets the whole session as it ends.
 *
 * @param {import('./sessions-list').Client} client
 */
function overwritingApp(client) {
  const router = new Router();
  router.post('/writes', (ctx) => {
    dataOf(ctx)['naive'] = 0;
    ctx.status = 204;
  });
  router.post('/writes/:number', async (ctx) => {
    const number = numberOf(ctx);
    const session = dataOf(ctx);
    await work();
    session[`write${number}`] = true;
    session['naive'] += 1;
    ctx.status = 204;
  });
  router.get('/writes', (ctx) => {
    const session = dataOf(ctx);
    ctx.body = { kept: keptIn(session), naive: session['naive'] };
    ctx.session = null;
  });

  const app = new Koa();
  // Without the client's events: an outage during which nobody visits would end the process.
  const store = {
    get: (/** @type {string} */ key) => client.get(key),
    set: (/** @type {string} */ key, /** @type {any} */ session, /** @type {number} */ ttl) =>
      client.set(key, session, ttl),
    destroy: (/** @type {string} */ key) => client.destroy(key),
  };
  app.use(genericSession({ store, key: 'overwriting.sid', prefix: 'overwriting:sess:', cookie: { maxAge: 60_000 } }));
  app.use(router.routes());
  return app;
}

/**
 * Fires the writes at a new session there, and ends it.
 *
 * @param {string} origin
 * @returns {Promise<Outcome | undefined>} `undefined` if the store was away
 */
async function fireAtOther(origin) {
  const url = `${origin}${PATH}/writes`;
  const begun = await fetch(url, { method: 'POST' });
  if (!begun.ok) return undefined;
  const cookie = begun.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const answered = await fire(url, cookie);
  const left = await fetch(url, { headers: { cookie } });
  return left.ok ? { answered, .../** @type {Omit<Outcome, 'answered'>} */ (await left.json()) } : undefined;
}

/** @param {Koa.Context} ctx @returns {Record<string, any>} */
function dataOf({ session }) {
  return /** @type {Record<string, any>} */ (session);
}

module.exports = { PATH, fireAtOther, overwritingApp };
