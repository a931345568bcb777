const { setTimeout: pause } = require('node:timers/promises');
const { goTo, updateVisitor, visitorOf } = require('./visitor');

/** Number of requests that write to one session at once. */
const FIRED = 24;

/**
 * The outcome of the parallel writes.
 *
 * @typedef {object} Outcome
 * @property {number} fired
 * @property {number} answered number of requests that succeeded
 * @property {number[]} kept the requests whose key is in the session
 * @property {number} updated value of a counter incremented with `update()`
 * @property {number} naive value of a counter that was read, incremented and assigned
 */

/**
 * Fires writes at the visitor's session: real requests with the visitor's cookie, all in parallel. A browser would send only six
 * at a time.
 *
 * @param {import('@koa/router').Router} router
 * @param {import('./business').Context} context
 */
function writesRoutes(router, { business }) {
  router.post('/writes', async (ctx) => {
    await updateVisitor(ctx, (visitor) => Object.assign(visitor, { updated: 0, naive: 0 }));
    const { localAddress = '', localPort } = ctx.socket;
    const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
    const headers = { cookie: cookiesOf(ctx) };
    const numbers = Array.from({ length: FIRED }, (_, index) => index + 1);
    const answers = await Promise.all(
      numbers.map((number) =>
        fetch(`http://${host}:${localPort}/${business.name}/writes/${number}`, { method: 'POST', headers }),
      ),
    );

    await updateVisitor(ctx, (visitor) => {
      const kept = numbers.filter((number) => visitor[`write${number}`] !== undefined);
      for (const number of kept) delete visitor[`write${number}`];
      const { updated, naive } = visitor;
      visitor.writes = { fired: FIRED, answered: answers.filter(({ ok }) => ok).length, kept, updated, naive };
    });
    goTo(ctx, `/${business.name}/#writes`);
  });

  router.post('/writes/:number', async (ctx) => {
    const visitor = visitorOf(ctx.session);
    const number = Number(ctx.params['number']);
    if (!(number >= 1 && number <= FIRED) || visitor['updated'] === undefined) ctx.throw(404);
    // All requests have read the session, and none has written it yet.
    await pause(20 + Math.random() * 60);
    visitor[`write${number}`] = true;
    visitor['naive'] += 1;
    await ctx.sessionHandler.update((stored) => {
      stored['updated'] = Number(stored['updated']) + 1;
    });
    ctx.status = 204;
  });
}

/** The browser's current cookies: those that it sent, with those that this response sets. @param {import('koa').Context} ctx */
function cookiesOf(ctx) {
  const given = [ctx.response.get('set-cookie') ?? []].flat().map((line) => line.split(';')[0]);
  return given.length > 0 ? given.join('; ') : ctx.get('cookie');
}

module.exports = { writesRoutes };
