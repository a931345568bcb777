// An application in a process of its own: `/count` counts in the visitor's session, `/see` tells how far, `/alive` needs no session.
// REDIS and SESSIONS hold options for koa-redis and for the session middleware, as JSON.
const { createServer } = require('node:http');
const Koa = require('koa');
const session = require('koa-evented-session');
const redisStore = require('koa-redis');

/** @param {string} name */
const options = (name) => JSON.parse(process.env[name] || '{}');

let rejections = 0;
process.on('unhandledRejection', (reason) => {
  rejections += 1;
  console.error('unhandled rejection:', reason);
});

const client = redisStore({
  // What docs/outages.md recommends.
  retryStrategy: (/** @type {number} */ times) => Math.min(times * 50, 500),
  ...options('REDIS'),
});
const sessions = session({ store: client, ...options('SESSIONS') });
/** @type {string[]} */
const heard = [];
sessions.store.on('disconnect', () => heard.push('disconnect'));
sessions.store.on('connect', () => heard.push('connect'));

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
// Failures are for the visitors to see; what is said otherwise is a fault.
app.silent = true;
app.use(async (ctx, next) => {
  if (ctx.path === '/alive') ctx.body = { rejections, heard, status: sessions.store.status };
  else await next();
});
app.use(sessions);
app.use((ctx) => {
  const visitor = /** @type {{ n?: number }} */ (ctx.session);
  if (ctx.path === '/count') visitor.n = (visitor.n ?? 0) + 1;
  ctx.body = String(visitor.n ?? 0);
});

const server = createServer(app.callback()).listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`);
});
