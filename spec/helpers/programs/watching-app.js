// An application in a process of its own whose WebSockets close when their session ends in any process. REDIS_URL is the store.
const { once } = require('node:events');
const { createServer } = require('node:http');
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');
const { WebSocketServer } = require('ws');

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
const store = redisStore({ url: process.env['REDIS_URL'] });
const sessions = session({ app, store, broadcastEndings: true, user: (held) => held['user'], maxPerUser: 2 });
app.use(sessions);

/** @type {Record<string, (ctx: import('koa').Context) => unknown>} */
const routes = {
  '/login': async (ctx) => {
    await ctx.regenerateSession();
    Object.assign(ctx.session ?? {}, { user: ctx.query['user'] });
  },
  '/logout': (ctx) => {
    ctx.session = null;
  },
  '/rotate': (ctx) => ctx.regenerateSession({ keepData: true }),
  '/replace': (ctx) => ctx.regenerateSession(),
  '/end-all': (ctx) => sessions.of(String(ctx.query['user'])).endAll(),
};
app.use(async (ctx) => {
  await routes[ctx.path]?.(ctx);
  ctx.body = 'done';
});

const sockets = new WebSocketServer({ noServer: true });
const server = createServer(app.callback());
server.on('upgrade', (req, socket, head) => {
  sockets.handleUpgrade(req, socket, head, async (webSocket) => {
    const watch = await sessions.watch(req, (reason) => webSocket.close(4401, reason));
    if (watch === null) return webSocket.close(4401, 'gone');
    webSocket.on('close', () => watch.stop());
    webSocket.send('watched');
  });
});
server.listen(0, '127.0.0.1');
void once(server, 'listening').then(() => {
  console.log(`http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`);
});
