// What applications do with a session that they put a Proxy before. Plain JavaScript, for programs of their own too.

const HOUR = 60 * 60 * 1000;

/**
 * The handlers of a site.
 *
 * @param {(value: any) => any} wrap puts the Proxy before an object
 * @returns {Record<string, (ctx: any) => unknown>}
 */
function proxiedRoutes(wrap) {
  return {
    '/same': async (ctx) => {
      ctx.session = wrap(await ctx.session);
    },
    '/whole': async (ctx) => {
      const session = wrap(await ctx.session);
      ctx.session = session;
      session.user = 'ann';
      session.cart = { items: ['tea'] };
      session.cart.items.push('milk');
      session.cookie.maxAge = HOUR;
    },
    '/new-object': (ctx) => {
      ctx.session = wrap({ user: 'ann', cart: { items: ['tea'] } });
    },
    '/nested': async (ctx) => {
      const session = await ctx.session;
      session.cart = wrap({ items: ['tea'] });
      session.cart.items.push('milk');
    },
    '/through': async (ctx) => {
      const session = wrap(await ctx.session);
      session.user = 'ann';
      session.cookie.maxAge = HOUR;
    },
    '/cookie': async (ctx) => {
      const { cookie } = wrap(await ctx.session);
      return {
        maxAge: cookie.maxAge,
        path: cookie.path,
        httpOnly: cookie.httpOnly,
        json: JSON.parse(JSON.stringify(cookie)).path,
      };
    },
    '/saved': async (ctx) => {
      ctx.session = wrap(await ctx.session);
      (await ctx.session).user = 'ann';
      await ctx.saveSession();
      const { isNew, status } = ctx.sessionHandler;
      (await ctx.session).cart = { items: ['tea'] };
      return [isNew, status];
    },
    '/updated': async (ctx) => {
      ctx.session = wrap(await ctx.session);
      await ctx.saveSession();
      await ctx.sessionHandler.update((/** @type {any} */ session) => {
        session.views = (session.views ?? 0) + 1;
      });
      return (await ctx.session).views;
    },
    '/regenerated': async (ctx) => {
      ctx.session = wrap(await ctx.session);
      await ctx.regenerateSession({ keepData: true });
    },
  };
}

module.exports = { HOUR, proxiedRoutes };
