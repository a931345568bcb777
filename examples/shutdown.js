// Ends by itself on SIGTERM, whether or not Redis is there: no request is cut off, and nothing keeps the process.
//
// Run:  npm run build && REDIS_URL=redis://localhost:6379 node examples/shutdown.js   (needs `npm install ioredis`)
// See:  kill -TERM its process, while requests run if you like: they are answered, then it says `bye` and ends with code 0.
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret for development only'];

const store = redisStore({ url: process.env['REDIS_URL'] || 'redis://localhost:6379' });
const sessions = session({ store });
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
    // The store made the connection; a client that you give to it you close yourself.
    await store.close();
    console.log('bye');
  });
});
