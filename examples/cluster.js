// Keeps sessions in a Redis Cluster. Each session is one key, so no command ever spans two nodes.
//
// Run:  npm run build && REDIS_NODES=localhost:7000,localhost:7001 node examples/cluster.js   (needs `npm install ioredis`)
// See:  curl -c jar -b jar http://localhost:3000 counts its views; the sessions of many visitors are spread over the nodes.
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

// Some of the nodes are enough: they name the others.
const nodes = (process.env['REDIS_NODES'] || 'localhost:7000').split(',').map((node) => {
  const [host = 'localhost', port] = node.split(':');
  return { host, port: Number(port || 6379) };
});
const store = redisStore({ isRedisCluster: true, nodes, password: process.env['REDIS_PASSWORD'] });
app.use(session({ store, prefix: 'shop:sess:' }));

app.use((ctx) => {
  const visitor = /** @type {{ views?: number }} */ (ctx.session);
  visitor.views = (visitor.views ?? 0) + 1;
  ctx.body = `views: ${visitor.views}\n`;
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
