const { readForm } = require('./form');
const { goTo, visitorOf } = require('./visitor');

/** @typedef {import('./business').Context} Context */

/**
 * Logging in and out, here and elsewhere.
 *
 * @param {import('@koa/router').Router} router
 * @param {Context} context
 */
function accountRoutes(router, { business, sessions }) {
  const home = `/${business.name}/`;

  router.post('/login', async (ctx) => {
    const form = await readForm(ctx);
    const user = (form.get('user') ?? '').trim().slice(0, 40);
    if (user) {
      // A new id, so that someone who knew the old one is not logged in with it. The cart or reading list is kept, unless it belongs
      // to a user who was logged in.
      await ctx.regenerateSession({ keepData: visitorOf(ctx.session).user === undefined });
      Object.assign(visitorOf(ctx.session), { user, since: Date.now() });
    }
    goTo(ctx, home);
  });

  router.post('/logout', (ctx) => {
    ctx.session = null;
    goTo(ctx, home);
  });

  /** Ends another session of the same user: `of(user)` accepts no handle of anybody else. */
  router.post('/sessions/end', async (ctx) => {
    const handle = (await readForm(ctx)).get('handle') ?? '';
    await sessionsOf(ctx)?.end(handle);
    goTo(ctx, `${home}#sessions`);
  });

  router.post('/sessions/end-others', async (ctx) => {
    await sessionsOf(ctx)?.endOthers(ctx);
    goTo(ctx, `${home}#sessions`);
  });

  router.post('/logout-everywhere', async (ctx) => {
    await sessionsOf(ctx)?.endAll(ctx);
    goTo(ctx, home);
  });

  /** @param {import('koa').Context} ctx */
  function sessionsOf(ctx) {
    const { user } = visitorOf(ctx.session);
    return user === undefined ? undefined : sessions.of(user);
  }
}

module.exports = { accountRoutes };
