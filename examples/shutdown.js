// Ends by itself on SIGTERM, whether or not Redis is there. `npm run build && REDIS_URL=redis://… node examples/shutdown.js`
const Koa = require('koa');
const session = require('koa-evented-session');
const redisStore = require('koa-redis');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret for development only'];

const client = redisStore({ url: process.env['REDIS_URL'] || 'redis://localhost:6379' });
const sessions = session({ store: client });
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

process.once('SIGTERM', () => {
  // Requests that are being answered have three seconds; those that still wait for Redis fail then.
  const patience = setTimeout(() => sessions.close(), 3000);
  server.close(async () => {
    clearTimeout(patience);
    await sessions.close();
    await client.quit();
    console.log('bye');
  });
});
