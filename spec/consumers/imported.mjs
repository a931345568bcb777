// An application in ES modules, without types.
import Koa from 'koa';
import session, { MemoryStore } from 'koa-evented-session';

const app = new Koa();
app.keys = ['the secret of the specs, of more than 32 bytes'];
app.use(session({ store: new MemoryStore() }));
app.use((ctx) => {
  ctx.session.views = (ctx.session.views ?? 0) + 1;
  ctx.body = `views: ${ctx.session.views}`;
});

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
