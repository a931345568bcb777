const { Router } = require('@koa/router');
const Koa = require('koa');
const session = require('koa-evented-session');
const { readForm } = require('./form');
const { failurePage, homePage } = require('./pages');

/** @typedef {{ user?: string, count?: number }} Visitor */

/**
 * A business with a login and a counter.
 *
 * @param {{ name: string, store: session.SessionStore, secret: string }} business
 */
function createApp({ name, store, secret }) {
  const app = new Koa();
  app.keys = [secret];

  const sessions = session({ store, key: `${name}.sid`, prefix: `${name}:sess:` });
  sessions.store.on('disconnect', () => console.log(`${name}: heard disconnect; requests wait for the store`));
  sessions.store.on('connect', () => console.log(`${name}: heard connect; sessions are at hand`));

  app.use(answerFailures(name));
  app.use(sessions);
  app.use(routes(name));
  return { app, sessions };
}

/** @param {string} name */
function routes(name) {
  const router = new Router();

  router.get('/', (ctx) => {
    const { user, count = 0 } = /** @type {Visitor} */ (ctx.session);
    // The page is one visitor's own: after the logout not even the back button shows it.
    ctx.set('Cache-Control', 'no-store');
    ctx.body = homePage({ name, user, count });
  });

  router.post('/login', async (ctx) => {
    const form = await readForm(ctx);
    const user = (form.get('user') ?? '').trim().slice(0, 40);
    if (user) {
      // Whoever knew the session id before the login must not share what comes after it.
      await ctx.regenerateSession();
      ctx.session = { user, count: 0 };
    }
    goHome(ctx);
  });

  router.post('/count', async (ctx) => {
    // update() sees what is stored by then, so that two quick clicks count twice.
    const counted = ctx.sessionHandler.update((stored) => {
      const visitor = /** @type {Visitor} */ (stored);
      if (visitor.user) visitor.count = (visitor.count ?? 0) + 1;
    });
    await counted.catch((error) => {
      // Logged out in another tab meanwhile: the home page will say so.
      if (error.code !== 'ERR_SESSION_GONE') throw error;
    });
    goHome(ctx);
  });

  router.post('/logout', (ctx) => {
    ctx.session = null;
    goHome(ctx);
  });

  return router.routes();
}

/** @param {Koa.Context} ctx */
function goHome(ctx) {
  ctx.redirect('/');
  ctx.status = 303;
}

/**
 * @param {string} name
 * @returns {Koa.Middleware}
 */
function answerFailures(name) {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (!(error instanceof session.StoreError)) throw error;
      console.error(`${name}: ${error.code}: ${error.message}`);
      ctx.status = 503;
      ctx.set('Retry-After', '5');
      ctx.body = failurePage(name);
    }
  };
}

module.exports = { createApp };
