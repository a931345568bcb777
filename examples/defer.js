// Loads a session only if a handler asks for it: pages without a session do not use the store, and work while it is down.
//
// Run:  npm run build && node examples/defer.js
// See:  curl -c jar -b jar -X POST http://localhost:3000/visits, then http://localhost:3000/ and http://localhost:3000/visits:
//       only the paths with /visits print `the store is asked`.
const Koa = require('koa');
const session = require('koa-evented-session');

class TellingStore extends session.MemoryStore {
  /** @param {string} key @param {{ ttl?: boolean }} [options] @override */
  load(key, options) {
    console.log('the store is asked');
    return super.load(key, options);
  }
}

const app = new Koa();
app.keys = [process.env['SESSION_SECRET'] || 'a secret that is for development only'];

app.use(session({ defer: true, store: new TellingStore() }));

app.use(async (ctx) => {
  if (ctx.path !== '/visits') {
    ctx.body = 'hello\n';
    return;
  }
  // A promise: without `await` there is no session.
  const visitor = /** @type {{ visits?: number }} */ (await ctx.session);
  if (ctx.method === 'POST') visitor.visits = (visitor.visits ?? 0) + 1;
  ctx.body = `visits: ${visitor.visits ?? 0}\n`;
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
