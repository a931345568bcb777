// An application in a process of its own, with its sessions in a RedisStore: `/put?name=value` writes keys once `together` requests
// have their session, so that all of them overlap; `/see` tells the data. REDIS holds the options of redisStore(), as JSON.
const { createServer } = require('node:http');
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
app.use(session({ store: redisStore(JSON.parse(process.env['REDIS'] || '{}')) }));

/** @type {(() => void)[]} */
let waiting = [];

/** @param {number} size */
const meet = (size) =>
  new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    waiting.push(resolve);
    if (waiting.length < size) return;
    for (const go of waiting) go();
    waiting = [];
  });

app.use(async (ctx) => {
  const visitor = /** @type {Record<string, unknown>} */ (ctx.session);
  if (ctx.path === '/put') {
    const { together = '1', ...data } = ctx.query;
    await meet(Number(together));
    Object.assign(visitor, data);
  }
  const { cookie: _, ...data } = visitor;
  ctx.body = data;
});

const server = createServer(app.callback()).listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${address && typeof address === 'object' ? address.port : ''}`);
});
