// As `writing-app.js`, with its sessions in a KnexStore: `/put?name=value` writes keys once `together` requests have their session, so
// that all of them overlap; `/see` tells the data. DATABASE holds the configuration of Knex, as JSON.
const { createServer } = require('node:http');
const { createRequire } = require('node:module');
const path = require('node:path');
const Koa = require('koa');
const session = require('koa-evented-session');
const { knexStore } = require('koa-evented-session/knex');

/** @type {typeof import('knex').default} */
const makeKnex = createRequire(path.join(__dirname, '../../interop/package.json'))('knex');

const app = new Koa();
app.keys = ['the key of the specs, of more than 32 bytes'];
const knex = makeKnex(JSON.parse(process.env['DATABASE'] ?? '{}'));
app.use(session({ store: knexStore({ knex }) }));

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
