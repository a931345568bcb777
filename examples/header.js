// Sends the session id in a header instead of a cookie, for clients other than browsers.
//
// Run:  npm run build && node examples/header.js
// See:  curl -i -X POST http://localhost:3000/items/tea answers with an X-Session-Id; with -H 'X-Session-Id: …' a second POST
//       finds the list again, and curl -X DELETE ends it.
const Koa = require('koa');
const session = require('koa-evented-session');

const app = new Koa();

app.use(
  session({
    // Called with the context as `this`. The id is not signed: its 144 random bits are the only protection. Send it over TLS only,
    // and do not log it.
    sessionIdStore: {
      get() {
        return this.get('X-Session-Id');
      },
      set(sid) {
        this.set('X-Session-Id', sid);
        this.set('Cache-Control', 'no-store');
      },
      reset() {
        this.remove('X-Session-Id');
      },
    },
    // The lifetime of a session, since there is no cookie to set it.
    ttl: 60 * 60 * 1000,
  }),
);

app.use((ctx) => {
  const visitor = /** @type {{ items?: string[] }} */ (ctx.session);
  const [, item] = /^\/items\/(\w+)$/.exec(ctx.path) ?? [];
  if (ctx.method === 'DELETE') {
    ctx.session = null;
    ctx.status = 204;
    return;
  }
  if (ctx.method === 'POST' && item) visitor.items = [...(visitor.items ?? []), item];
  ctx.body = visitor.items ?? [];
});

const server = app.listen(Number(process.env['PORT'] || 3000), () => {
  const address = server.address();
  console.log(`http://localhost:${address && typeof address === 'object' ? address.port : ''}`);
});
