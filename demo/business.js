const { Router } = require('@koa/router');
const Koa = require('koa');
const session = require('koa-evented-session');
const { accountRoutes } = require('./account');
const { deviceOf } = require('./device');
const { failurePage } = require('./pages/failure');
const { panelOf } = require('./pages/panel');
const { blogPage } = require('./pages/blog');
const { shopPage } = require('./pages/shop');
const { tagOf } = require('./sessions-list');
const { shelfRoutes } = require('./shelf');
const { visitorOf } = require('./visitor');
const { writesRoutes } = require('./writes');

const homePages = { shop: shopPage, blog: blogPage };

/** How long requests wait for the store, in milliseconds. Short, so that the demo can show requests that fail. */
const RECONNECT_TIMEOUT = 2500;

/** @typedef {import('./businesses').Business} Business */
/** @typedef {import('./sessions-list').Client} Client */
/** @typedef {{ business: Business, sessions: session.SessionMiddleware<string | undefined> }} Context */

/**
 * A business with separate sessions: a prefix separates its records; a cookie name and a path separate its cookies.
 *
 * @param {Business} business
 * @param {{ client: Client, timeline: import('./timeline').Timeline, panel: import('./panel').Panel }} shared
 */
function openBusiness(business, { client, timeline, panel }) {
  const { name, prefix, ttl } = business;
  const sessions = session({
    ...business.options,
    store: client,
    key: `${name}.sid`,
    prefix,
    cookie: { path: `/${name}`, maxAge: ttl },
    reconnectTimeout: RECONNECT_TIMEOUT,
    user: (saved) => visitorOf(saved).user,
    device: (ctx) => deviceOf(ctx.get('user-agent')),
    beforeSave: (_ctx, saved) => {
      visitorOf(saved).since ??= Date.now();
    },
  });
  sessions.store.on('disconnect', () => console.log(`${name}: heard disconnect; requests wait for the store`));
  sessions.store.on('connect', () => console.log(`${name}: heard connect; sessions work again`));
  timeline.watch(name, sessions.store, RECONNECT_TIMEOUT);

  const router = new Router();
  router.get('/', async (ctx) => {
    const visitor = visitorOf(ctx.session);
    const own = ctx.sessionHandler.isNew ? '' : tagOf(ctx.sessionId);
    const view = await panel.look();
    ctx.body = homePages[name]({
      business,
      visitor,
      sessions: visitor.user === undefined ? [] : await sessions.of(visitor.user).list(ctx),
      hasEnded: ctx.state['hasEnded'] === true,
      panel: panelOf(view, { own, path: `/${name}/`, outcome: visitor.writes }),
    });
  });
  for (const routes of [accountRoutes, shelfRoutes, writesRoutes]) routes(router, { business, sessions });

  const app = new Koa();
  app.use(async (ctx, next) => {
    await timeline.follow(
      name,
      () => answerFailures(ctx, next, business, panel),
      () => ctx.status < 500,
    );
  });
  app.use(sessions);
  app.use(router.routes());
  return { name, sessions, app };
}

/**
 * Answers with an explanation if the store is unavailable.
 *
 * @param {import('koa').Context} ctx
 * @param {import('koa').Next} next
 * @param {Business} business
 * @param {import('./panel').Panel} panel
 */
async function answerFailures(ctx, next, business, panel) {
  try {
    await next();
  } catch (error) {
    if (!(error instanceof session.StoreError)) throw error;
    console.error(`${business.name}: ${error.code}: ${error.message}`);
    ctx.status = 503;
    ctx.set('Retry-After', '5');
    ctx.body = failurePage({ business, panel: panelOf(await panel.look(), { own: '', path: `/${business.name}/` }) });
  }
}

module.exports = { RECONNECT_TIMEOUT, openBusiness };
