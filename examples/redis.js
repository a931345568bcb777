// Keeps sessions in Redis, where they outlive the process, and listens to lost connections.
//
// Run:  npm run build && REDIS_URL=redis://localhost:6379 node examples/redis.js   (needs `npm install ioredis`)
// See:  curl -c jar -b jar http://localhost:3000 continues counting after a restart of the program. Stop Redis: it prints
//       `disconnect`, and requests wait. Start Redis again: it prints `connect`, and they continue.
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

const sessions = session({ store: redisStore({ url: process.env['REDIS_URL'] || 'redis://localhost:6379' }) });
sessions.store.on('disconnect', () => console.log('disconnect: requests wait up to 10 seconds for Redis'));
sessions.store.on('connect', () => console.log('connect: requests that waited go on'));
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
