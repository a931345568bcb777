// Two businesses share one Redis and one connection. Each has its own key prefix and its own cookie.
//
// Run:  npm run build && REDIS_URL=redis://localhost:6379 node examples/prefixes.js   (needs `npm install ioredis`)
// See:  curl -c jar -b jar http://localhost:3000 and http://localhost:3001 count separately. redis-cli --scan --pattern '*:sess:*'
//       shows which session belongs to which business.
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');

const store = redisStore({ url: process.env['REDIS_URL'] || 'redis://localhost:6379' });

/** @param {string} business */
function siteOf(business) {
  const app = new Koa();
  // A separate secret, so that a cookie of one business is not valid for the other.
  app.keys = [
    process.env[`${business.toUpperCase()}_SECRET`] || `a secret of the ${business} that is for development only`,
  ];
  // No prefix is the beginning of another. Cookie names must differ, since browsers share cookies between the ports of a host.
  app.use(session({ store, prefix: `${business}:sess:`, key: `${business}.sid` }));
  app.use((ctx) => {
    const visitor = /** @type {{ views?: number }} */ (ctx.session);
    visitor.views = (visitor.views ?? 0) + 1;
    ctx.body = `${business}: ${visitor.views}\n`;
  });
  return app;
}

/** @param {string} business @param {number} port */
function open(business, port) {
  const server = siteOf(business).listen(port, () => {
    const address = server.address();
    console.log(`${business} http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
  });
}

open('shop', Number(process.env['PORT'] || 3000));
open('blog', Number(process.env['BLOG_PORT'] || 3001));
