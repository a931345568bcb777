// Shuts down cleanly on SIGTERM, whether or not Redis is up: requests are completed, and nothing keeps the process alive.
//
// Run:  npm run build && REDIS_URL=redis://localhost:6379 node examples/shutdown.js   (needs `npm install ioredis`)
// See:  kill -TERM the process while requests are running: they are answered, then it prints `bye` and exits with code 0.
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

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
  // A kept connection with a running request delays the end by some seconds: docs/outages.md, "Shutting down".
  // Running requests have three seconds. Those that still wait for Redis after that fail.
  const patience = setTimeout(() => sessions.close(), 3000);
  server.close(async () => {
    clearTimeout(patience);
    await sessions.close();
    // Closes the connection, which the store opened. If you pass a client to the store, close it yourself.
    await store.close();
    console.log('bye');
  });
});
