// An application on redisStore() in a process of its own, which tells how many bytes its requests allocate: `/create`, `/read`, `/write`
// and `/pass`, which touches no session. Started with --expose-gc and room for all young objects, so that nothing is collected between two
// measurements.
const { createServer } = require('node:http');
const { getHeapStatistics } = require('node:v8');
const { Redis } = require('ioredis5');
const Koa = require('koa');
const session = require('koa-evented-session');
const { redisStore } = require('koa-evented-session/redis');
const { dataOf } = require('../../../bench/workloads');

const text = JSON.stringify(dataOf(1000));
const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
app.use(session({ store: redisStore({ client: new Redis(Number(process.env['REDIS_PORT'])) }) }));
app.use((ctx) => {
  const held = /** @type {any} */ (ctx.path === '/pass' ? undefined : ctx.session);
  if (ctx.path === '/create') Object.assign(held, JSON.parse(text));
  if (ctx.path === '/write') held.views += 1;
  ctx.body = 'done';
});

const server = createServer(app.callback()).listen(0, '127.0.0.1', () => {
  process.send?.(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
});
process.on('message', (collects) => {
  if (collects) /** @type {() => void} */ (/** @type {any} */ (globalThis).gc)();
  // What answers a request is done a turn later.
  setImmediate(() => process.send?.(getHeapStatistics().used_heap_size));
});
process.on('disconnect', () => process.exit());
