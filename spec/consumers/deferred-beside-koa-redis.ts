// The same with `defer`.
import Koa from 'koa';
import session from 'koa-evented-session';
import redisStore from 'koa-redis';

declare module 'koa-evented-session' {
  interface Session {
    user?: { name: string };
  }
  interface SessionTypes {
    defer: true;
  }
}

const app = new Koa();
app.use(session({ store: redisStore({ url: 'redis://127.0.0.1' }), defer: true }));
app.use(async (ctx) => {
  const name: string | undefined = (await ctx.session)?.user?.name;
  // @ts-expect-error: a user is not a number
  const views: number | undefined = (await ctx.session)?.user;
  ctx.session = { user: { name: `${name} ${views}` } };
  ctx.session = null;
});
