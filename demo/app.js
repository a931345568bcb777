const { Router } = require('@koa/router');
const Koa = require('koa');
const mount = require('koa-mount');
const { assets } = require('./assets');
const { openBusiness } = require('./business');
const { businesses } = require('./businesses');
const { docs } = require('./docs');
const { Endings } = require('./endings');
const { readForm } = require('./form');
const { Outage } = require('./outage');
const overwriting = require('./overwriting');
const { homePage } = require('./pages/home');
const { messagePage } = require('./pages/message');
const { panelOf } = require('./pages/panel');
const { Panel } = require('./panel');
const { refuseOtherSites, secureHeaders } = require('./security');
const { Timeline } = require('./timeline');
const { goTo } = require('./visitor');
const { Viewers } = require('./viewers');

/** Lengths of an outage in seconds: requests wait out the first, but not the second. */
const OUTAGES = ['2', '6'];

/**
 * Two businesses that share a store, and a panel that shows what is in it.
 *
 * @param {{ client: import('./sessions-list').Client, secret: string }} settings
 */
function createApp({ client, secret }) {
  const app = new Koa();
  app.keys = [secret];
  app.on('error', (error) => {
    // A viewer of the panel has left the page.
    if (!['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code)) app.onerror(error);
  });
  // Tell the visitor that their session is not in the store.
  app.on('session:missed', ({ ctx }) => {
    ctx.state.hasEnded = true;
  });

  const endings = new Endings();
  app.on('session:ended', (event) => endings.note(event));

  const timeline = new Timeline();
  const outage = new Outage(client, () => {
    // No visitor has this id, but the store is asked for it.
    for (const { name, sessions } of open) {
      timeline
        .follow(
          name,
          () => sessions.store.get('nobody'),
          () => true,
        )
        .catch(() => undefined);
    }
  });
  const panel = new Panel({ businesses, client, endings, timeline, outage });
  const viewers = new Viewers(panel);
  const open = businesses.map((business) => openBusiness(business, { app, client, timeline, panel }));

  app.use(secureHeaders);
  app.use(explainErrors);
  app.use(refuseOtherSites);
  app.use(assets);
  app.use(docs);
  app.use(routes({ panel, viewers, outage, open }));
  for (const business of open) app.use(mount(`/${business.name}`, business.app));
  app.use(mount(overwriting.PATH, overwriting.overwritingApp(client)));

  /** Fails the requests that wait for the store, and ends everything else that keeps the process alive. */
  async function close() {
    outage.close();
    await Promise.all(open.map(({ sessions }) => sessions.close()));
  }
  return { app, close, viewers };
}

/**
 * Routes that come before the sessions: they work without the store and use no session.
 *
 * @param {{ panel: Panel, viewers: Viewers, outage: Outage, open: ReturnType<typeof openBusiness>[] }} parts
 */
function routes({ panel, viewers, outage, open }) {
  const router = new Router();
  router.get('/', async (ctx) => {
    ctx.body = homePage({ panel: panelOf(await panel.look(), { own: '', path: '/' }) });
  });
  router.get('/panel/events', (ctx) => viewers.serve(ctx));
  // Below the path of its cookie, so that the stream knows whose it is.
  for (const { name, sessions } of open) router.get(`/${name}/events`, (ctx) => viewers.serve(ctx, sessions));
  router.post('/panel/outage', async (ctx) => {
    const form = await readForm(ctx);
    const seconds = form.get('seconds') ?? '';
    if (OUTAGES.includes(seconds)) outage.begin(Number(seconds) * 1000);
    const path = form.get('path') ?? '';
    goTo(ctx, ['/', '/shop/', '/blog/'].includes(path) ? `${path}#panel` : '/#panel');
  });
  return router.routes();
}

/** @param {Koa.Context} ctx @param {Koa.Next} next */
async function explainErrors(ctx, next) {
  try {
    await next();
    if (ctx.status === 404 && !ctx.body) ctx.throw(404, 'there is no such page');
  } catch (error) {
    const {
      status = 500,
      expose,
      message,
    } = /** @type {{ status?: number, expose?: boolean, message: string }} */ (error);
    if (status >= 500) ctx.app.emit('error', error, ctx);
    ctx.status = status;
    ctx.body = messagePage(expose ? message : 'something went wrong');
  }
}

module.exports = { createApp };
