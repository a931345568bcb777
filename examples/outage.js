// Answers 503 with Retry-After while Redis is down; pages without a session keep working. Uses koa-redis unchanged.
//
// Run:  npm run build && REDIS_URL=redis://localhost:6379 node examples/outage.js   (needs `npm install koa-redis`)
// See:  curl -i -c jar -b jar http://localhost:3000 counts its views. Stop Redis: it answers 503 after at most two seconds,
//       while http://localhost:3000/health answers at once. Start Redis: it continues counting.
const Koa = require('koa');
const session = require('koa-evented-session');
const redisStore = require('koa-redis');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

const sessions = session({
  // See docs/outages.md for the reasons.
  store: redisStore({
    url: process.env['REDIS_URL'] || 'redis://localhost:6379',
    retryStrategy: (/** @type {number} */ times) => Math.min(times * 50, 500),
    maxRetriesPerRequest: 8,
  }),
  reconnectTimeout: 2000,
});
sessions.store.on('disconnect', () => console.log('disconnect: requests wait up to 2 seconds, then they get a 503'));
sessions.store.on('connect', () => console.log('connect: Redis can be asked'));

app.use(async (ctx, next) => {
  try {
    await next();
  } catch (error) {
    if (!(error instanceof session.StoreError)) throw error;
    ctx.status = 503;
    ctx.set('Retry-After', '5');
    ctx.body = 'please try again\n';
  }
});
// Routes without a session come before it, so that they always work.
app.use(async (ctx, next) => {
  if (ctx.path === '/health') ctx.body = `sessions: ${sessions.store.status}\n`;
  else await next();
});
app.use(sessions);
app.use((ctx) => {
  const visitor = /** @type {{ views?: number }} */ (ctx.session);
  visitor.views = (visitor.views ?? 0) + 1;
  ctx.body = `views: ${visitor.views}\n`;
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
