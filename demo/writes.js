const { FIRED, fire, keptIn, numberOf, originOf, work } = require('./firing');
const { fireAtOther } = require('./overwriting');
const { goTo, updateVisitor, visitorOf } = require('./visitor');

/**
 * The outcome of the parallel writes.
 *
 * @typedef {object} Outcome
 * @property {number} fired
 * @property {number} answered number of requests that succeeded
 * @property {number[]} kept the requests whose key is in the session
 * @property {number} updated value of a counter incremented with `update()`
 * @property {number} naive value of a counter that was read, incremented and assigned
 * @property {import('./overwriting').Outcome | undefined} other that of the same writes on another session middleware
 */

/**
 * Fires writes at the visitor's session: real requests with the visitor's cookie.
 *
 * @param {import('@koa/router').Router} router
 * @param {import('./business').Context} context
 */
function writesRoutes(router, { business }) {
  router.post('/writes', async (ctx) => {
    await updateVisitor(ctx, (visitor) => Object.assign(visitor, { updated: 0, naive: 0 }));
    const origin = originOf(ctx);
    const [answered, other] = await Promise.all([
      fire(`${origin}/${business.name}/writes`, cookiesOf(ctx)),
      fireAtOther(origin),
    ]);

    await updateVisitor(ctx, (visitor) => {
      const kept = keptIn(visitor);
      for (const number of kept) delete visitor[`write${number}`];
      const { updated, naive } = visitor;
      visitor.writes = { fired: FIRED, answered, kept, updated, naive, other };
    });
    goTo(ctx, `/${business.name}/#writes`);
  });

  router.post('/writes/:number', async (ctx) => {
    const number = numberOf(ctx);
    const visitor = visitorOf(ctx.session);
    if (visitor['updated'] === undefined) ctx.throw(404);
    await work();
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
