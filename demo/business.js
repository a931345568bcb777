const { Router } = require('@koa/router');
const Koa = require('koa');
const { StoreError } = require('koa-evented-session');
const { accountRoutes } = require('./account');
const { failurePage } = require('./pages/failure');
const { panelOf } = require('./pages/panel');
const { blogPage } = require('./pages/blog');
const { shopPage } = require('./pages/shop');
const { RECONNECT_TIMEOUT, openSessions } = require('./sessions');
const { handleOf, tagOf } = require('./sessions-list');
const { shelfRoutes } = require('./shelf');
const { visitorOf } = require('./visitor');
const { writesRoutes } = require('./writes');

const homePages = { shop: shopPage, blog: blogPage };

/** @typedef {import('./businesses').Business} Business */
/** @typedef {import('./sessions-list').Client} Client */
/** @typedef {{ business: Business, sessions: import('koa-evented-session').SessionMiddleware<string | undefined> }} Context */

/**
 * A business: its sessions and its pages.
 *
 * @param {Business} business
 * @param {{ app: Koa, client: Client, timeline: import('./timeline').Timeline, panel: import('./panel').Panel }} shared
 */
function openBusiness(business, { app: site, client, timeline, panel }) {
  const { name } = business;
  const sessions = openSessions(site, client, business);
  sessions.store.on('disconnect', () => console.log(`${name}: heard disconnect; requests wait for the store`));
  sessions.store.on('connect', () => console.log(`${name}: heard connect; sessions work again`));
  timeline.watch(name, sessions.store, RECONNECT_TIMEOUT);

  const router = new Router();
  router.get('/', async (ctx) => {
    const visitor = visitorOf(ctx.session);
    const mine = visitor.user === undefined ? [] : await sessions.of(visitor.user).list(ctx);
    const current = mine.find(({ isCurrent }) => isCurrent);
    // A request whose session another one has just ended has no id.
    const handle = current?.handle ?? (ctx.sessionId && handleOf(ctx.sessionId, undefined));
    const own = ctx.sessionHandler.isNew || !handle ? '' : tagOf(handle);
    const view = await panel.look();
    ctx.body = homePages[name]({
      business,
      visitor,
      sessions: mine,
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
    if (!(error instanceof StoreError)) throw error;
    console.error(`${business.name}: ${error.code}: ${error.message}`);
    ctx.status = 503;
    ctx.set('Retry-After', '5');
    ctx.body = failurePage({ business, panel: panelOf(await panel.look(), { own: '', path: `/${business.name}/` }) });
  }
}

module.exports = { openBusiness };
