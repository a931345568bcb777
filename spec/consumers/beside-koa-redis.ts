// With @types/koa-redis, whose types bring along those of koa-session: it declares `ctx.session` too.
import Koa from 'koa';
import session from 'koa-evented-session';
import redisStore from 'koa-redis';

declare module 'koa-evented-session' {
  interface Session {
    user?: { name: string };
  }
}

const app = new Koa();
app.use(session({ store: redisStore({ url: 'redis://127.0.0.1' }) }));
app.use((ctx) => {
  const name: string | undefined = ctx.session?.user?.name;
  // @ts-expect-error: a user is not a number
  const views: number | undefined = ctx.session?.user;
  ctx.session = { user: { name: `${name} ${views}` } };
  ctx.session = null;
});
