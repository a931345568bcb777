// An application in CommonJS, without types.
const Koa = require('koa');
const session = require('koa-evented-session');

const app = new Koa();
app.keys = ['the secret of the specs, of more than 32 bytes'];
app.use(session({ store: new session.MemoryStore() }));
app.use((ctx) => {
  ctx.session.views = (ctx.session.views ?? 0) + 1;
  ctx.body = `views: ${ctx.session.views}`;
});

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
