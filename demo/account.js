const { deviceOf } = require('./device');
const { readForm } = require('./form');
const { listSessions } = require('./sessions-list');
const { goTo, visitorOf } = require('./visitor');

/** @typedef {import('./business').Context} Context */

/**
 * Logging in and out, here and elsewhere.
 *
 * @param {import('@koa/router').Router} router
 * @param {Context} context
 */
function accountRoutes(router, { business, client }) {
  const home = `/${business.name}/`;

  router.post('/login', async (ctx) => {
    const form = await readForm(ctx);
    const user = (form.get('user') ?? '').trim().slice(0, 40);
    if (user) {
      // A new id, so that someone who knew the old one is not logged in with it. The cart or reading list is kept, unless it belongs
      // to a user who was logged in.
      await ctx.regenerateSession({ keepData: visitorOf(ctx.session).user === undefined });
      Object.assign(visitorOf(ctx.session), { user, since: Date.now(), device: deviceOf(ctx.get('user-agent')) });
    }
    goTo(ctx, home);
  });

  router.post('/logout', (ctx) => {
    ctx.session = null;
    goTo(ctx, home);
  });

  /** Ends another session of the same user. */
  router.post('/sessions/end', async (ctx) => {
    const tag = (await readForm(ctx)).get('tag');
    await endSessions(ctx, (session) => session.tag === tag);
    goTo(ctx, `${home}#sessions`);
  });

  router.post('/logout-everywhere', async (ctx) => {
    await endSessions(ctx, (session) => session.sid !== ctx.sessionId);
    ctx.session = null;
    goTo(ctx, home);
  });

  /** @param {import('koa').Context} ctx @param {(session: import('./sessions-list').Listed) => boolean} which */
  async function endSessions(ctx, which) {
    const { user } = visitorOf(ctx.session);
    if (user === undefined) return;
    const own = (await listSessions(client, business.prefix)).filter(
      (session) => session.user === user && which(session),
    );
    await Promise.all(own.map(({ sid }) => ctx.sessionStore.destroy(sid)));
  }
}

module.exports = { accountRoutes };
