// An application in a process of its own, for outages that are told step by step. `/put?key=value`, `/logout` and `/renew` do at once
// what `/hold/put?key=value`, `/hold/logout` and `/hold/renew` do after `/go`; `/return` lets the client look for its server again.
// PORT is Redis's, SESSIONS holds options for the session middleware, as JSON.
const Koa = require('koa');
const session = require('koa-evented-session');
const redisStore = require('koa-redis');

const client = redisStore({
  host: '127.0.0.1',
  port: Number(process.env['PORT']),
  // By itself it does not return as long as a spec lasts.
  retryStrategy: () => 600_000,
});
client.on('error', () => undefined);
const sessions = session({ store: client, ...JSON.parse(process.env['SESSIONS'] || '{}') });
sessions.store.on('disconnect', () => console.log('heard disconnect'));
sessions.store.on('connect', () => console.log('heard connect'));

/** @type {() => void} */
let go = () => undefined;

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
app.on('error', (error) => console.log(`failed with ${error.name} of ${error.operation}`));
app.use(async (ctx, next) => {
  if (ctx.path === '/go') go();
  else if (ctx.path === '/return')
    await /** @type {import('ioredis5').Redis} */ (/** @type {unknown} */ (client.client)).connect();
  else return next();
  ctx.body = 'done';
});
app.use(sessions);
app.use(async (ctx) => {
  const [, hold, action = hold] = ctx.path.split('/');
  if (hold === 'hold') {
    await new Promise((resolve) => {
      go = () => resolve(undefined);
      console.log('holding');
    });
  }
  if (action === 'put') Object.assign(ctx.session ?? {}, ctx.query);
  if (action === 'logout') ctx.session = null;
  if (action === 'renew') await ctx.regenerateSession({ keepData: true });
  ctx.body = ctx.session ?? {};
});
// `free-port.js` has its own mind about the port, and says which.
app.listen(0);
